"""Which documents a person may see: one loaded and authorised in one call, or all of them as SQL.

The two ways are held to each other by a test: `visible_documents` lists exactly what `load_document` gives.
"""

from sqlalchemy import ColumnElement, and_, bindparam, exists, false, or_, select
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.permissions import GRANTS, Permission, Role
from hub.access.policy import Denied, DocumentFacts, require_on_document
from hub.cases.access import by_glass, case_facts, facts_of_nothing, visible_cases, works
from hub.cases.model import Case, CaseExclusion
from hub.documents.model import Document, DocumentAudience
from hub.errors import NotHere
from hub.meetings.model import Meeting, MeetingInvitee, MeetingIssue

CANCELLED = "cancelled"


def load_document(
    session: Session, actor: Actor, permission: Permission, document: str
) -> tuple[Case, Document]:
    """The document and its case, if the actor may do this to it. Raises NotHere, alike for absent and forbidden."""
    found = session.execute(_WITH_CASE, {"document": document}).one_or_none()
    if found is None:
        _work_of_nothing(session, document)
        raise NotHere(permission=permission, why="absent", document=document)
    row, case = found
    try:
        require_on_document(actor, permission, case_facts(session, case), document_facts(session, row))
    except Denied as denied:
        raise NotHere(
            permission=permission, why=f"forbidden: {denied}", case=case.id, document=document
        ) from denied
    return case, row


def _work_of_nothing(session: Session, document: str) -> None:
    """The same queries for a document that is not there: absence must not answer sooner."""
    facts_of_nothing(session, document)
    session.scalars(_HOLDERS, {"document": document}).all()


def document_facts(session: Session, document: Document) -> DocumentFacts:
    audience = None
    if document.narrowed:
        query = select(DocumentAudience.agency_id).where(DocumentAudience.document_id == document.id)
        audience = frozenset(session.scalars(query))
    return DocumentFacts(
        document=document.id,
        owner=document.owner_id,
        uploader=document.uploader_id,
        audience=audience,
        issued_to=frozenset(session.scalars(_HOLDERS, {"document": document.id})),
    )


_WITH_CASE = (
    select(Document, Case).join(Case, Case.id == Document.case_id).where(Document.id == bindparam("document"))
)
_HOLDERS = (
    select(MeetingInvitee.account_id)
    .join(MeetingIssue, MeetingIssue.meeting_id == MeetingInvitee.meeting_id)
    .join(Meeting, Meeting.id == MeetingInvitee.meeting_id)
    .where(
        MeetingIssue.document_id == bindparam("document"),
        MeetingInvitee.affirmed_at.is_not(None),
        Meeting.state != CANCELLED,
    )
)
"""Made once: asked for every page and every download."""


def visible_documents(actor: Actor) -> ColumnElement[bool]:
    """The condition on `Document` joined to its `Case` that holds for what the actor may read."""
    if actor.account is None or actor.role is None or Permission.DOCUMENT_READ not in GRANTS[actor.role]:
        return false()
    excluded = exists().where(CaseExclusion.case_id == Case.id, CaseExclusion.account_id == actor.account)
    through_case = and_(visible_cases(actor), _in_audience(actor))
    return and_(Case.area_id == actor.area, ~excluded, or_(through_case, _held(actor)))


def _in_audience(actor: Actor) -> ColumnElement[bool]:
    if actor.role is Role.COORDINATOR:
        return Document.case_id == Case.id
    named = exists().where(
        DocumentAudience.document_id == Document.id, DocumentAudience.agency_id == actor.agency
    )
    theirs = or_(Document.owner_id == actor.agency, named)
    return or_(~Document.narrowed, and_(works(actor), theirs) if by_glass(actor) else theirs)


def _held(actor: Actor) -> ColumnElement[bool]:
    """Issued to a meeting they were invited to and for which they re-affirmed the statement."""
    return (
        exists()
        .where(MeetingIssue.document_id == Document.id, MeetingInvitee.meeting_id == MeetingIssue.meeting_id)
        .where(MeetingInvitee.account_id == actor.account, MeetingInvitee.affirmed_at.is_not(None))
        .where(Meeting.id == MeetingIssue.meeting_id, Meeting.state != CANCELLED)
    )
