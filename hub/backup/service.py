"""Backups as the hub's operator makes, checks, restores and removes them; no person of an agency does.

Every repository that was ever written to is remembered, so that a case that is shredded is forgotten in each: `hub.disposal`
asks each at once, and one that was out of reach then is caught up with before anything else is done there.
"""

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from config import Config
from hub.access.actor import program
from hub.backup import restore as restoring
from hub.backup.create import Creating, Made, publish
from hub.backup.keys import Keys
from hub.backup.manifest import Manifest
from hub.backup.model import BackupRepository
from hub.backup.objects import Progress
from hub.backup.prune import Pruned, prune
from hub.backup.repository import Repository
from hub.backup.restore import Restored
from hub.backup.verify import Allow, Checked, Opening, check_hashes
from hub.cases.model import Case
from hub.clock import Clock
from hub.db import Database
from hub.disposal.erasing import erase
from hub.errors import Refused
from hub.ledger.events import (
    BackupCreated,
    BackupOpened,
    BackupPruned,
    BackupRestored,
    BackupVerified,
    CaseShredded,
    Event,
)
from hub.ledger.model import LogEntry
from hub.people.model import Area, Installation
from hub.vaults import Vaults
from storage.disk import disk_errors
from storage.errors import StorageError, WrongKey
from storage.receipts import Receipt

LOCK = "backup.lock"
CHECK = "check"
"""The purpose of a receipt with which the program opens what it checks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """`how`: as in the event `backup.verified`."""

    manifest: Manifest
    how: str
    checked: Checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """`opens`: None where the snapshot's keys are here, else the sentence that says which are needed."""

    manifest: Manifest
    opens: str | None


class BackupService:
    def __init__(self, db: Database, clock: Clock, vaults: Vaults, config: Config) -> None:
        self._db, self._clock, self._vaults, self._config = db, clock, vaults, config

    # --- making

    def create(self, url: str, progress: Progress, *, check: bool = False) -> Made:
        """A new snapshot in the repository at `url`, which is made if there is none.

        `check` reads the objects that are there already once more and replaces those that are damaged.
        """
        with self._alone():
            repository = Repository.open_or_make(url, self._hub())
            self._remember(repository)
            repository.sweep()
            self._catch_up(repository)
            keys = Keys(repository, self._vaults.provider())
            keys.rewrap()
            run = Creating(self._db.engine, self._vaults.store, repository, progress)
            made = run.snapshot(self._clock(), keys.seal, check=check)
            self._record_made(made.manifest)
            publish(repository, made.manifest)
            self._catch_up(repository)
            return made

    def rewrap(self) -> list[tuple[str, str]]:
        """Wrap the area keys in every repository for the newest root key: before an older one is retired.

        (address, what happened) of each; those that could not be reached say so.
        """
        with self._alone():
            return [(one.url, self._rewrapped(one)) for one in self._known()]

    def _rewrapped(self, one: BackupRepository) -> str:
        try:
            done = Keys(_reopened(one), self._vaults.provider()).rewrap()
        except (StorageError, Refused) as error:
            return f"not reached: {error}"
        return f"{done} keys wrapped again"

    # --- checking

    def verify(self, url: str, snapshot: str | None, progress: Progress, *, deep: bool = False) -> Verified:
        """Hashes and counts; the seal where this hub has the keys; with `deep` everything opened as a restore would."""
        repository, manifest = _opened(url, snapshot)
        how, faults = self._seal_faults(repository, manifest)
        checked = check_hashes(repository, manifest, progress)
        found = (*faults, *checked.faults)
        if deep:
            if how == "hashes":
                raise WrongKey("The snapshot can be opened only where the hub's keys are.")
            how, opened = "opened", self._open(repository, manifest, progress)
            found = (*found, *opened.faults)
        if self.installed():
            told = BackupVerified(
                repository=manifest.repository, snapshot=manifest.snapshot, how=how, faults=len(found)
            )
            self._recorded(dict.fromkeys(self._areas(), told))
        return Verified(manifest=manifest, how=how, checked=replace(checked, faults=found))

    def _seal_faults(self, repository: Repository, manifest: Manifest) -> tuple[str, list[str]]:
        try:
            provider = self._vaults.provider()
        except StorageError:
            return "hashes", []
        try:
            Keys(repository, provider).check(manifest)
        except WrongKey:
            return "hashes", []
        except StorageError as error:
            return "seals", [str(error)]
        return "seals", []

    def _open(self, repository: Repository, manifest: Manifest, progress: Progress) -> Checked:
        if not self.installed() or self._hub() != manifest.hub:
            raise Refused(
                "A snapshot is opened on the hub that made it: its log says so first. Elsewhere, restore it."
            )
        told = BackupOpened(
            repository=manifest.repository, snapshot=manifest.snapshot, objects=manifest.objects
        )
        allow = self._recorded(dict.fromkeys(self._areas(), told))
        opening = Opening(repository, manifest, self._vaults.over(repository.objects), allow)
        return opening.check(self._config.home, self._clock(), progress)

    # --- restoring

    def restore(self, url: str, snapshot: str | None, progress: Progress) -> Restored:
        """Put an empty home, database and store to a snapshot. Raises Refused where any of them is not empty."""
        with self._alone():
            repository, manifest = _opened(url, snapshot)
            target = restoring.Target(
                home=self._config.home,
                engine=self._db.engine,
                store=self._vaults.store,
                provider=self._vaults.provider(),
            )
            restored = restoring.restore(target, repository, manifest, self._clock, progress)
            self._after_restore(repository, restored)
            restoring.finish(self._config.home)
            return restored

    # --- tidying

    def listed(self, url: str) -> list[Listed]:
        """Every snapshot, oldest first."""
        repository = Repository.open(url)
        found = [repository.manifest(name) for name in repository.snapshots()]
        return [Listed(manifest=one, opens=self._missing_key(repository, one)) for one in found]

    def prune(self, url: str, keep: int) -> Pruned:
        """Keep the newest `keep` snapshots, at least one."""
        with self._alone():
            repository = Repository.open_or_make(url, self._hub())
            self._catch_up(repository)
            pruned = prune(repository, keep)
            told = BackupPruned(
                repository=repository.id, kept=keep, snapshots=pruned.snapshots, objects=pruned.objects
            )
            self._recorded(dict.fromkeys(self._areas(), told))
            return pruned

    def _catch_up(self, repository: Repository) -> None:
        """Destroy the keys of every case that was shredded while the repository was out of reach.

        Asked of the access log, not of the rows: a key column emptied by mistake or by malice takes no backup with it.
        """
        with self._db.reading() as session:
            gone = shredded_cases(session)
        for case in sorted(gone - repository.forgotten()):
            repository.forget(case, self._clock())

    # --- what is shared

    def installed(self) -> bool:
        """Whether the hub's database is there: a snapshot's hashes can be checked where it is not."""
        with self._db.engine.connect() as connection:
            return inspect(connection).has_table(Installation.__tablename__)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One at a time on this machine; the lock goes with the process."""
        with disk_errors(), (self._config.home / LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Refused(
                    "Another backup command is running on this home: wait until it has ended."
                ) from None
            yield

    def _hub(self) -> str:
        with self._db.reading() as session:
            return session.scalars(select(Installation.id)).one()

    def _areas(self) -> list[str]:
        with self._db.reading() as session:
            return list(session.scalars(select(Area.id).order_by(Area.id)))

    def _known(self) -> list[BackupRepository]:
        with self._db.reading() as session:
            return list(session.scalars(select(BackupRepository).order_by(BackupRepository.added_at)))

    def _remember(self, repository: Repository) -> None:
        """Before anything is written there that a shredding would have to find."""
        with self._db.work() as work:
            row = work.session.get(BackupRepository, repository.id)
            if row is None:
                row = BackupRepository(id=repository.id, added_at=self._clock())
                work.session.add(row)
            row.url = repository.url
            work.commit()

    def _record_made(self, manifest: Manifest) -> None:
        with self._db.work() as work:
            row = work.session.get_one(BackupRepository, manifest.repository)
            row.snapshot, row.snapshot_at = manifest.snapshot, manifest.created_at
            work.commit()
        self._recorded(
            {
                one.area: BackupCreated(
                    repository=manifest.repository,
                    snapshot=manifest.snapshot,
                    entries=one.entries,
                    objects=manifest.objects,
                    missing=len(manifest.missing),
                )
                for one in manifest.areas
            }
        )

    def _recorded(self, events: Mapping[str, Event]) -> Allow:
        """An entry in each area's log; what is returned shows the vault that it is there."""
        done = {area: self._db.record(program(area), event) for area, event in events.items()}

        def allow(area: str, case: str, objects: list[str]) -> Receipt:
            return done[area].receipt(case=case, objects=objects, purpose=CHECK)

        return allow

    def _missing_key(self, repository: Repository, manifest: Manifest) -> str | None:
        try:
            Keys(repository, self._vaults.provider()).check(manifest)
        except StorageError as error:
            return str(error)
        return None

    def _after_restore(self, repository: Repository, restored: Restored) -> None:
        """What the repository knows and the rows of then do not: its address, and which cases are shredded since."""
        self._remember(repository)
        gone = set(restored.shredded)
        for one in restored.manifest.areas:
            with self._db.work() as work:
                session = work.session
                cases = list(session.scalars(select(Case).where(Case.area_id == one.area, Case.id.in_(gone))))
                for case in cases:
                    erase(session, self._vaults, case)
                told = BackupRestored(
                    repository=repository.id,
                    snapshot=restored.manifest.snapshot,
                    entries=one.entries,
                    cases=tuple(case.id for case in cases),
                )
                work.record(program(one.area), told)
                work.commit()


def shredded_cases(session: Session) -> set[str]:
    """What the log says was shredded here, or had been when this hub was put back to a backup."""
    shredded = set(session.scalars(select(LogEntry.case_id).where(LogEntry.event == CaseShredded.name)))
    restored = session.scalars(select(LogEntry.leaf).where(LogEntry.event == BackupRestored.name))
    return {case for case in shredded if case} | {
        case for leaf in restored for case in json.loads(leaf)["fields"]["cases"]
    }


def _reopened(one: BackupRepository) -> Repository:
    found = Repository.open(one.url)
    if found.id != one.id:
        raise Refused("Another repository lies at its address.")
    return found


def _opened(url: str, snapshot: str | None) -> tuple[Repository, Manifest]:
    repository = Repository.open(url)
    return repository, repository.manifest(snapshot or repository.newest())
