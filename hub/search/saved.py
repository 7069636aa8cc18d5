"""Searches that a person keeps for themselves, sealed: nobody else can list or open them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.check import authorise
from hub.access.permissions import Permission
from hub.clock import Clock
from hub.db import Database
from hub.errors import Invalid, NotHere
from hub.ids import new_id
from hub.search.model import SavedSearch
from hub.vaults import Vaults
from storage.vault import FieldBox

MOST = 50
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedLine:
    """`form`: the fields as they were asked."""

    id: str
    name: str
    form: tuple[tuple[str, str], ...]


class Saved:
    _db: Database
    _clock: Clock
    _vaults: Vaults

    def save(self, actor: Actor, name: str, form: Sequence[tuple[str, str]]) -> str:
        """Keep a search under a name. Raises Invalid."""
        authorise(actor, Permission.SEARCH)
        named = " ".join(name.split())[:LONGEST_NAME]
        if not named:
            raise Invalid("name", "Give the search a name.")
        row = SavedSearch(id=new_id(), account_id=actor.account, sealed_form=b"", at=self._clock())
        with self._db.work() as work:
            mine = (
                select(func.count()).select_from(SavedSearch).where(SavedSearch.account_id == actor.account)
            )
            if work.session.scalars(mine).one() >= MOST:
                raise Invalid("name", f"You have saved {MOST} searches. Remove one first.")
            box = self._vaults.box(work.session, actor.area, "search")
            if named.casefold() in {line.name.casefold() for line in _lines(work.session, box, actor)}:
                raise Invalid(
                    "name", f"You have a saved search called “{named}”. Give this one another name."
                )
            plain = json.dumps({"name": named, "form": list(form)}, ensure_ascii=False).encode()
            row.sealed_form = box.seal(plain, row.id, str(row.account_id))
            work.session.add(row)
            work.commit()
        return row.id

    def saved(self, actor: Actor) -> list[SavedLine]:
        """The actor's own, by name."""
        authorise(actor, Permission.SEARCH)
        with self._db.reading() as session:
            lines = _lines(session, self._vaults.box(session, actor.area, "search"), actor)
        return sorted(lines, key=lambda line: line.name.casefold())

    def unsave(self, actor: Actor, saved: str) -> None:
        """Raises NotHere, alike for absent and another person's."""
        authorise(actor, Permission.SEARCH)
        with self._db.work() as work:
            row = work.session.get(SavedSearch, saved)
            if row is None or row.account_id != actor.account:
                raise NotHere(permission=Permission.SEARCH, why="absent")
            work.session.delete(row)
            work.commit()


def _lines(session: Session, box: FieldBox, actor: Actor) -> list[SavedLine]:
    lines = []
    for row in session.scalars(select(SavedSearch).where(SavedSearch.account_id == actor.account)):
        plain = json.loads(box.open(row.sealed_form, row.id, row.account_id))
        form = tuple((str(name), str(value)) for name, value in plain["form"])
        lines.append(SavedLine(id=row.id, name=plain["name"], form=form))
    return lines
