"""The fictional area loaded into a real hub, once on each database; what is in it agrees with the plan and the log."""

import base64
import fcntl
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import func, select

from config import Config
from hub.access.actor import Actor, program
from hub.app import build_services
from hub.cases.model import Case, CaseAgency, CaseChange, CaseExclusion, CaseMember
from hub.cases.sealed import open_nominal
from hub.cases.service import CaseFilters
from hub.clock import london_date
from hub.commands.install import prepare
from hub.demo.load import SEED
from hub.demo.load_disposal import ASKED, HELD
from hub.demo.plan import DemoPlan, make_plan
from hub.demo.unfinished import LOADING, alone
from hub.documents.model import Document, DocumentVersion, StagedFile, StoredObject, TextState
from hub.errors import NotHere
from hub.ledger import service as ledger
from hub.ledger.events import Reason, ServiceStarted
from hub.ledger.model import LogEntry
from hub.meetings.model import Meeting, MeetingInvitee, MeetingIssue
from hub.migrations import is_current
from hub.people.founding import found_area
from hub.people.model import Account, Agency, Area, Installation, SignedInSession
from hub.search.service import Request
from hub.services import Services
from hub.statement.rules import PARTS
from tests.conftest import ENGINES
from tests.postgres import PostgresServer

ADDRESS, DEVICE = "198.51.100.9", "tests"


@dataclass(frozen=True)
class Demo:
    hub: Services
    home: Path
    plan: DemoPlan
    accounts: dict[str, dict[str, str]]
    """By the plan's key."""
    told: list[str]

    def count(self, table: type) -> int:
        with self.hub.db.reading() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    def actor(self, key: str) -> Actor:
        """Signed in as a person would: password, then code."""
        account, people = self.accounts[key], self.hub.people
        step = people.offer_password(email=account["email"], password=account["password"], address=ADDRESS)
        token = people.offer_code(
            token=step,
            email=account["email"],
            code=pyotp.TOTP(account["totp_secret"]).now(),
            address=ADDRESS,
            device=DEVICE,
        )
        visit = self.hub.sessions.find(token, address=ADDRESS, device=DEVICE)
        assert visit is not None
        return visit.actor

    def again(self, key: str) -> Actor:
        """With a session of their own, without a code: a code works once."""
        with self.hub.db.work() as work:
            account = work.session.scalars(
                select(Account).where(Account.email == self.accounts[key]["email"])
            ).one()
            token, _ = self.hub.sessions.start(work, account, address=ADDRESS, device=DEVICE)
            work.commit()
        visit = self.hub.sessions.find(token, address=ADDRESS, device=DEVICE)
        assert visit is not None
        return visit.actor


def settings(home: Path, url: str = "") -> Config:
    return Config.from_env({"HUB_HOME": str(home), "HUB_DATABASE_URL": url})


def load(home: Path, url: str = "") -> Demo:
    config, told = settings(home, url), []
    prepare(config, demo=True, progress=told.append)
    hub = build_services(config)
    plan = make_plan(SEED, london_date(hub.clock()))
    rows = json.loads((home / "demo-accounts.json").read_text())
    keys = {person.email: person.key for person in plan.area.people}
    accounts = {keys[row["email"]]: row for row in rows}
    return Demo(hub=hub, home=home, plan=plan, accounts=accounts, told=told)


@pytest.fixture(scope="module")
def sqlite_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    loaded = load(tmp_path_factory.mktemp("demo") / "home")
    yield loaded
    loaded.hub.db.engine.dispose()


@pytest.fixture(scope="module")
def postgresql_demo(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    loaded = load(tmp_path_factory.mktemp("demo") / "home", postgres.database("demo"))
    yield loaded
    loaded.hub.db.engine.dispose()


@pytest.fixture(params=ENGINES)
def demo(request: pytest.FixtureRequest) -> Demo:
    loaded: Demo = request.getfixturevalue(f"{request.param}_demo")
    return loaded


def test_everything_of_the_plan_is_there(demo: Demo) -> None:
    assert (demo.count(Agency), demo.count(Account)) == (10, 14)
    assert (demo.count(Case), demo.count(Meeting), demo.count(Document)) == (60, 12, 250)
    assert demo.count(CaseAgency) == sum(len(case.agencies) for case in demo.plan.cases)
    assert demo.count(CaseMember) == sum(len(case.team) for case in demo.plan.cases)
    assert demo.count(CaseExclusion) == 4
    assert demo.count(MeetingInvitee) == sum(len(meeting.invited) for meeting in demo.plan.meetings)
    assert demo.count(MeetingIssue) == len({(issue.meeting, issue.document) for issue in demo.plan.issues})
    assert demo.count(StagedFile) == 0


def test_cases_stand_as_the_plan_says_under_its_references(demo: Demo) -> None:
    planned = {case.reference: case for case in demo.plan.cases}
    with demo.hub.db.reading() as session:
        for row in session.scalars(select(Case)):
            case = planned.pop(row.reference)
            nominal = open_nominal(demo.hub.vaults.of(session, row), row)
            assert (nominal.name, nominal.born) == (case.nominal.name, case.nominal.born)
            assert (row.category, row.level, row.locality) == (case.category, case.level, case.locality)
            assert (row.review_due, row.closed_at, row.exit_reason) == (
                case.review_due,
                case.closed_at,
                case.exit_reason,
            )
            assert row.opened_at == case.opened_at
    assert planned == {}


def test_every_document_was_read_by_the_hub_s_reader(demo: Demo) -> None:
    with demo.hub.db.reading() as session:
        versions = session.scalars(select(DocumentVersion)).all()
        states = Counter(version.text_state for version in versions)
        names = set(session.scalars(select(StoredObject.name)))
    scans = sum(document.form == "scan" for document in demo.plan.documents)
    assert states == {TextState.READY: 250 - scans, TextState.NO_TEXT: scans}
    assert all(version.pages and version.text_id for version in versions)
    assert set(demo.hub.vaults.store.names()) == names


def test_the_log_verifies_without_gaps_and_is_in_order_of_time(demo: Demo) -> None:
    with demo.hub.db.reading() as session:
        area = session.scalars(select(Area)).one()
        assert ledger.verify(session, area.id) is None
        entries = session.execute(select(LogEntry.sequence, LogEntry.at).order_by(LogEntry.sequence)).all()
        of_cases = session.execute(
            select(LogEntry.case_id, func.count(), func.max(LogEntry.case_sequence))
            .where(LogEntry.case_sequence.is_not(None))
            .group_by(LogEntry.case_id)
        ).all()
    assert area.settings == {}
    assert [entry.sequence for entry in entries[:8000]] == list(range(1, 1 + len(entries[:8000])))
    times = [entry.at for entry in entries if entry.at.date() < demo.plan.today]
    assert len(times) > 6000
    assert times == sorted(times)
    assert all(count == highest for _, count, highest in of_cases)


def test_nobody_did_anything_before_agreeing_the_statement_then_in_force(demo: Demo) -> None:
    with demo.hub.db.reading() as session:
        entries = session.scalars(
            select(LogEntry)
            .where(LogEntry.actor_id.is_not(None), LogEntry.at < demo.hub.clock().replace(hour=0))
            .order_by(LogEntry.sequence)
        ).all()
    version, agreed = 1, Counter()
    early = {"session.signed_in", "session.signed_out", "account.enrolled", "statement.published"}
    for entry in entries:
        if entry.event == "statement.published":
            version, agreed = json.loads(entry.leaf)["fields"]["version"], Counter()
        elif entry.event == "statement.agreed":
            assert json.loads(entry.leaf)["fields"]["version"] == version
            agreed[entry.actor_id] += 1
        elif entry.event not in early:
            assert agreed[entry.actor_id] == len(PARTS), entry.leaf


def test_what_a_person_did_lies_within_a_session_of_theirs(demo: Demo) -> None:
    with demo.hub.db.reading() as session:
        sessions = {row.id: row for row in session.scalars(select(SignedInSession))}
        entries = session.scalars(
            select(LogEntry).where(
                LogEntry.actor_id.is_not(None),
                LogEntry.event != "account.enrolled",
                LogEntry.at < demo.hub.clock().replace(hour=0),
            )
        ).all()
    for entry in entries:
        row = sessions[str(entry.session_id)]
        assert row.account_id == entry.actor_id
        assert row.created_at <= entry.at <= (row.ended_at or row.ends_at)


def test_every_sign_in_of_the_list_works_and_finds_nothing_to_agree(demo: Demo) -> None:
    assert len(demo.accounts) == 14
    for key in demo.accounts:
        actor = demo.actor(key)
        assert actor.role == demo.accounts[key]["role"]
        assert demo.hub.statement.unagreed(actor) == ()


def test_the_list_of_sign_ins_is_for_its_owner_alone(demo: Demo) -> None:
    path = demo.home / "demo-accounts.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    fields = {"email", "password", "totp_secret", "role", "agency", "name"}
    assert all(set(row) == fields for row in json.loads(path.read_text()))


def test_the_attendee_of_the_story_reads_what_is_issued_only_after_affirming(demo: Demo) -> None:
    story = demo.plan.story
    attendee = demo.again(story.attendee)
    starts = next(meeting.starts_at for meeting in demo.plan.meetings if meeting.key == story.meeting)
    with demo.hub.db.reading() as session:
        meeting = session.scalars(
            select(Meeting.id).where(Meeting.starts_at == starts, Meeting.state == "planned")
        ).one()
        once = select(MeetingIssue.document_id).group_by(MeetingIssue.document_id).having(func.count() == 1)
        document = session.scalars(
            select(MeetingIssue.document_id).where(
                MeetingIssue.meeting_id == meeting, MeetingIssue.document_id.in_(once)
            )
        ).first()
    assert document is not None
    with pytest.raises(NotHere):
        demo.hub.documents.give_reason(attendee, document, Reason.MEETING)
    current = demo.hub.statement.current(attendee).id
    demo.hub.meetings.affirm(attendee, meeting, version=current, parts=frozenset(PARTS))
    demo.hub.documents.give_reason(attendee, document, Reason.MEETING)
    page = demo.hub.documents.read(attendee, document)
    assert page.text
    assert page.title in {planned.title for planned in demo.plan.documents}
    assert demo.hub.documents.page_image(attendee, document, 1, 1).data[:8] == b"\x89PNG\r\n\x1a\n"


def test_one_closed_case_is_held_and_one_waits_for_the_second_person(demo: Demo) -> None:
    found = demo.hub.disposal.overview(demo.again(demo.plan.story.governance))
    (held,), (asked,) = found.holds, found.requests
    assert held.case != asked.case
    with demo.hub.db.reading() as session:
        states = {session.get_one(Case, one.case).state for one in (held, asked)}
        nominals = [
            open_nominal(demo.hub.vaults.of(session, case), case).name
            for case in session.scalars(select(Case)).all()
        ]
    assert states == {"closed"}
    assert not any(name in text for name in nominals for text in (HELD, ASKED))


def test_search_finds_a_word_of_a_document_and_only_where_it_may_be_read(demo: Demo) -> None:
    case = next(case for case in demo.plan.cases if case.coordinator == "sunniva" and not case.closed_at)
    surname = case.nominal.name.rsplit(" ", maxsplit=1)[1]
    found = demo.hub.search.search(demo.again("sunniva"), Request(text=surname))
    assert {line.reference for line in found.found} == {case.reference}
    assert demo.hub.search.search(demo.again("devan"), Request(text=surname)).total == 0


def test_a_coordinator_s_list_shows_their_open_cases(demo: Demo) -> None:
    planned = [case for case in demo.plan.cases if case.coordinator == "devan" and not case.closed_at]
    page = demo.hub.cases.list(demo.again("devan"), CaseFilters())
    assert page.total == len(planned)
    assert {line.name for line in page.rows} <= {case.nominal.name for case in planned}


def test_downloads_of_the_past_have_an_end_that_names_their_start(demo: Demo) -> None:
    with demo.hub.db.reading() as session:
        starts = set(
            session.scalars(select(LogEntry.sequence).where(LogEntry.event == "document.download_started"))
        )
        ends = session.scalars(select(LogEntry).where(LogEntry.event == "document.download_ended")).all()
    fields = [json.loads(entry.leaf)["fields"] for entry in ends]
    assert {field["started"] for field in fields} == starts
    assert {field["how"] for field in fields} == {"complete"}
    assert all(field["delivered"] > 0 for field in fields)


def test_nothing_that_names_or_tells_of_a_nominal_is_readable_below_the_home(demo: Demo) -> None:
    """On PostgreSQL the home holds the store and the rest; the rows are read out of the database itself."""
    names = [case.nominal.name.rsplit(" ", maxsplit=1)[1] for case in demo.plan.cases]
    prose = [word for document in demo.plan.documents[:40] for word in _sentence(document.text())]
    canaries = [form for text in (*names, *prose) for form in _forms(text)]
    demo.hub.db.engine.dispose()
    for file in (path for path in demo.home.rglob("*") if path.is_file()):
        data = file.read_bytes()
        assert not [canary for canary in canaries if canary in data], file
    with demo.hub.db.engine.connect() as connection:
        for table in (Case, CaseChange, CaseExclusion, Document, DocumentVersion, StoredObject, LogEntry):
            for row in connection.execute(select(table)):
                text = repr(tuple(row)).encode()
                assert not [canary for canary in canaries if canary in text], table


def _sentence(page: object) -> list[str]:
    return [paragraph[:30] for section in page.sections[:2] for paragraph in section.paragraphs[:1]]  # type: ignore[attr-defined]


def _forms(text: str) -> list[bytes]:
    whole = base64.b64encode(text.encode())[: len(text) // 3 * 4]
    return [text.encode(), text.encode("utf-16-le"), whole]


def test_the_same_seed_and_day_make_the_same_rows_but_for_ids(
    sqlite_demo: Demo, postgresql_demo: Demo
) -> None:
    if sqlite_demo.plan.today != postgresql_demo.plan.today:
        pytest.skip("Midnight came between the two loads.")
    assert _history(sqlite_demo) == _history(postgresql_demo)
    assert _papers(sqlite_demo) == _papers(postgresql_demo)


def _history(demo: Demo) -> list[tuple[object, ...]]:
    query = (
        select(LogEntry.at, LogEntry.event, LogEntry.reason, LogEntry.outcome, Account.email, Case.reference)
        .outerjoin(Account, Account.id == LogEntry.actor_id)
        .outerjoin(Case, Case.id == LogEntry.case_id)
        .where(LogEntry.at < demo.hub.clock().replace(hour=0, minute=0, second=0, microsecond=0))
        .order_by(LogEntry.sequence)
    )
    with demo.hub.db.reading() as session:
        return [tuple(row) for row in session.execute(query)]


def _papers(demo: Demo) -> list[tuple[object, ...]]:
    query = (
        select(Document.type, Document.dated, Document.narrowed, DocumentVersion, Case.reference, Agency.name)
        .join(DocumentVersion, DocumentVersion.document_id == Document.id)
        .join(Case, Case.id == Document.case_id)
        .join(Agency, Agency.id == Document.owner_id)
        .order_by(DocumentVersion.uploaded_at, Case.reference, Document.type)
    )
    with demo.hub.db.reading() as session:
        return [
            (*row[:3], row[3].kind, row[3].uploaded_at, row[3].pages, row[3].text_state, *row[4:])
            for row in session.execute(query)
        ]


def test_progress_was_told_in_lines(demo: Demo) -> None:
    assert "Demo: documents 120 of 250" in demo.told
    assert demo.told[0].startswith("Demo: 60 cases")


def test_a_second_start_loads_nothing(demo: Demo) -> None:
    before = demo.count(LogEntry)
    prepare(demo.hub.config, demo=True, progress=demo.told.append)
    assert demo.count(LogEntry) == before


def _run(home: Path, told: Callable[[str], None]) -> None:
    prepare(settings(home), demo=True, progress=told)


HALF_WAY = """
import sys
from pathlib import Path
from tests.demo.test_load import _run
_run(Path(sys.argv[1]), lambda line: print(line, flush=True))
"""


def test_a_load_that_was_killed_half_way_is_not_served_but_cleared(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with subprocess.Popen(
        [sys.executable, "-c", HALF_WAY, str(home)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Demo: 60 cases")
        _wait_for_objects(home)
        process.send_signal(signal.SIGKILL)
    told: list[str] = []
    prepare(settings(home), demo=False, progress=told.append)
    hub = build_services(settings(home))
    with hub.db.reading() as session:
        assert session.scalars(select(Area)).all() == []
        assert session.scalars(select(LogEntry)).first() is None
    assert list(hub.vaults.store.names()) == []
    assert told == ["Demo: an earlier load did not finish; it is cleared away."]
    assert not (home / "demo-accounts.json").exists()
    hub.db.engine.dispose()


def _wait_for_objects(home: Path) -> None:
    for _ in range(600):
        if any(path.is_file() for path in (home / "objects").rglob("*")):
            return
        time.sleep(0.1)
    pytest.fail("The load sealed nothing.")


@pytest.mark.parametrize("engine", ENGINES)
def test_an_unfinished_area_is_cleared_with_its_log_and_the_hub_is_as_new(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue("postgres").database("unfinished") if engine == "postgresql" else ""
    config, told = settings(tmp_path / "home", url), []
    prepare(config, demo=False, progress=told.append)
    hub = build_services(config)
    with hub.db.work() as work:
        area = found_area(work.session, hub.clock, hub.vaults, name="Half", localities=["Here"], demo=True)
        area.settings = dict(LOADING)
        work.record(program(area.id), ServiceStarted(version="0"))
        work.commit()
    hub.db.engine.dispose()
    prepare(config, demo=False, progress=told.append)
    with hub.db.reading() as session:
        assert session.scalars(select(Area)).all() == []
        assert session.scalars(select(LogEntry)).all() == []
        assert session.scalars(select(Installation)).one()
    assert is_current(hub.db.engine)
    assert told == ["Demo: an earlier load did not finish; it is cleared away."]
    hub.db.engine.dispose()


def test_only_one_process_of_a_home_loads_at_a_time(tmp_path: Path) -> None:
    with alone(tmp_path):
        descriptor = os.open(tmp_path / "demo.lock", os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)
