"""How the reading of files fares, for who runs the service; nothing of any document."""

from sqlalchemy import func, select

from hub.access.actor import Actor
from hub.access.check import authorise
from hub.access.permissions import Permission
from hub.cases.model import Case
from hub.documents.model import Document, DocumentVersion, TextState
from hub.documents.reader import Guard
from hub.documents.records import Part


class Health(Part):
    def guards(self, actor: Actor) -> tuple[Guard, ...]:
        """Which limits this machine enforces on the process that reads files; starts it if need be."""
        authorise(actor, Permission.SERVICE_STATUS)
        return self._reader.guards()

    def unread(self, actor: Actor) -> dict[str, int]:
        """How many versions of the area wait to be prepared, and how many could not be."""
        authorise(actor, Permission.SERVICE_STATUS)
        query = (
            select(DocumentVersion.text_state, func.count())
            .join(Document, Document.id == DocumentVersion.document_id)
            .join(Case, Case.id == Document.case_id)
            .where(Case.area_id == actor.area)
            .group_by(DocumentVersion.text_state)
        )
        with self._db.reading() as session:
            counts = {row[0]: row[1] for row in session.execute(query)}
        return {state.value: counts.get(state, 0) for state in TextState}
