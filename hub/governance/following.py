"""Follows the log: classes each access as of its own time, counts, and puts what is strange before information governance.

* It runs after the answer, in the background, and a page that shows its figures lets it catch up a little first. No access
  ever waits for it. What it cannot do now it does later, with the same result: see `hub.governance.facts`.
* Entries are taken in order, each once: how far it came is committed together with what was made of them.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import Row, Table, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from hub.cases.model import BreakGlass
from hub.clock import LONDON, Clock, london_date
from hub.db import Base, Database, UnitOfWork
from hub.governance.days import add_working_days, in_hours
from hub.governance.facts import Facts
from hub.governance.model import (
    AccessClass,
    CaseReader,
    DocumentReader,
    Followed,
    ListedCase,
    LogDay,
    PersonDay,
    ReviewItem,
)
from hub.governance.rules import Access, Flag, Kind, Settings, Spree, State, Why, classify
from hub.ids import new_id
from hub.ledger.events import (
    AccessRefused,
    AccountChanged,
    CasesListed,
    CaseViewed,
    DownloadStarted,
    PageViewed,
    RecordShown,
    SnippetShown,
)
from hub.ledger.model import LogEntry
from hub.people.model import Area, SignedInSession

KINDS = {
    CaseViewed.name: Kind.CASE,
    PageViewed.name: Kind.PAGE,
    DownloadStarted.name: Kind.DOWNLOAD,
    SnippetShown.name: Kind.HIT,
    RecordShown.name: Kind.HIT,
    AccessRefused.name: Kind.REFUSAL,
}
COUNTED = {
    Kind.CASE: "cases",
    Kind.PAGE: "pages",
    Kind.DOWNLOAD: "downloads",
    Kind.HIT: "hits",
    Kind.REFUSAL: "refusals",
}
AT_ONCE = 500
"""Entries in one transaction: it holds the writer's lock of SQLite for some tens of milliseconds."""
GLASS = "case:break_glass"


@dataclass(slots=True)
class Batch:
    """What a run of entries comes to, gathered before anything is written."""

    session: Session
    area: str
    settings: Settings
    now: datetime
    rows: list[dict[str, Any]] = field(default_factory=list)
    listed: list[dict[str, Any]] = field(default_factory=list)
    days: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    people: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    cases: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    documents: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    reviews: dict[tuple[Any, ...], ReviewItem] = field(default_factory=dict)


class Following:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    def catch_up(self, at_most: int = AT_ONCE) -> int:
        """Take up to so many entries of each area that were not taken yet; returns how many were."""
        with self._db.reading() as session:
            areas = list(session.scalars(select(Area.id)))
        return sum(self._catch_up(area, at_most) for area in areas)

    def catch_up_wholly(self) -> int:
        """All of them, batch by batch; for a load, a rebuilding or a test."""
        total = 0
        while taken := self.catch_up():
            total += taken
        return total

    def behind(self, session: Session, area: str) -> int:
        """How many entries are still to be taken."""
        done = session.scalar(select(Followed.sequence).where(Followed.area_id == area)) or 0
        last = session.scalar(select(func.max(LogEntry.sequence)).where(LogEntry.area_id == area)) or 0
        return last - done

    def _catch_up(self, area: str, at_most: int) -> int:
        with self._db.reading() as session:
            if not self.behind(session, area):
                return 0
        with self._db.work() as work:
            head = _head(work.session, area)
            entries = _next(work.session, area, head.sequence, at_most)
            if entries:
                self._take(work, area, entries)
                head.sequence = entries[-1].sequence
                work.commit()
        return len(entries)

    def _take(self, work: UnitOfWork, area: str, entries: Sequence[Row[*tuple[Any, ...]]]) -> None:
        settings = Settings.of(work.session.get_one(Area, area).settings)
        batch = Batch(session=work.session, area=area, settings=settings, now=self._clock())
        judge = _Judge(batch, entries)
        for entry in entries:
            body = json.loads(entry.leaf)
            _count(batch, entry)
            if entry.event == CasesListed.name:
                batch.listed += [_listing(entry, case) for case in sorted(set(body["fields"]["cases"]))]
            if entry.event in KINDS and entry.actor_id and body["role"]:
                judge.take(entry, body)
            if entry.event == AccountChanged.name and body["fields"]["what"] == "suspended":
                _flush(batch)
                _look_back(batch, entry, body["fields"]["subject"])
        _flush(batch)


def _head(session: Session, area: str) -> Followed:
    """Locked; two processes that follow take turns."""
    fresh = _insert(session, Followed).values(area_id=area, sequence=0)
    session.execute(fresh.on_conflict_do_nothing())
    return session.get_one(Followed, area, with_for_update=True, populate_existing=True)


def _next(session: Session, area: str, after: int, at_most: int) -> Sequence[Row[*tuple[Any, ...]]]:
    query = (
        select(
            LogEntry.area_id, LogEntry.sequence, LogEntry.at, LogEntry.case_id, LogEntry.document_id,
            LogEntry.actor_id, LogEntry.agency_id, LogEntry.session_id, LogEntry.event, LogEntry.outcome, LogEntry.leaf,
        )
        .where(LogEntry.area_id == area, LogEntry.sequence > after)
        .order_by(LogEntry.sequence)
        .limit(at_most)
    )  # fmt: skip
    return session.execute(query).all()


def _count(batch: Batch, entry: Row[*tuple[Any, ...]]) -> None:
    key = (london_date(entry.at), entry.event, entry.outcome)
    row = batch.days.setdefault(
        key,
        {"area_id": batch.area, "day": key[0], "event": entry.event, "outcome": entry.outcome, "entries": 0,
         "first": entry.sequence, "last": entry.sequence},
    )  # fmt: skip
    row["entries"] += 1
    row["last"] = entry.sequence


def _listing(entry: Row[*tuple[Any, ...]], case: str) -> dict[str, Any]:
    return {"area_id": entry.area_id, "case_id": case, "sequence": entry.sequence}


class _Judge:
    """Classes accesses one after the other; knows what each person opened in the hour before."""

    def __init__(self, batch: Batch, entries: Sequence[Row[*tuple[Any, ...]]]) -> None:
        self._batch = batch
        opened = [entry for entry in entries if entry.event in KINDS and entry.actor_id]
        self._facts = Facts(batch.session, batch.area, opened, batch.settings)
        self._sprees: dict[str, Spree] = defaultdict(lambda: Spree(batch.settings))
        self._new: dict[str, bool] = {}
        if opened:
            self._recall(opened)

    def _recall(self, opened: Sequence[Row[*tuple[Any, ...]]]) -> None:
        since = min(entry.at for entry in opened) - timedelta(minutes=self._batch.settings.bulk_minutes)
        query = (
            select(AccessClass.account_id, AccessClass.at, AccessClass.kind, AccessClass.case_id, AccessClass.document_id)
            .where(AccessClass.area_id == self._batch.area, AccessClass.at > since)
            .where(AccessClass.sequence >= opened[0].sequence - RECALLED)
            .order_by(AccessClass.sequence)
        )  # fmt: skip
        for account, at, kind, case, document in self._batch.session.execute(query):
            self._sprees[account].add(at, Kind(kind), document or case or "")

    def take(self, entry: Row[*tuple[Any, ...]], body: dict[str, Any]) -> None:
        kind = KINDS[entry.event]
        why, flags = self._refused(entry, body) if kind is Kind.REFUSAL else self._class(entry, kind)
        row = {
            "area_id": entry.area_id, "sequence": entry.sequence, "at": entry.at, "account_id": entry.actor_id,
            "case_id": entry.case_id, "document_id": entry.document_id, "kind": kind.value, "why": why.value,
            "expected": why.expected, "flags": int(flags), "review_id": None,
        }  # fmt: skip
        with self._batch.session.no_autoflush:
            row["review_id"] = _reviewed_in(self._batch, row)
        self._batch.rows.append(row)
        owner = self._facts.owner(entry.document_id)
        _sum_up(self._batch, row, (str(entry.agency_id), str(body["role"]), owner))

    def _refused(self, entry: Row[*tuple[Any, ...]], body: dict[str, Any]) -> tuple[Why, Flag]:
        many = self._sprees[entry.actor_id].add(entry.at, Kind.REFUSAL, "")
        tried = body["fields"]["permission"] == GLASS
        return Why.REFUSED, Flag.REFUSALS if many or tried else Flag(0)

    def _class(self, entry: Row[*tuple[Any, ...]], kind: Kind) -> tuple[Why, Flag]:
        access = Access(
            kind=kind,
            at=entry.at,
            account=entry.actor_id,
            agency=entry.agency_id,
            document=entry.document_id,
            owner=self._facts.owner(entry.document_id),
        )
        ties = self._facts.ties(access, entry.case_id, entry.sequence)
        why = classify(access, ties, self._batch.settings)
        bulk = self._sprees[entry.actor_id].add(entry.at, kind, entry.document_id or entry.case_id)
        told = {
            Flag.OUT_OF_HOURS: not self._in_hours(entry.at),
            Flag.BULK: bulk,
            Flag.LEFT: ties.left,
            Flag.NEW_PLACE: self._is_new(entry.session_id),
            Flag.GLASS: ties.glass,  # whatever else explains it: all that is opened so is reviewed
        }
        return why, Flag(sum(flag for flag, so in told.items() if so))

    def _in_hours(self, at: datetime) -> bool:
        settings, local = self._batch.settings, at.astimezone(LONDON)
        return in_hours(local.date(), local.time(), settings.opens, settings.closes, settings.extra_holidays)

    def _is_new(self, session: str | None) -> bool:
        if session not in self._new:
            self._new[session or ""] = _from_new_place(self._batch.session, session)
        return self._new[session or ""]


RECALLED = 5_000
"""How many entries back the hour before is looked for: 5,000 in an hour are far more than an area writes."""


def _from_new_place(session: Session, id_: str | None) -> bool:
    """Whether the person signed in from an address or a device of which no earlier session of theirs is known."""
    row = session.get(SignedInSession, id_) if id_ else None
    if row is None:
        return False
    earlier = select(SignedInSession.address_hash, SignedInSession.device).where(
        SignedInSession.account_id == row.account_id, SignedInSession.created_at < row.created_at
    )
    known = session.execute(earlier.distinct()).all()
    addresses, devices = {one.address_hash for one in known}, {one.device for one in known}
    return bool(known) and (row.address_hash not in addresses or row.device not in devices)


# --- sums, written with the batch ---------------------------------------------------------------


def _sum_up(batch: Batch, row: dict[str, Any], who: tuple[str, str, str | None]) -> None:
    agency, role, owner = who
    kind, account = Kind(row["kind"]), row["account_id"]
    strange = int(not row["expected"] and kind is not Kind.REFUSAL)
    day = london_date(row["at"])
    person = batch.people.setdefault(
        (day, account),
        {"area_id": batch.area, "day": day, "account_id": account, "agency_id": agency, "role": role,
         **dict.fromkeys(COUNTED.values(), 0), "unexpected": 0, "out_of_hours": 0},
    )  # fmt: skip
    person[COUNTED[kind]] += 1
    person["unexpected"] += strange
    person["out_of_hours"] += int(bool(row["flags"] & Flag.OUT_OF_HOURS))
    if kind is Kind.REFUSAL or row["case_id"] is None:
        return
    times = {"first_at": row["at"], "last_at": row["at"], "last": row["sequence"], "unexpected": 0}
    case = batch.cases.setdefault(
        (row["case_id"], account),
        {"case_id": row["case_id"], "account_id": account, **times, "cases": 0, "pages": 0, "downloads": 0, "hits": 0},
    )  # fmt: skip
    _add(case, row, COUNTED[kind], strange)
    if row["document_id"]:
        document = batch.documents.setdefault(
            (row["document_id"], account),
            {"document_id": row["document_id"], "account_id": account, "case_id": row["case_id"],
             "owner_id": owner or "", **times, "pages": 0, "downloads": 0, "hits": 0},
        )  # fmt: skip
        _add(document, row, COUNTED[kind], strange)


def _add(sums: dict[str, Any], row: dict[str, Any], counted: str, strange: int) -> None:
    sums[counted] += 1
    sums["unexpected"] += strange
    sums["last_at"], sums["last"] = row["at"], row["sequence"]


def _flush(batch: Batch) -> None:
    """Write what was gathered, and gather afresh."""
    session = batch.session
    session.flush()
    if batch.rows:
        session.execute(insert(AccessClass), batch.rows)
    if batch.listed:
        session.execute(insert(ListedCase), batch.listed)
    _sum(session, LogDay, batch.days.values(), ("entries",), ("last",))
    _sum(session, PersonDay, batch.people.values(), (*COUNTED.values(), "unexpected", "out_of_hours"), ())
    counts = ("pages", "downloads", "hits", "unexpected")
    _sum(session, CaseReader, batch.cases.values(), ("cases", *counts), ("last", "last_at"))
    _sum(session, DocumentReader, batch.documents.values(), counts, ("last", "last_at"))
    batch.rows.clear()
    batch.listed.clear()
    for sums in (batch.days, batch.people, batch.cases, batch.documents):
        sums.clear()


def _sum(
    session: Session,
    model: type[Base],
    rows: Iterable[dict[str, Any]],
    added: tuple[str, ...],
    put: tuple[str, ...],
) -> None:
    """Insert the rows, or add their counts to those that are there and take over what is newest."""
    values = list(rows)
    if not values:
        return
    table = cast(Table, model.__table__)
    new = _insert(session, model)
    changes = {name: table.c[name] + new.excluded[name] for name in added}
    changes |= {name: new.excluded[name] for name in put}
    keys = [column.name for column in table.primary_key]
    session.execute(new.on_conflict_do_update(index_elements=keys, set_=changes), values)


def _insert(session: Session, model: type[Base]) -> Any:
    postgres = session.get_bind().dialect.name == "postgresql"
    return postgresql.insert(model) if postgres else sqlite.insert(model)


# --- what is put before information governance ---------------------------------------------------


def _reviewed_in(batch: Batch, row: dict[str, Any]) -> str | None:
    """The review that the access belongs to: of a case, where it was unexpected; of the person's day, where it was flagged.

    What is older than the area's `queued_days` when it is first looked at is classed and counted, and makes no review:
    a hub that begins to follow an old log would bury the new in it.
    """
    refusal, hit = row["kind"] == Kind.REFUSAL, row["kind"] == Kind.HIT
    opened = not row["expected"] and not refusal and not hit
    if not (opened or row["flags"] or (hit and not row["expected"])):
        return None
    if batch.now - row["at"] > timedelta(batch.settings.queued_days):
        return None
    item = _glass_review(batch, row) if row["flags"] & Flag.GLASS else None
    item = item or _item(batch, row["account_id"], row["case_id"] if opened else None, london_date(row["at"]))
    item.flags |= row["flags"]
    item.accesses += int(not refusal)
    item.refusals += int(refusal)
    item.unexpected += int(not row["expected"] and not refusal)
    return item.id


def _glass_review(batch: Batch, row: dict[str, Any]) -> ReviewItem | None:
    """The review that was made when the glass was broken, unless it is closed already."""
    key = ("glass", row["account_id"], row["case_id"])
    if key not in batch.reviews:
        query = (
            select(ReviewItem)
            .join(BreakGlass, BreakGlass.review_id == ReviewItem.id)
            .where(BreakGlass.account_id == row["account_id"], BreakGlass.case_id == row["case_id"])
            .where(BreakGlass.opened_at <= row["at"], ReviewItem.state != State.CLOSED)
            .order_by(BreakGlass.opened_at.desc())
            .limit(1)
        )
        found = batch.session.scalars(query).first()
        if found is None:
            return None
        batch.reviews[key] = found
    return batch.reviews[key]


def _item(batch: Batch, account: str, case: str | None, day: date, about: str = "") -> ReviewItem:
    about = about or ("case" if case else "person")
    key = (about, account, case, day)
    if key not in batch.reviews:
        query = (
            select(ReviewItem)
            .where(ReviewItem.account_id == account, ReviewItem.day == day, ReviewItem.about == about)
            .where(ReviewItem.case_id == case if case else ReviewItem.case_id.is_(None))
            .where(ReviewItem.state != State.CLOSED)
        )
        batch.reviews[key] = batch.session.scalars(query).first() or _new_item(
            batch, account, case, (day, about)
        )
    return batch.reviews[key]


def _new_item(batch: Batch, account: str, case: str | None, which: tuple[date, str]) -> ReviewItem:
    day, about = which
    settings, today = batch.settings, london_date(batch.now)
    item = ReviewItem(
        id=new_id(), area_id=batch.area, account_id=account, case_id=case, about=about, day=day, flags=0, accesses=0,
        unexpected=0, refusals=0, made_at=batch.now,
        due=add_working_days(today, settings.review_days, settings.extra_holidays),
        state=State.WAITING, outcome=None, closed_at=None,
    )  # fmt: skip
    batch.session.add(item)
    return item


def _look_back(batch: Batch, entry: Row[*tuple[Any, ...]], account: str) -> None:
    """Somebody was suspended: what they opened in the weeks before is one more thing to look at."""
    since = entry.at - timedelta(batch.settings.queued_days)
    theirs = (
        (AccessClass.area_id == batch.area)
        & (AccessClass.account_id == account)
        & (AccessClass.sequence < entry.sequence)
        & (AccessClass.at >= since)
        & (AccessClass.kind != Kind.REFUSAL)
    )
    count = batch.session.scalar(select(func.count()).select_from(AccessClass).where(theirs)) or 0
    if not count:
        return
    left = AccessClass.flags.op("|")(int(Flag.LEFT))
    batch.session.execute(update(AccessClass).where(theirs).values(flags=left))
    if batch.now - entry.at > timedelta(batch.settings.queued_days):
        return
    item = _item(batch, account, None, london_date(entry.at), "left")
    item.flags |= int(Flag.LEFT)
    item.accesses += count
    batch.session.flush()
    unclaimed = theirs & AccessClass.review_id.is_(None)
    batch.session.execute(update(AccessClass).where(unclaimed).values(review_id=item.id))
