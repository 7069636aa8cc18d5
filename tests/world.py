"""A small hub for tests: one area, people of every role, one case; real services on a real database."""

import json
import shutil
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Dialect, create_engine, select, text
from sqlalchemy.engine import make_url
from werkzeug.routing import Rule

from config import Config
from hub.access.actor import Actor
from hub.access.permissions import Role
from hub.app import app_of, build_services
from hub.cases.model import Case, CaseAgency, CaseExclusion, CaseMember
from hub.ids import new_id
from hub.ledger.model import LogEntry
from hub.migrations import migrate
from hub.people.founding import ensure_installation, found_area
from hub.people.model import Account, Agency
from hub.services import Services
from hub.statement.model import Acceptance
from hub.statement.rules import PARTS
from hub.statement.service import current_version
from storage.keys import key_provider_from_url

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PASSWORD = "a fictional pass phrase 17"
SECRET = "for tests only, 0123456789 abcdefghijk"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

AGENCIES = {
    "police": "Fenmarch Police (fictional)",
    "probation": "Fenmarch Probation (fictional)",
    "health": "Fenmarch Health Trust (fictional)",
    "housing": "Fenmarch Housing (fictional)",
    "council": "Fenmarch Council (fictional)",
}
PEOPLE = {
    "coordinator": ("Cora Dinsdale-Fable", Role.COORDINATOR, "probation"),
    "other coordinator": ("Otto Rankle-Fable", Role.COORDINATOR, "police"),
    "police": ("Polly Sergeant-Fable", Role.PRACTITIONER, "police"),
    "probation": ("Prue Bates-Fable", Role.PRACTITIONER, "probation"),
    "excluded": ("Ex Clewd-Fable", Role.PRACTITIONER, "police"),
    "outsider": ("Howie Singh-Fable", Role.PRACTITIONER, "housing"),
    "attendee": ("Hetty Alford-Fable", Role.ATTENDEE, "health"),
    "chair": ("Chad Airey-Fable", Role.CHAIR, "council"),
    "governance": ("Ingrid Gove-Fable", Role.GOVERNANCE, "council"),
    "administrator": ("Sid Adminson-Fable", Role.ADMINISTRATOR, "council"),
}


class Compiled(BytecodeCache):
    """Templates compiled once for all the worlds of a process: a first page took 0.7 s without."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


COMPILED = Compiled()
DIALECTS: dict[str, tuple[Dialect, Any]] = {}
"""By name: the dialect of the first engine, and the statements that were compiled for it."""


def _remember_builders() -> None:
    """Each of a hub's 120 routes is compiled to two functions of Python, the same for every world of a process."""
    compiled: dict[Any, Any] = {}
    compile_builder = Rule._compile_builder

    def remembered(rule: Rule, append_unknown: bool = True) -> Any:
        if rule.defaults:
            return compile_builder(rule, append_unknown)
        key = (tuple(rule._trace), append_unknown)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    Rule._compile_builder = remembered


_remember_builders()


def share_compiled(hub: Services) -> Services:
    """Have statements compiled once for all the worlds of a process: the cache of an engine knows its own dialect only."""
    engine = hub.db.engine
    shared = DIALECTS.setdefault(engine.dialect.name, (engine.dialect, engine._compiled_cache))
    for one in (engine, hub.db._writing):
        one.dialect, one._compiled_cache = shared
    return hub


class TestClock:
    __test__ = False

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(microseconds=1)
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class World:
    """`case` is the id of a case on which police and probation work, coordinated by 'coordinator'."""

    hub: Services
    clock: TestClock
    config: Config
    area: str
    agencies: dict[str, str]
    people: dict[str, str]
    case: str
    tokens: dict[str, str] = field(default_factory=dict)

    @cached_property
    def app(self) -> Flask:
        """Made when a page is first asked for: it costs most of what a world costs."""
        app = app_of(self.hub)
        app.jinja_env.bytecode_cache = COMPILED
        return app

    def account(self, who: str) -> Account:
        with self.hub.db.reading() as session:
            return session.get_one(Account, self.people[who])

    def actor(self, who: str) -> Actor:
        """As the guard would make it, with a live session."""
        visit = self.hub.sessions.find(self.token(who), address="192.0.2.7", device="tests")
        assert visit is not None
        return visit.actor

    def token(self, who: str) -> str:
        if who not in self.tokens:
            with self.hub.db.work() as work:
                account = work.session.get_one(Account, self.people[who])
                self.tokens[who], _ = self.hub.sessions.start(
                    work, account, address="192.0.2.7", device="tests"
                )
                work.commit()
        return self.tokens[who]

    def client(self, who: str | None = None) -> FlaskClient:
        """A browser without CSRF token yet: use `post` below, which reads it from the page's cookie."""
        client = self.app.test_client()
        if who is not None:
            client.set_cookie("hub_session", self.token(who))
        return client

    def post(self, client: FlaskClient, path: str, data: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        return client.post(path, data={"csrf_token": csrf(client), **(data or {})}, **kwargs)

    def make_case(
        self,
        *,
        agencies: tuple[str, ...] = ("police", "probation"),
        coordinator: str = "coordinator",
        **more: Any,
    ) -> str:
        with self.hub.db.work() as work:
            case = _case(work.session, self, agencies, coordinator, more)
            work.commit()
        return case

    def exclude(self, who: str, case: str | None = None) -> None:
        with self.hub.db.work() as work:
            row = work.session.get_one(Case, case or self.case)
            sealed = self.hub.vaults.of(work.session, row).seal_field(
                "exclusion", row.id + self.people[who], b"knows them"
            )
            work.session.add(
                CaseExclusion(
                    case_id=row.id, account_id=self.people[who], sealed_reason=sealed, added_at=self.clock()
                )
            )
            work.commit()

    def join_team(self, who: str, case: str | None = None) -> None:
        with self.hub.db.work() as work:
            work.session.add(
                CaseMember(
                    case_id=case or self.case,
                    account_id=self.people[who],
                    duty="member",
                    added_at=self.clock(),
                )
            )
            work.commit()

    def events(self, name: str | None = None) -> list[LogEntry]:
        """The access log, oldest first; `name` keeps one kind of event."""
        query = select(LogEntry).order_by(LogEntry.sequence)
        with self.hub.db.reading() as session:
            return [entry for entry in session.scalars(query) if name in (None, entry.event)]


def csrf(client: FlaskClient) -> str:
    """Set a known token in the client's form cookie and return it."""
    with client.session_transaction() as session:
        session.setdefault("csrf_token", "token-of-this-test")
        return str(session["csrf_token"])


def build(home: Path, database_url: str = "") -> tuple[Config, dict[str, Any]]:
    """A home with everything in it; returns its settings and the ids."""
    config = Config.from_env({"HUB_HOME": str(home), "HUB_SECRET": SECRET, "HUB_DATABASE_URL": database_url})
    clock = TestClock()
    key_provider_from_url(config.keys_url, config.home, create=True)
    hub = build_services(config, clock)
    migrate(hub.db.engine)
    ids = _populate(hub, clock)
    hub.db.engine.dispose()
    (home / "ids.json").write_text(json.dumps(ids))
    return config, ids


def open_world(home: Path, database_url: str = "") -> World:
    config = Config.from_env({"HUB_HOME": str(home), "HUB_SECRET": SECRET, "HUB_DATABASE_URL": database_url})
    ids = json.loads((home / "ids.json").read_text())
    clock = TestClock()
    hub = share_compiled(build_services(config, clock))
    hub.people._hasher = QUICK
    return World(hub=hub, clock=clock, config=config, **ids)


def copy_home(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


def _populate(hub: Services, clock: TestClock) -> dict[str, Any]:
    with hub.db.work() as work:
        ensure_installation(work.session, clock)
        area = found_area(
            work.session, clock, hub.vaults, name="Fenmarch", localities=["Northfen", "Southmarch"]
        )
        agencies = {kind: new_id() for kind in AGENCIES}
        work.session.add_all(
            Agency(id=agencies[kind], area_id=area.id, name=name, kind=kind)
            for kind, name in AGENCIES.items()
        )
        work.session.flush()
        people = {
            who: _person(work.session, hub, area.id, agencies[kind], who, name, role)
            for who, (name, role, kind) in PEOPLE.items()
        }
        work.commit()
    world = World(
        hub=hub,
        clock=clock,
        config=hub.config,
        area=area.id,
        agencies=agencies,
        people=people,
        case="",
    )
    with hub.db.work() as work:
        _agree_all(work.session, area.id, people, clock)
        work.commit()
    case = world.make_case()
    return {"area": area.id, "agencies": agencies, "people": people, "case": case}


def _person(session: Any, hub: Services, area: str, agency: str, who: str, name: str, role: Role) -> str:
    account = new_id()
    email = f"{who.replace(' ', '.')}@fenmarch.example"
    session.add(
        Account(
            id=account,
            area_id=area,
            agency_id=agency,
            email=email,
            name=name,
            role=role,
            state="active",
            password_hash=QUICK.hash(PASSWORD),
            totp_sealed=hub.vaults.box(session, area, "totp").seal(TOTP_SECRET.encode(), account),
            totp_last_step=0,
            created_at=START,
        )
    )
    session.flush()
    return account


def _agree_all(session: Any, area: str, people: dict[str, str], clock: TestClock) -> None:
    current = current_version(session, area)
    assert current is not None
    for account in people.values():
        for part in PARTS:
            session.add(
                Acceptance(
                    account_id=account, version_id=current.id, part=part, at=clock(), sha256=current.sha256
                )
            )


def _case(
    session: Any, world: World, agencies: tuple[str, ...], coordinator: str, more: dict[str, Any]
) -> str:
    case, hub = new_id(), world.hub
    key = hub.vaults.new_case_key(session, world.area, case)
    name = more.pop("name", "Norman Nominal-Fable")
    count = len(list(session.scalars(select(Case.id))))
    values: dict[str, Any] = {
        "id": case,
        "area_id": world.area,
        "reference": f"FEN-2026-{count + 1:04d}",
        "category": 1,
        "level": 2,
        "locality": "Northfen",
        "lead_agency_id": world.agencies[agencies[0]],
        "coordinator_id": world.people[coordinator],
        "state": "open",
        "entry_route": "sentence",
        "opened_at": START,
        "review_due": date(2026, 6, 1),
        "key_version": key.version,
        "key_wrapped": key.data,
        "row_version": 1,
        "sealed_nominal": b"",
    }
    row = Case(**(values | more))
    session.add(row)
    vault = hub.vaults.of(session, row)
    nominal = {"name": name, "aliases": ["Nobby Fable"], "born": "1980-02-29", "visor": None}
    row.sealed_nominal = vault.seal_field("nominal", case, json.dumps(nominal).encode())
    session.flush()
    session.add_all(
        CaseAgency(case_id=case, agency_id=world.agencies[kind], added_at=START) for kind in agencies
    )
    return case


def clone_database(url: str, template: str) -> None:
    """PostgreSQL: a new database from a template, through the server's maintenance database."""
    target = make_url(url)
    engine = create_engine(target.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{target.database}" TEMPLATE "{template}"'))
    engine.dispose()
