"""What the tests of backups share: a hub with documents, a repository, and machines with nothing on them."""

import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from config import Config
from hub.access.actor import program
from hub.app import build_services
from hub.backup.repository import Repository
from hub.cases.model import Case
from hub.disposal.erasing import erase
from hub.documents.model import StoredObject
from hub.documents.objects import sealed_object
from hub.documents.reader import Reader
from hub.ledger.events import BackupOpened, CaseShredded
from hub.ledger.model import LogEntry
from hub.ledger.tree import Frontier
from hub.services import Services
from tests.documents.conftest import Desk, pdf
from tests.remembering import Remembering
from tests.world import SECRET, World

NUMBERS = itertools.count()
ON_SQLITE = pytest.mark.parametrize("world", ["sqlite"], indirect=True)
"""For what lies in a repository's files, which are the same whatever the database is."""
WORDS = ("Quorvexil", "Jubrandite", "Zolfenwick")
"""In a document, in its title and in its file's name; nowhere else."""


def silent(_what: str, _done: int, _total: int) -> None:
    pass


@pytest.fixture(scope="session")
def one_reader() -> Iterator[Remembering]:
    with Reader() as reader:
        yield Remembering(reader)


@pytest.fixture
def desk(world: World, one_reader: Remembering) -> Iterator[Desk]:
    own, world.hub.documents._reader = world.hub.documents._reader, one_reader
    yield Desk(world)
    world.hub.documents._reader = own


@dataclass
class Full:
    """A hub with documents of two cases, and where its backups go."""

    world: World
    desk: Desk
    url: str
    other: str
    documents: list[str]

    @property
    def hub(self) -> Services:
        return self.world.hub

    @property
    def repository(self) -> Repository:
        return Repository.open(self.url)

    def create(self, **how: Any) -> Any:
        return self.hub.backup.create(self.url, silent, **how)

    def verify(self, **how: Any) -> Any:
        return self.hub.backup.verify(self.url, how.pop("snapshot", None), silent, **how)

    def upload(self, text: str = "One more invented page.", **more: Any) -> str:
        return self.desk.upload(pdf(text), f"more-{next(NUMBERS)}.pdf", **more).document

    def erase(self, case: str) -> None:
        """What a shredding does to the rows and writes into the log; backups are not asked yet."""
        with self.hub.db.work() as work:
            row = work.session.get_one(Case, case)
            found = erase(work.session, self.hub.vaults, row)
            work.session.refresh(row)
            row.destroyed_at = self.world.clock()
            told = CaseShredded(
                case=case, request=case, documents=1, objects=found.objects, bytes=found.bytes, key="0" * 64
            )
            work.record(program(self.world.area), told)
            work.commit()
        for name in list(self.hub.vaults.store.names(f"{self.world.area}/{case}/")):
            self.hub.vaults.store.delete(name)


@pytest.fixture
def full(world: World, desk: Desk, tmp_path: Path) -> Full:
    other = world.make_case(name="Dora Nominal-Fable")
    documents = [
        desk.prepared(
            pdf(f"{WORDS[0]} on the first page.", "And a second one."), f"{WORDS[2]}.pdf", title=WORDS[1]
        ),
        desk.prepared(pdf("Of the other case."), case=other),
    ]
    return Full(world, desk, str(tmp_path / "backups"), other, documents)


def contents(hub: Services, area: str) -> dict[str, bytes]:
    """{id: content} of every sealed object that opens."""
    found = {}
    with hub.db.work() as work:
        told = BackupOpened(repository="tests", snapshot="tests", objects=0)
        entry = work.record(program(area), told)
        work.commit()
        for row in work.session.scalars(select(StoredObject)).all():
            case = work.session.get_one(Case, row.case_id)
            if case.key_wrapped is None:
                continue
            vault = hub.vaults.of(work.session, case)
            receipt = work.receipt(entry, case=case.id, objects=[row.id], purpose="check")
            with closing(vault.open(sealed_object(vault, row), receipt)) as reader:
                found[row.id] = reader.read()
    return found


def root(hub: Services, area: str, entries: int) -> str:
    with hub.db.reading() as session:
        query = select(LogEntry.leaf_hash).where(LogEntry.area_id == area, LogEntry.sequence <= entries)
        return Frontier().extended(session.scalars(query.order_by(LogEntry.sequence))).root.hex()


Clean = Callable[..., Services]


@pytest.fixture
def clean(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Clean]:
    """A machine with nothing but, where `key` is given, a copy of that hub's key file; on SQLite or PostgreSQL."""
    made: list[tuple[Services, str]] = []

    def machine(key: World | None, engine: str = "sqlite", **settings: str) -> Services:
        home, number = tmp_path / f"clean-{next(NUMBERS)}", next(NUMBERS)
        url = ""
        if engine == "postgresql":
            url = request.getfixturevalue("postgres").database(f"clean_{number}")
        config = Config.from_env(
            {"HUB_HOME": str(home), "HUB_SECRET": SECRET, "HUB_DATABASE_URL": url, **settings}
        )
        if key is not None:
            (home / "keys").mkdir(mode=0o700)
            shutil.copy(key.config.home / "keys" / "root.json", home / "keys" / "root.json")
        hub = build_services(config, key.clock) if key else build_services(config)
        made.append((hub, f"clean_{number}" if url else ""))
        return hub

    yield machine
    for hub, name in made:
        hub.documents.close()
        hub.db.engine.dispose()
        if name:
            request.getfixturevalue("postgres").drop(name)


def lines(path: Path) -> list[Any]:
    """Of a table's file in a repository."""
    import gzip

    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


class StoppedError(Exception):
    pass


def stop_at(monkeypatch, module, wanted):
    def failpoint(point):
        if point is wanted:
            raise StoppedError

    monkeypatch.setattr(module, "failpoint", failpoint)
