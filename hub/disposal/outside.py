"""The backups that the hub knows of, told to forget a case.

One that is out of reach now is named on the certificate; the next backup command that reaches it catches up first.
"""

from collections.abc import Sequence

from sqlalchemy import select

from hub.backup.model import BackupRepository
from hub.backup.repository import Repository
from hub.clock import Clock
from hub.db import Database
from hub.disposal.shredding import Copy
from hub.errors import HubError
from storage.errors import StorageError


class KnownBackups:
    """Every repository that was ever written to, as the backup commands remember them."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    def forget_case(self, case: str) -> Sequence[Copy]:
        with self._db.reading() as session:
            known = session.scalars(select(BackupRepository).order_by(BackupRepository.added_at)).all()
        return [self._forgotten(row, case) for row in known]

    def _forgotten(self, row: BackupRepository, case: str) -> Copy:
        made_at = (row.snapshot_at or row.added_at).isoformat()
        try:
            repository = Repository.open(row.url)
            if repository.id != row.id:
                return Copy(
                    place=row.url, made_at=made_at, forgotten=False, why="another repository lies there now"
                )
            repository.forget(case, self._clock())
        except (HubError, StorageError, OSError) as error:
            return Copy(
                place=row.url, made_at=made_at, forgotten=False, why=str(error) or type(error).__name__
            )
        return Copy(place=row.url, made_at=made_at, forgotten=True)
