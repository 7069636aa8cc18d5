"""The first rows of a hub: the installation, an area with its key, its log and its first statement."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.clock import Clock
from hub.ids import new_id
from hub.ledger import service as ledger
from hub.people.model import Area, Installation
from hub.statement.model import StatementVersion
from hub.statement.service import put_in_force
from hub.statement.standard import CONFIDENTIALITY, EQUALITY
from hub.vaults import Vaults


def ensure_installation(session: Session, clock: Clock) -> None:
    """Give the hub its id, once; everything sealed is bound to it."""
    if session.scalars(select(Installation)).one_or_none() is None:
        session.add(Installation(id=new_id(), created_at=clock()))
        session.flush()


def found_area(
    session: Session,
    clock: Clock,
    vaults: Vaults,
    *,
    name: str,
    localities: Sequence[str],
    demo: bool = False,
) -> Area:
    """A new area with its own key, an empty log and the standard statement in force as version 1."""
    area = new_id()
    key = vaults.new_area_key(session, area)
    row = Area(
        id=area,
        name=name,
        demo=demo,
        key_version=key.version,
        key_wrapped=key.data,
        settings={},
        localities=list(localities),
    )
    session.add(row)
    session.flush()
    ledger.begin(session, area)
    session.add(_first_statement(area, clock))
    session.flush()
    return row


def _first_statement(area: str, clock: Clock) -> StatementVersion:
    version = StatementVersion(
        id=new_id(),
        area_id=area,
        number=None,
        confidentiality=CONFIDENTIALITY,
        equality=EQUALITY,
        edited_by=None,
        edited_at=clock(),
        row_version=1,
    )
    put_in_force(version, 1, "The standard text that a new area begins with.", clock())
    return version
