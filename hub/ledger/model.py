"""Tables of the access log. Triggers of the first migration refuse UPDATE and DELETE of entries."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class LogEntry(Base):
    """One entry. `leaf` is the canonical JSON that is hashed; the other columns repeat parts of it for filters.

    `sealed` opens the leaf's private commitments: see `hub.ledger.service.open_private`.
    """

    __tablename__ = "log_entry"

    area_id: Mapped[str] = mapped_column(ForeignKey("area.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    case_id: Mapped[str | None] = mapped_column(String(26))
    case_sequence: Mapped[int | None] = mapped_column(BigInteger)
    at: Mapped[datetime]
    actor_id: Mapped[str | None] = mapped_column(String(26))
    agency_id: Mapped[str | None] = mapped_column(String(26))
    session_id: Mapped[str | None] = mapped_column(String(64))
    event: Mapped[str] = mapped_column(String(40))
    operation: Mapped[str | None] = mapped_column(String(16))
    outcome: Mapped[str] = mapped_column(String(10))
    document_id: Mapped[str | None] = mapped_column(String(26))
    meeting_id: Mapped[str | None] = mapped_column(String(26))
    reason: Mapped[str | None] = mapped_column(String(20))
    leaf: Mapped[str] = mapped_column(Text)
    leaf_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    sealed: Mapped[bytes | None]

    __table_args__ = (
        Index("ix_log_entry_at", "area_id", "at"),
        Index("ix_log_entry_actor", "area_id", "actor_id", "sequence"),
        Index("ix_log_entry_case", "area_id", "case_id", "case_sequence", unique=True),
        Index("ix_log_entry_document", "area_id", "document_id", "sequence"),
        Index("ix_log_entry_event", "area_id", "event", "sequence"),
        Index("ix_log_entry_agency", "area_id", "agency_id", "sequence"),
        Index("ix_log_entry_outcome", "area_id", "outcome", "sequence"),
    )


class LogHead(Base):
    """How far an area's log has come; its row is locked while entries are appended.

    `frontier` is `bytes` of the tree's `Frontier`, of `sequence` leaves.
    """

    __tablename__ = "log_head"

    area_id: Mapped[str] = mapped_column(ForeignKey("area.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger)
    frontier: Mapped[bytes]


class LogCaseHead(Base):
    """How far one case's own sequence has come, and the hash over all its entries (docs/log-format.md, section 3)."""

    __tablename__ = "log_case_head"

    case_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    area_id: Mapped[str] = mapped_column(ForeignKey("area.id"))
    sequence: Mapped[int] = mapped_column(Integer)
    head: Mapped[bytes] = mapped_column(LargeBinary(32))

    __table_args__ = (Index("ix_log_case_head_area", "area_id", "case_id"),)


class LogSigner(Base):
    """The key that signs an area's checkpoints: its Ed25519 seed, sealed under the area's box 'checkpoint'.

    `refused_at`: since when it signs nothing more, because the log is not what was signed before; `refused_why` a sentence.
    """

    __tablename__ = "log_signer"

    area_id: Mapped[str] = mapped_column(ForeignKey("area.id"), primary_key=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    sealed_seed: Mapped[bytes]
    made_at: Mapped[datetime]
    refused_at: Mapped[datetime | None]
    refused_why: Mapped[str | None] = mapped_column(String(200))


class LogCheckpoint(Base):
    """A signed checkpoint. `number` counts the area's checkpoints from 1; `frontier` is that of its `size` entries.

    `copied_at`: when it was durable everywhere it is to be kept, None while it is not.
    """

    __tablename__ = "log_checkpoint"

    area_id: Mapped[str] = mapped_column(ForeignKey("area.id"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]
    frontier: Mapped[bytes]
    note: Mapped[str] = mapped_column(Text)
    copied_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_log_checkpoint_size", "area_id", "size", "number"),)
