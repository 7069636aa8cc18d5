"""The access log: appended to inside a unit of work, read by information governance, verified by anyone."""

import hashlib
import json
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.clock import Clock
from hub.db import Entry
from hub.ledger.entries import (
    NO_HEAD,
    Opening,
    Place,
    case_link,
    commitment,
    leaf,
    leaf_hash,
    opened_from,
    opened_text,
    openings,
)
from hub.ledger.events import Event
from hub.ledger.model import LogCaseHead, LogEntry, LogHead
from hub.ledger.tree import Frontier
from hub.ledger.writing import CASES, HEAD, Batch, write
from storage.errors import StorageError, Tampered

Seal = Callable[[Session, str, bytes], bytes]
"""(session, area id, plain) -> sealed under the area's log key."""
Allow = Callable[[Connection, str, int], None]
"""(connection, area id, entries so far): raises LogUnwritable when none may follow."""
Unseal = Callable[[Session, str, bytes], bytes]
"""(session, area id, sealed) -> plain; raises StorageError."""

COLUMNS = {"case": "case_id", "document": "document_id", "meeting": "meeting_id", "reason": "reason"}


class AccessLog:
    """Appends entries; see `hub.db.Ledger`."""

    def __init__(self, clock: Clock, seal: Seal, allow: Allow) -> None:
        self._clock, self._seal, self._allow = clock, seal, allow

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
        sequence, data = connection.execute(_LOCKED_HEAD, {"area": area}).one()
        self._allow(connection, area, sequence)
        frontier = Frontier.of(sequence, data)
        heads = _CaseHeads(connection, area, {case for entry in entries if (case := _case(entry.event))})
        rows = []
        for entry in entries:
            sequence += 1
            row = self._row(session, entry, heads.place(entry, sequence, self._clock()))
            heads.add(entry, row["leaf_hash"])
            entry.sequence = sequence
            rows.append(row)
        frontier = frontier.extended(row["leaf_hash"] for row in rows)
        write(connection, Batch(area, sequence, bytes(frontier), rows, heads.rows()))

    def _row(self, session: Session, entry: Entry, place: Place) -> dict[str, Any]:
        actor, event = entry.actor, entry.event
        private = openings(_private(actor, event))
        text = leaf(actor, event, place, private)
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
            "sealed": self._seal(session, actor.area, opened_text(private)) if private else None,
            **{column: fields.get(name) for name, column in COLUMNS.items()},
        }


def _private(actor: Actor, event: Event) -> dict[str, Any]:
    """What is sealed: the event's own private fields, and of a request its address and device."""
    private = event.private()
    if actor.address:
        private |= {"address": actor.address, "device": actor.device}
    return private


def begin(session: Session, area: str) -> None:
    """Start the log of a new area."""
    session.add(LogHead(area_id=area, sequence=0, frontier=b""))


def open_private(session: Session, entry: LogEntry, unseal: Unseal) -> dict[str, Opening]:
    """The private values of an entry by name, each with the salt that opens its commitment.

    Raises Tampered when they are not what the leaf is committed to.
    """
    body = json.loads(entry.leaf)
    if entry.sealed is None:
        found: dict[str, Opening] = {}
    else:
        found = opened_from(unseal(session, entry.area_id, entry.sealed), version=body["v"])
    if not _committed(body, entry.sealed, found):
        raise Tampered("The private part of a log entry is not the one that was written with it.")
    return found


def _committed(body: dict[str, Any], sealed: bytes | None, found: dict[str, Opening]) -> bool:
    if body["v"] == 1:
        return bool(body["sealed"] == (hashlib.sha256(sealed).hexdigest() if sealed else None))
    return bool(body["private"] == {name: commitment(name, one) for name, one in found.items()})


# --- verifying --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The first entry at which a log is not what was written, and in one sentence why."""

    sequence: int
    why: str


def verify(session: Session, area: str, unseal: Unseal | None = None) -> Fault | None:
    """The first fault of the area's log as its database holds it, or None.

    Leaf hashes, columns, sequences, case sequences, case heads and root; with `unseal` the private parts as well.
    Whoever rewrites all of these together is found by checkpoints: see `hub.proof.checkpoints`.
    """
    walk = _Walk()
    with closing(_entries(session, area)) as entries:
        for expected, entry in enumerate(entries, 1):
            why = walk.take(entry) or (_private_fault(session, entry, unseal) if unseal else None)
            if why:
                return Fault(sequence=expected, why=why)
    return walk.end(session, area)


class _Walk:
    """What the entries so far come to."""

    def __init__(self) -> None:
        self.frontier = Frontier()
        self._cases: dict[str, tuple[int, bytes, int]] = {}  # entries, head, sequence of the last

    def take(self, entry: LogEntry) -> str | None:
        """Why this one is not the next, or None."""
        expected = self.frontier.size + 1
        if entry.sequence != expected:
            return f"Entry {expected} is missing."
        if entry.leaf_hash != leaf_hash(entry.leaf):
            return "The text of the entry is not the one that was hashed."
        if _differs(entry):
            return "A column says other than the text of the entry."
        if entry.case_sequence is not None and (wrong := self._of_case(entry)):
            return wrong
        self.frontier = self.frontier.extended([entry.leaf_hash])
        return None

    def _of_case(self, entry: LogEntry) -> str | None:
        count, head, _ = self._cases.get(str(entry.case_id), (0, NO_HEAD, 0))
        if entry.case_sequence != count + 1:
            return f"Entry {count + 1} of its case is missing."
        self._cases[str(entry.case_id)] = (count + 1, case_link(head, entry.leaf_hash), entry.sequence)
        return None

    def end(self, session: Session, area: str) -> Fault | None:
        head = session.get(LogHead, area)
        last = self.frontier.size
        if head is None or head.sequence != last:
            return Fault(sequence=last + 1, why="The log does not end where its head says.")
        if head.frontier != bytes(self.frontier):
            return Fault(
                sequence=1, why="The root over the entries is not the one that the head of the log holds."
            )
        return self._end_of_cases(session, area)

    def _end_of_cases(self, session: Session, area: str) -> Fault | None:
        stored = {
            row.case_id: (row.sequence, row.head)
            for row in session.scalars(select(LogCaseHead).where(LogCaseHead.area_id == area))
        }
        wrong = [
            last
            for case, (count, head, last) in self._cases.items()
            if stored.pop(case, None) != (count, head)
        ]
        if not wrong and not stored:
            return None
        return Fault(sequence=min(wrong, default=1), why="The head of a case is not that of its entries.")


def _entries(session: Session, area: str) -> Generator[LogEntry, None, None]:
    query = select(LogEntry).where(LogEntry.area_id == area).order_by(LogEntry.sequence)
    with session.execute(query.execution_options(yield_per=1000)) as rows:
        yield from rows.scalars()


def _private_fault(session: Session, entry: LogEntry, unseal: Unseal) -> str | None:
    try:
        open_private(session, entry, unseal)
    except (StorageError, ValueError, TypeError, KeyError):
        return "The private part of the entry is not the one that was written with it."
    return None


def _differs(entry: LogEntry) -> bool:
    """Whether any column says other than the leaf; so does a leaf that cannot be read."""
    try:
        body = json.loads(entry.leaf)
        return _columns_of(body) != _columns(entry)
    except (ValueError, KeyError, TypeError, AttributeError):
        return True


def _columns_of(body: dict[str, Any]) -> tuple[Any, ...]:
    fields = body["fields"]
    repeated = [body[name] for name in ("area", "seq", "case_seq", "actor", "agency", "session", "event")]
    case = body["case"] if body["v"] > 1 else (fields.get("case") if body["case_seq"] else None)
    sealed = body["sealed"] if body["v"] == 1 else bool(body["private"])
    ends = (case, body["operation"], body["outcome"], sealed, datetime.fromisoformat(body["at"]))
    return (*repeated, *ends, *(fields.get(name) for name in COLUMNS))


def _columns(entry: LogEntry) -> tuple[Any, ...]:
    repeated = (
        entry.area_id, entry.sequence, entry.case_sequence, entry.actor_id, entry.agency_id, entry.session_id, entry.event,
    )  # fmt: skip
    case = entry.case_id if entry.case_sequence is not None else None
    ends = (case, entry.operation, entry.outcome, _sealed_as_told(entry), entry.at)
    return (*repeated, *ends, *(getattr(entry, column) for column in COLUMNS.values()))


def _sealed_as_told(entry: LogEntry) -> str | bool | None:
    if json.loads(entry.leaf)["v"] > 1:
        return entry.sealed is not None
    return hashlib.sha256(entry.sealed).hexdigest() if entry.sealed else None


# --- what every entry of every request goes through ---------------------------------------------


def _case(event: Event) -> str | None:
    """The case in whose own sequence the entry counts; a refusal may name one that does not exist."""
    return getattr(event, "case", None) if event.operation else None


_LOCKED_HEAD = (
    select(HEAD.c.sequence, HEAD.c.frontier).where(HEAD.c.area_id == bindparam("area")).with_for_update()
)
_CASE_HEADS = select(CASES.c.case_id, CASES.c.sequence, CASES.c.head).where(
    CASES.c.case_id.in_(bindparam("cases", expanding=True))
)


class _CaseHeads:
    """The heads of the cases that a batch is about; the area's lock already keeps others out."""

    def __init__(self, connection: Connection, area: str, cases: set[str]) -> None:
        self._area = area
        self._heads: dict[str, tuple[int, bytes]] = dict.fromkeys(cases, (0, NO_HEAD))
        rows = connection.execute(_CASE_HEADS, {"cases": list(cases)}).all() if cases else []
        self._heads |= {case: (sequence, head) for case, sequence, head in rows}

    def place(self, entry: Entry, sequence: int, at: datetime) -> Place:
        case = _case(entry.event)
        return Place(
            sequence=sequence, case=case, case_sequence=self._heads[case][0] + 1 if case else None, at=at
        )

    def add(self, entry: Entry, hashed: bytes) -> None:
        if case := _case(entry.event):
            sequence, head = self._heads[case]
            self._heads[case] = (sequence + 1, case_link(head, hashed))

    def rows(self) -> list[dict[str, Any]]:
        return [
            {"case_id": case, "area_id": self._area, "sequence": sequence, "head": head}
            for case, (sequence, head) in self._heads.items()
        ]
