"""Server time of every page of the access log, at a million entries of invented reading.

    python3 bench/governance.py                          1,000,000 entries, SQLite
    python3 bench/governance.py --entries 100000
    python3 bench/governance.py --database postgresql+psycopg://user@/name      an empty database

The first and the last entries go through the log's own append and are classed by `hub.governance.following`; between them
stand copies of the first, with numbers and times of their own and the rows and sums that following made of them, so that a
million take minutes. Pages read columns, sums and the fields of a leaf, and a copy has all of these; its leaf's hash and the
root over it are nobody's. JSON lines: median and slowest of the runs, the share of 300 ms that the median takes, and
beside it, in the same run, a bare count of the whole log: what a page that read it all would cost at least.
"""

import argparse
import random
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, func, insert, select, text, update
from sqlalchemy.orm import Session

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.lines import progress, tell
from config import Config
from hub.access.actor import Actor
from hub.access.permissions import Role
from hub.app import create_app
from hub.cases.model import Case, CaseAgency, CaseMember
from hub.db import Base
from hub.documents.model import Document
from hub.governance.model import (
    AccessClass,
    CaseReader,
    DocumentReader,
    Followed,
    ListedCase,
    LogDay,
    PersonDay,
)
from hub.ids import new_id
from hub.ledger.events import (
    AccessRefused,
    CasesListed,
    CaseViewed,
    DownloadStarted,
    Event,
    PageViewed,
    SearchRun,
    SignedIn,
    SnippetShown,
)
from hub.ledger.model import LogEntry, LogHead
from hub.migrations import migrate
from hub.people.founding import ensure_installation, found_area
from hub.people.model import Account, Agency
from hub.services import Services
from hub.statement.model import Acceptance
from hub.statement.rules import PARTS
from hub.statement.service import current_version
from storage.keys import key_provider_from_url

TARGET_MS = 300
BY_DAY = frozenset({LogDay, PersonDay})
YEAR = 365
"""Days."""
BEGAN = datetime(2025, 11, 1, tzinfo=UTC)
AT_ONCE = 2_000
SAMPLE = 40_000
FAR = 1_000
"""A copy's own numbers of its case begin this far from the last one's, for each entry: they do not meet."""
SHARES = (
    ("page", 45),
    ("hit", 20),
    ("case", 12),
    ("list", 8),
    ("download", 5),
    ("search", 4),
    ("sign-in", 4),
    ("refused", 2),
)


@dataclass
class Clock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Filled:
    hub: Services
    area: str
    people: list[Actor]
    cases: list[str]
    documents: dict[str, list[str]]
    governance: str


def fill(hub: Services, clock: Clock, entries: int) -> Filled:
    """A year: a sample, its copies one after the other, and a sample that is the newest."""
    dice = random.Random(11)
    filled = _rows(hub, clock, dice)
    sample = min(SAMPLE, entries // 3)
    times = (entries - sample) // sample
    span = timedelta(days=YEAR // (times + 1))
    _append(filled, clock, sample, span / (sample + AT_ONCE), dice)
    _follow(filled)
    _copy(filled, times, sample, span)
    clock.now = BEGAN + span * times
    rest = entries - sample * times
    _append(filled, clock, rest, span / (rest + AT_ONCE), dice)
    _follow(filled)
    return filled


def _append(filled: Filled, clock: Clock, entries: int, step: timedelta, dice: random.Random) -> None:
    start, done = time.perf_counter(), 0
    while done < entries:
        many = min(AT_ONCE, entries - done)
        with filled.hub.db.work() as work:
            for _ in range(many):
                who = dice.choices(filled.people, weights=range(1, len(filled.people) + 1))[0]
                work.record(who, _event(dice, filled))
            clock.now += step * many
            work.commit()
        done += many
    _say("appended", done, start)


def _copy(filled: Filled, times: int, sample: int, span: timedelta) -> None:
    """The sample `times - 1` times more, each later by `span` and by its count of entries."""
    start = time.perf_counter()
    with filled.hub.db.work() as work:
        session = work.session
        for copy in range(1, times):
            for model in (LogEntry, AccessClass, ListedCase, LogDay, PersonDay):
                which = {"end": BEGAN.date() + span} if model in BY_DAY else {"end": sample + 1}
                session.execute(text(_copying(session, model, copy * sample, copy * span.days)), which)
        for reader in (CaseReader, DocumentReader):
            _grow(session, reader, times, (sample * (times - 1), span * (times - 1)))
        last = sample * times
        frontier = b"".join(secrets.token_bytes(32) for _ in range(last.bit_count()))
        session.execute(update(LogHead).values(sequence=last, frontier=frontier))
        session.execute(update(Followed).values(sequence=last))
        work.commit()
    _say("copied", last - sample, start)


def _copying(session: Session, model: type[Base], entries: int, days: int) -> str:
    """SQL that writes the sample's rows once more, so many entries and whole days later: sums of days do not meet."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    moved = {
        "sequence": f"sequence + {entries}",
        "first": f"first + {entries}",
        "last": f"last + {entries}",
        "case_sequence": f"case_sequence + {entries * FAR}",
        "review_id": "NULL",
        "at": f"date(at, '+{days} days') || substr(at, 11)" if sqlite else f"at + interval '{days} days'",
        "day": f"date(day, '+{days} days')" if sqlite else f"day + {days}",
    }
    names = [column.name for column in model.__table__.columns]
    values = ", ".join(moved.get(name, name) for name in names)
    table, key = model.__tablename__, "day" if model in BY_DAY else "sequence"
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} WHERE {key} < :end"


def _grow(
    session: Session, model: type[CaseReader] | type[DocumentReader], times: int, by: tuple[int, timedelta]
) -> None:
    """What a reader has seen in all: as often as there are copies, and the newest of the last of them."""
    for row in session.scalars(select(model)):
        for name in ("cases", "pages", "downloads", "hits", "unexpected"):
            if hasattr(row, name):
                setattr(row, name, getattr(row, name) * times)
        row.last += by[0]
        row.last_at += by[1]


def _say(what: str, entries: int, start: float) -> None:
    seconds = time.perf_counter() - start
    progress(f"{entries:,} entries {what} in {seconds:.0f} s")


def _rows(hub: Services, clock: Clock, dice: random.Random) -> Filled:
    with hub.db.work() as work:
        session = work.session
        ensure_installation(session, clock)
        area = found_area(session, clock, hub.vaults, name="Bench", localities=["North"])
        agencies = [new_id() for _ in range(14)]
        session.execute(
            insert(Agency),
            [
                {"id": id_, "area_id": area.id, "name": f"Agency {n} (fictional)", "kind": "police"}
                for n, id_ in enumerate(agencies)
            ],
        )
        people = _people(session, area.id, agencies)
        cases = [new_id() for _ in range(2_000)]
        coordinators = [one.account for one in people if one.role is Role.COORDINATOR]
        session.execute(
            insert(Case), [_case(area.id, n, id_, agencies, coordinators) for n, id_ in enumerate(cases)]
        )
        session.execute(
            insert(CaseAgency),
            [
                {"case_id": case, "agency_id": agency, "added_at": BEGAN}
                for case in cases
                for agency in dice.sample(agencies, 4)
            ],
        )
        session.execute(
            insert(CaseMember),
            [
                {"case_id": case, "account_id": one.account, "duty": "member", "added_at": BEGAN}
                for case in cases
                for one in dice.sample(people[20:], 3)
            ],
        )
        documents = {case: [new_id() for _ in range(5)] for case in cases}
        session.execute(
            insert(Document),
            [
                _document(case, id_, dice.choice(agencies), people[30].account)
                for case, ids in documents.items()
                for id_ in ids
            ],
        )
        governance = next(str(one.account) for one in people if one.role is Role.GOVERNANCE)
        work.commit()
    return Filled(
        hub=hub, area=area.id, people=people, cases=cases, documents=documents, governance=governance
    )


def _people(session: Any, area: str, agencies: list[str]) -> list[Actor]:
    roles = [
        Role.GOVERNANCE,
        *[Role.COORDINATOR] * 9,
        *[Role.CHAIR] * 10,
        *[Role.ATTENDEE] * 20,
        *[Role.PRACTITIONER] * 160,
    ]
    made = []
    version = current_version(session, area)
    for number, role in enumerate(roles):
        agency, account = agencies[number % len(agencies)], new_id()
        session.execute(
            insert(Account).values(
                id=account, area_id=area, agency_id=agency, email=f"{number}@bench.example", name=f"Person {number}-Fable",
                role=role, state="active", totp_last_step=0, created_at=BEGAN,
            )
        )  # fmt: skip
        for part in PARTS:
            session.execute(
                insert(Acceptance).values(
                    account_id=account, version_id=version.id, part=part, at=BEGAN, sha256=version.sha256
                )
            )
        made.append(
            Actor(
                area=area,
                account=account,
                agency=agency,
                role=role,
                name="",
                session=new_id(),
                address="192.0.2.1",
                device="bench",
            )
        )
    return made


def _case(area: str, number: int, id_: str, agencies: list[str], coordinators: list[Any]) -> dict[str, Any]:
    return {
        "id": id_, "area_id": area, "reference": f"BEN-{number:05}", "category": 1, "level": 2, "locality": "North",
        "lead_agency_id": agencies[number % 14], "coordinator_id": coordinators[number % len(coordinators)], "state": "open",
        "entry_route": "sentence", "opened_at": BEGAN, "sealed_nominal": b"", "key_version": 1, "row_version": 1,
    }  # fmt: skip


def _document(case: str, id_: str, owner: str, uploader: str | None) -> dict[str, Any]:
    return {
        "id": id_, "case_id": case, "type": "minutes", "owner_id": owner, "uploader_id": uploader, "marking": "OFFICIAL",
        "dated": date(2026, 1, 1), "retention_class": "agency", "narrowed": False, "sealed_details": b"", "current": 1,
        "created_at": BEGAN, "changed_at": BEGAN, "form_token": new_id(), "row_version": 1,
    }  # fmt: skip


def _event(dice: random.Random, filled: Filled) -> Event:
    """As often as in a year of an area: most is reading pages. A tenth of the cases takes half of it."""
    kind = dice.choices([name for name, _ in SHARES], weights=[share for _, share in SHARES])[0]
    few = filled.cases[: len(filled.cases) // 10]
    case = dice.choice(few if dice.random() < 0.5 else filled.cases)
    document = dice.choice(filled.documents[case])
    made: dict[str, Event] = {
        "page": PageViewed(case=case, document=document, version=1, page=1, form="image", reason="casework"),
        "hit": SnippetShown(case=case, document=document, version=1, page=1),
        "case": CaseViewed(case=case),
        "list": CasesListed(cases=tuple(dice.sample(filled.cases, 25))) if kind == "list" else SignedIn(),
        "download": DownloadStarted(
            case=case, document=document, version=1, first=0, last=None, reason="casework"
        ),
        "search": SearchRun(query="invented words", documents=(document,), total=1),
        "sign-in": SignedIn(),
        "refused": AccessRefused(permission="case:read", why="forbidden: none", case=case, document=None),
    }
    return made[kind]


def pages(filled: Filled) -> Iterator[tuple[str, str]]:
    case, document = filled.cases[0], filled.documents[filled.cases[0]][0]
    busy, idle = filled.people[-1].account, filled.people[1].account
    days = "first-day=1&first-month=3&first-year=2026&last-day=7&last-month=3&last-year=2026"
    yield "entries, newest", "/log/"
    yield "entries, halfway", f"/log/?before={_last(filled) // 2}"
    yield "entries, oldest", "/log/?before=60"
    yield "entries, newer", "/log/?after=1000"
    yield "entries of a week", f"/log/?{days}"
    yield "entries of a busy person", f"/log/?person={busy}"
    yield "entries of an idle person, one action", f"/log/?person={idle}&event=document.download_started"
    yield "entries of a person and a week", f"/log/?person={busy}&{days}"
    yield "entries of a case", f"/log/?case={case}"
    yield "entries of a case and a person", f"/log/?case={case}&person={idle}"
    yield "entries of a document", f"/log/?document={document}"
    yield "entries of an agency", f"/log/?agency={filled.people[-1].agency}"
    yield (
        "entries of an agency and an action that never was",
        f"/log/?agency={filled.people[-1].agency}&event=glass.opened",
    )
    yield "entries of an action", "/log/?event=search.run"
    yield "entries refused", "/log/?outcome=refused"
    yield "entries refused of a case", f"/log/?outcome=refused&case={case}"
    yield "entries failed", "/log/?outcome=failed"
    yield "entries unexpected", "/log/?expected=unexpected"
    yield "entries unexpected of a case", f"/log/?expected=unexpected&case={filled.cases[-1]}"
    yield "entries unexpected of an idle person", f"/log/?expected=unexpected&person={idle}"
    yield "figures", "/log/figures"
    yield "figures of a week", f"/log/figures?{days}"
    yield "case", f"/log/cases/{case}"
    yield "document", f"/log/documents/{document}"
    yield "busy person", f"/log/people/{busy}"
    yield "agencies", "/log/agencies"
    yield "agency", f"/log/agencies/{filled.people[-1].agency}"
    yield "peers", "/log/peers"
    yield "reviews", "/reviews/"
    yield "reviews closed", "/reviews/?state=closed"
    yield "home of information governance", "/"


def _last(filled: Filled) -> int:
    with filled.hub.db.reading() as session:
        return session.scalar(select(func.max(LogEntry.sequence))) or 0


def measure(app: Any, filled: Filled, runs: int) -> None:
    hub = filled.hub
    with hub.db.work() as work:
        token, _ = hub.sessions.start(
            work, work.session.get_one(Account, filled.governance), address="127.0.0.1", device="bench"
        )
        work.commit()
    client = app.test_client()
    client.set_cookie("hub_session", token)
    bare = statistics.median(_count_all(hub) for _ in range(3))
    for name, path in pages(filled):
        took, used = [], []
        for _ in range(runs):
            start, began = time.perf_counter(), time.thread_time()
            answer = client.get(path)
            took.append((time.perf_counter() - start) * 1000)
            used.append((time.thread_time() - began) * 1000)
            if answer.status_code != 200:
                raise SystemExit(f"{path} answered {answer.status_code}")
        tell(
            f"governance page: {name}", statistics.median(took), target=TARGET_MS, better="lower",
            detail=f"{_last(filled):,} entries, {hub.db.engine.dialect.name}; slowest {max(took):.1f} ms, processor "
            f"{statistics.median(used):.1f} ms; {statistics.median(took) / bare:.2f} of counting the log",
        )  # fmt: skip


def _count_all(hub: Services) -> float:
    with hub.db.reading() as session:
        start = time.perf_counter()
        session.scalar(select(func.count(LogEntry.leaf)).where(LogEntry.event.is_not(None)))
        return (time.perf_counter() - start) * 1000


def _follow(filled: Filled) -> None:
    start, taken = time.perf_counter(), 0
    while done := filled.hub.following.catch_up(AT_ONCE):
        taken += done
    with filled.hub.db.reading() as session:
        assert session.scalar(select(Followed.sequence)) == _last(filled)
    _say("followed", taken, start)


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--database", default="")
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args(words)
    clock = Clock(BEGAN)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        config = Config.from_env(
            {
                "HUB_HOME": str(home),
                "HUB_SECRET": secrets.token_urlsafe(32),
                "HUB_DATABASE_URL": asked.database,
            }
        )
        key_provider_from_url(config.keys_url, config.home, create=True)
        app = create_app(config, clock)
        hub = app.extensions["hub"]
        quick = (
            "PRAGMA synchronous=OFF"
            if hub.db.engine.dialect.name == "sqlite"
            else "SET synchronous_commit = off"
        )
        event.listen(hub.db.engine, "connect", lambda raw, _record: raw.execute(quick))
        migrate(hub.db.engine)
        filled = fill(hub, clock, asked.entries)
        with hub.db.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("ANALYZE"))
        measure(app, filled, asked.runs)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
