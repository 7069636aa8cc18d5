"""Whether a snapshot is whole: hashes alone, which needs no key, or opened, which restores it into a scratch database."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from hub.backup.dump import ObjectRow
from hub.backup.manifest import Manifest
from hub.backup.objects import AT_ONCE, BATCH, CHUNK, Progress, fault
from hub.backup.repository import Repository
from hub.backup.rows import fill
from hub.backup.tables import Row
from hub.backup.wrappings import CASE, Reference, placed
from hub.cases.model import Case
from hub.db import session_on
from hub.documents.model import StoredObject
from hub.documents.objects import sealed_object
from hub.engine import make_engine
from hub.errors import HubError
from hub.ids import new_id
from hub.ledger.service import verify as verify_log
from hub.vaults import Vaults
from storage.errors import StorageError
from storage.receipts import Receipt

SCRATCH = "scratch-"
Allow = Callable[[str, str, list[str]], Receipt]
"""(area, case, ids of sealed objects) -> what the vault must be shown, of an entry that is in the log already."""


@dataclass(frozen=True, slots=True)
class Checked:
    """`faults`: a sentence each."""

    objects: int
    faults: tuple[str, ...]


def check_hashes(repository: Repository, manifest: Manifest, progress: Progress) -> Checked:
    """Every table against its hash and count, every object against its row, every key's file by its name."""
    faults, forgotten = list[str](), repository.forgotten()
    closed = _closed(repository, manifest)
    held = set(repository.references())
    excused = set(manifest.missing)
    wanted = list[ObjectRow]()
    for told in manifest.tables:
        try:
            for row in repository.rows_below(manifest.snapshot, told):
                faults += _lost_keys(told.name, row, held, forgotten)
                if (
                    told.name == "stored_object"
                    and row["case_id"] not in closed
                    and row["name"] not in excused
                ):
                    wanted.append(ObjectRow.of(row))
        except StorageError as error:
            faults.append(f"Table {told.name}: {error}")
    if not faults and len(wanted) > manifest.objects:
        faults.append("The snapshot's rows name more objects than its manifest counts.")
    return Checked(len(wanted), (*faults, *_bad_objects(repository, wanted, progress)))


def _closed(repository: Repository, manifest: Manifest) -> set[str]:
    """When the table of cases itself is damaged, that is told where all tables are read."""
    try:
        return repository.closed(manifest)
    except StorageError:
        return repository.forgotten()


def _lost_keys(table: str, row: Row, held: set[Reference], forgotten: set[str]) -> Iterator[str]:
    for one in placed(table, row).values():
        if one not in held and not (table == CASE and one.owner in forgotten):
            yield f"The key of {table.strip('_')} {one.owner} is missing."


def _bad_objects(repository: Repository, wanted: list[ObjectRow], progress: Progress) -> Iterator[str]:
    left, done = iter(wanted), 0
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="verify") as pool:
        while batch := list(islice(left, BATCH)):
            yield from filter(None, pool.map(lambda row: fault(repository.objects, row), batch))
            done += len(batch)
            progress("objects", done, len(wanted))


@dataclass(frozen=True, slots=True)
class Opening:
    """Opens a whole snapshot: what a restore would give, without a second hub."""

    repository: Repository
    manifest: Manifest
    vaults: Vaults
    allow: Allow

    def check(self, home: Path, now: datetime, progress: Progress) -> Checked:
        """The log verifies and ends where the manifest says; every object authenticates under its case's key."""
        with scratch(home) as engine:
            try:
                with engine.execution_options(hub_writes=True).begin() as connection:
                    fill(connection, self.repository, self.manifest, now)
            except (StorageError, HubError) as error:
                return Checked(0, (str(error),))
            with session_on(engine) as session:
                logs = tuple(self._log_faults(session))
                count, faults = self._open_all(session, progress)
        return Checked(count, (*logs, *faults))

    def _log_faults(self, session: Session) -> Iterator[str]:
        for one in self.manifest.areas:
            found = verify_log(session, one.area)
            if found is not None:
                yield f"The access log does not verify at entry {found.sequence}: {found.why}"

    def _open_all(self, session: Session, progress: Progress) -> tuple[int, list[str]]:
        faults, done = list[str](), 0
        for case in session.scalars(
            select(Case).where(Case.key_wrapped.is_not(None)).order_by(Case.id)
        ).all():
            rows = session.scalars(select(StoredObject).where(StoredObject.case_id == case.id)).all()
            rows = [row for row in rows if row.name not in self.manifest.missing]
            if rows:
                receipt = self.allow(case.area_id, case.id, [row.id for row in rows])
                faults += filter(None, (self._fault(session, case, row, receipt) for row in rows))
            done += len(rows)
            progress("opened", done, self.manifest.objects)
        return done, faults

    def _fault(self, session: Session, case: Case, row: StoredObject, receipt: Receipt) -> str | None:
        try:
            vault = self.vaults.of(session, case)
            with closing(vault.open(sealed_object(vault, row), receipt)) as reader:
                while reader.read(CHUNK):
                    pass
        except StorageError as error:
            return f"Object {row.name} does not open: {error}"
        return None


@contextmanager
def scratch(home: Path) -> Iterator[Engine]:
    """A database of its own below the home, gone afterwards; one that a crash left goes with the next."""
    for left in home.glob(f"{SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = home / f"{SCRATCH}{new_id()}"
    folder.mkdir(mode=0o700)
    engine = make_engine(f"sqlite:///{folder / 'hub.sqlite'}")
    try:
        yield engine
    finally:
        engine.dispose()
        shutil.rmtree(folder, ignore_errors=True)
