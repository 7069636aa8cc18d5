"""Table of backups: which repositories there are."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class BackupRepository(Base):
    """One that was ever written to, and so may hold wrappings of case keys. `snapshot` is the last that was begun."""

    __tablename__ = "backup_repository"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    added_at: Mapped[datetime]
    snapshot: Mapped[str | None] = mapped_column(String(40))
    snapshot_at: Mapped[datetime | None]
