"""The access log: appended to inside a unit of work, read by information governance, verified by anyone."""

import hashlib
import json
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.clock import Clock
from hub.db import Entry
from hub.ledger.entries import GENESIS, Place, first_break, leaf, leaf_hash, link
from hub.ledger.events import Event
from hub.ledger.model import LogCaseHead, LogEntry, LogHead

Seal = Callable[[Session, str, bytes], bytes]
"""(session, area id, plain) -> sealed under the area's log key."""

COLUMNS = {"case": "case_id", "document": "document_id", "meeting": "meeting_id", "reason": "reason"}


class AccessLog:
    """Appends entries; see `hub.db.Ledger`."""

    def __init__(self, clock: Clock, seal: Seal) -> None:
        self._clock = clock
        self._seal = seal

    def append(self, session: Session, entries: Sequence[Entry]) -> None:
        """Gap-free per area and per case, in the order recorded; all entries of one unit are of one area.

        The clock is asked for each entry.
        """
        if not entries:
            return
        area = entries[0].actor.area
        if any(entry.actor.area != area for entry in entries):
            raise ValueError("the entries of one unit of work belong to one area's log")
        connection = session.connection()
        sequence, chain = connection.execute(_LOCKED_HEAD, {"area": area}).one()
        heads = _case_heads(connection, {case for entry in entries if (case := _case(entry.event))})
        rows = []
        for entry in entries:
            sequence += 1
            case_sequence = _advance(heads, _case(entry.event))
            place = Place(sequence=sequence, case_sequence=case_sequence, at=self._clock())
            row = self._row(session, entry, place)
            chain = row["chain"] = link(chain, row["leaf_hash"])
            entry.sequence = sequence
            rows.append(row)
        connection.execute(_ADD, rows)
        connection.execute(_MOVE_HEAD, {"area": area, "last": sequence, "end": chain})
        _store_case_heads(connection, heads)

    def _row(self, session: Session, entry: Entry, place: Place) -> dict[str, Any]:
        actor, event = entry.actor, entry.event
        sealed = self._sealed(session, actor, event)
        text = leaf(actor, event, place, sealed)
        fields = event.public()
        return {
            "area_id": actor.area,
            "sequence": place.sequence,
            "case_sequence": place.case_sequence,
            "at": place.at,
            "actor_id": actor.account,
            "agency_id": actor.agency,
            "session_id": actor.session,
            "event": event.name,
            "operation": event.operation,
            "outcome": event.outcome,
            "leaf": text,
            "leaf_hash": leaf_hash(text),
            "sealed": sealed,
            **{column: fields.get(name) for name, column in COLUMNS.items()},
        }

    def _sealed(self, session: Session, actor: Actor, event: Event) -> bytes | None:
        private = {**event.private()}
        if actor.address:
            private |= {"address": actor.address, "device": actor.device}
        if not private:
            return None
        return self._seal(session, actor.area, json.dumps(private, ensure_ascii=False).encode())


def begin(session: Session, area: str) -> None:
    """Start the log of a new area."""
    session.add(LogHead(area_id=area, sequence=0, chain=GENESIS))


def verify(session: Session, area: str) -> int | None:
    """The first bad sequence number of the area's log, or None; columns are held against their leaf too."""
    checked: list[int] = []
    with closing(_walk(session, area, checked)) as entries:
        broken = first_break(entries)
    return min([*checked, *([broken] if broken else [])], default=None) or _short(session, area)


def _walk(
    session: Session, area: str, mismatched: list[int]
) -> Generator[tuple[int, str, bytes], None, None]:
    query = select(LogEntry).where(LogEntry.area_id == area).order_by(LogEntry.sequence)
    with session.execute(query.execution_options(yield_per=1000)) as rows:
        for entry in rows.scalars():
            if not mismatched and _differs(entry):
                mismatched.append(entry.sequence)
            yield entry.sequence, entry.leaf, entry.chain


def _differs(entry: LogEntry) -> bool:
    """Whether any column, or the sealed part, says other than the leaf; so does a leaf that cannot be read."""
    try:
        body = json.loads(entry.leaf)
        return _columns_of(body) != _columns(entry) or leaf_hash(entry.leaf) != entry.leaf_hash
    except (ValueError, KeyError, TypeError, AttributeError):
        return True


def _columns_of(body: dict[str, Any]) -> tuple[Any, ...]:
    fields = body["fields"]
    repeated = [body[name] for name in ("area", "seq", "case_seq", "actor", "agency", "session", "event")]
    ends = (body["operation"], body["outcome"], body["sealed"], datetime.fromisoformat(body["at"]))
    return (*repeated, *ends, *(fields.get(name) for name in COLUMNS))


def _columns(entry: LogEntry) -> tuple[Any, ...]:
    repeated = (
        entry.area_id, entry.sequence, entry.case_sequence, entry.actor_id, entry.agency_id, entry.session_id, entry.event,
    )  # fmt: skip
    sealed = hashlib.sha256(entry.sealed).hexdigest() if entry.sealed else None
    ends = (entry.operation, entry.outcome, sealed, entry.at)
    return (*repeated, *ends, *(getattr(entry, column) for column in COLUMNS.values()))


def _short(session: Session, area: str) -> int | None:
    head = session.get(LogHead, area)
    last = session.scalars(
        select(LogEntry).where(LogEntry.area_id == area).order_by(LogEntry.sequence.desc()).limit(1)
    ).first()
    ends = (last.sequence, last.chain) if last else (0, GENESIS)
    return None if head and ends == (head.sequence, head.chain) else ends[0] + 1


def _case(event: Event) -> str | None:
    """The case in whose own sequence the entry counts; a refusal may name one that does not exist."""
    return getattr(event, "case", None) if event.operation else None


_HEAD, _CASES = cast(Table, LogHead.__table__), cast(Table, LogCaseHead.__table__)
_ADD = insert(cast(Table, LogEntry.__table__))
_LOCKED_HEAD = (
    select(_HEAD.c.sequence, _HEAD.c.chain).where(_HEAD.c.area_id == bindparam("area")).with_for_update()
)
_MOVE_HEAD = (
    update(_HEAD)
    .where(_HEAD.c.area_id == bindparam("area"))
    .values(sequence=bindparam("last"), chain=bindparam("end"))
)
_CASE_HEADS = select(_CASES.c.case_id, _CASES.c.sequence).where(
    _CASES.c.case_id.in_(bindparam("cases", expanding=True))
)
_ADD_CASE = insert(_CASES)
_MOVE_CASE = update(_CASES).where(_CASES.c.case_id == bindparam("case")).values(sequence=bindparam("last"))
"""Made once: what every entry of every request goes through."""


def _case_heads(connection: Connection, cases: set[str]) -> dict[str, tuple[int, bool]]:
    """{case: (sequence so far, whether it has a row)}; the area's lock already keeps others out."""
    found = dict.fromkeys(cases, (0, False))
    if cases:
        rows = connection.execute(_CASE_HEADS, {"cases": list(cases)})
        found |= {case: (sequence, True) for case, sequence in rows}
    return found


def _advance(heads: dict[str, tuple[int, bool]], case: str | None) -> int | None:
    if case is None:
        return None
    sequence, exists = heads[case]
    heads[case] = (sequence + 1, exists)
    return sequence + 1


def _store_case_heads(connection: Connection, heads: dict[str, tuple[int, bool]]) -> None:
    for case, (sequence, exists) in heads.items():
        if exists:
            connection.execute(_MOVE_CASE, {"case": case, "last": sequence})
        else:
            connection.execute(_ADD_CASE, {"case_id": case, "sequence": sequence})
