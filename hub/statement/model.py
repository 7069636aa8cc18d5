"""Tables of the statement: its versions, and who agreed which part of which."""

from datetime import datetime

from sqlalchemy import ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class StatementVersion(Base):
    """A published version never changes; `number` None marks the area's draft. `sha256`: see `rules.statement_hash`."""

    __tablename__ = "statement_version"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    area_id: Mapped[str] = mapped_column(ForeignKey("area.id"))
    number: Mapped[int | None] = mapped_column(Integer)
    confidentiality: Mapped[str] = mapped_column(Text)
    equality: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(Text)
    edited_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    edited_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    row_version: Mapped[int] = mapped_column(Integer, default=1)

    __table_args__ = (UniqueConstraint("area_id", "number"),)
    __mapper_args__ = {"version_id_col": row_version}  # noqa: RUF012 - SQLAlchemy reads it as declared


class Acceptance(Base):
    """Kept for ever: who agreed which part of which version, when, and the hash of the text they saw."""

    __tablename__ = "acceptance"

    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), primary_key=True)
    version_id: Mapped[str] = mapped_column(ForeignKey("statement_version.id"), primary_key=True)
    part: Mapped[str] = mapped_column(String(20), primary_key=True)
    at: Mapped[datetime]
    sha256: Mapped[str] = mapped_column(String(64))
