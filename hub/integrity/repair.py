"""What a check may put right in the rows: that a document is indexed again. It removes none and changes no content."""

from dataclasses import replace

from sqlalchemy import select

from hub.access.actor import program
from hub.cases.model import Case
from hub.db import Database
from hub.documents.model import Document, DocumentVersion, TextState
from hub.integrity.findings import Fault, Finding
from hub.ledger.events import DocumentProcessed


def index_again(db: Database, finding: Finding) -> Finding:
    """Have the document wait to be prepared; other findings are given back as they are."""
    if finding.fault is not Fault.NOT_INDEXED:
        return finding
    with db.work() as work:
        document = work.session.scalars(
            select(Document).where(Document.id == finding.what).with_for_update()
        ).one()
        version = work.session.get_one(DocumentVersion, (document.id, document.current))
        if version.text_state != TextState.READY:
            return finding
        version.text_state = TextState.WAITING
        case = work.session.get_one(Case, document.case_id)
        work.record(
            program(case.area_id),
            DocumentProcessed(
                case=case.id, document=document.id, version=document.current, purpose="indexing"
            ),
        )
        work.commit()
    return replace(finding, done="it waits to be indexed again")
