"""Whether a legal hold stands: asked by whatever would remove something for good."""

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from hub.disposal.model import LegalHold
from hub.errors import Refused

HELD = "A legal hold stands on this case, so nothing of it can be removed."


def held(case: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """As a condition on a column that names a case."""
    return exists().where(LegalHold.case_id == case, LegalHold.lifted_at.is_(None))


def standing_holds(session: Session, case: str) -> int:
    query = select(func.count()).select_from(LegalHold)
    return session.scalars(query.where(LegalHold.case_id == case, LegalHold.lifted_at.is_(None))).one()


def require_unheld(session: Session, case: str) -> None:
    if standing_holds(session, case):
        raise Refused(HELD)
