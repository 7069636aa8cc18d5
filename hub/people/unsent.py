"""Forms that the gate turned away, kept sealed for the one who typed them."""

import json
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.permissions import Permission
from hub.errors import NotHere
from hub.ids import new_id
from hub.ledger.events import FormErased, FormKept, FormShown
from hub.people.model import Account, HeldForm
from hub.people.parts import Part, as_actor

KEPT_FOR = timedelta(days=7)
MOST_KEPT = 20
"""Unsent forms of one person; the gate keeps a form only once it had turned one away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """A form that the gate turned away; `fields` in the order they were sent."""

    id: str
    path: str
    fields: tuple[tuple[str, str], ...]


class UnsentForms(Part):
    def hold_form(self, account: str, *, path: str, fields: list[tuple[str, str]]) -> str:
        """Keep what someone typed, sealed, for them alone."""
        with self._db.work() as work:
            self._make_room(work.session, account)
            row = work.session.get_one(Account, account)
            held = HeldForm(
                id=new_id(), account_id=account, path=path, sealed_fields=b"", created_at=self._clock()
            )
            box = self._vaults.box(work.session, row.area_id, "held")
            held.sealed_fields = box.seal(json.dumps(fields).encode(), held.id, account)
            work.session.add(held)
            work.record(as_actor(row, session=None, address="", device=""), FormKept(held=held.id))
            work.commit()
            return held.id

    def _make_room(self, session: Session, account: str) -> None:
        """What is older than KEPT_FOR goes, and of more than MOST_KEPT the oldest."""
        newest = (
            select(HeldForm.id).where(HeldForm.account_id == account).order_by(HeldForm.created_at.desc())
        )
        too_many = session.scalars(newest.offset(MOST_KEPT - 1)).all()
        old = HeldForm.created_at < self._clock() - KEPT_FOR
        theirs = HeldForm.account_id == account
        session.execute(delete(HeldForm).where(theirs, or_(old, HeldForm.id.in_(too_many))))

    def unsent(self, actor: Actor) -> list[str]:
        """Ids of the actor's unsent forms, newest first."""
        query = (
            select(HeldForm.id)
            .where(HeldForm.account_id == actor.account)
            .order_by(HeldForm.created_at.desc())
        )
        with self._db.reading() as session:
            return list(session.scalars(query))

    def unsent_form(self, actor: Actor, held: str) -> Unsent:
        """Raises NotHere for anybody else's."""
        with self._db.work() as work:
            row = _held(work.session, actor, held)
            work.record(actor, FormShown(held=held))
            plain = self._vaults.box(work.session, actor.area, "held").open(
                row.sealed_fields, row.id, str(actor.account)
            )
            fields = tuple((str(name), str(value)) for name, value in json.loads(plain))
            found = Unsent(id=row.id, path=row.path, fields=fields)
            work.commit()
        return found

    def discard_form(self, actor: Actor, held: str) -> None:
        with self._db.work() as work:
            work.session.delete(_held(work.session, actor, held))
            work.record(actor, FormErased(held=held))
            work.commit()


def _held(session: Session, actor: Actor, held: str) -> HeldForm:
    row = session.get(HeldForm, held)
    if row is None or row.account_id != actor.account:
        raise NotHere(permission=Permission.SELF, why="absent")
    return row
