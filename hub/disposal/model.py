"""Tables of legal holds, of requests to destroy a case, and of what was destroyed.

Their reasons outlive the case: they are sealed under the area's key (purpose 'disposal'), never under the
case's, and are not to name the nominal.
"""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class LegalHold(Base):
    """Nothing of the case is destroyed while one stands; several may, each for its own reason."""

    __tablename__ = "legal_hold"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_.id"))
    set_at: Mapped[datetime]
    set_by: Mapped[str] = mapped_column(ForeignKey("account.id"))
    sealed_reason: Mapped[bytes]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    sealed_lifting: Mapped[bytes | None]

    __table_args__ = (Index("ix_legal_hold_case", "case_id", "lifted_at"),)


class DisposalRequest(Base):
    """One person asks, another decides. `code`, `state`: of `hub.disposal.rules`."""

    __tablename__ = "disposal_request"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_.id"))
    code: Mapped[str] = mapped_column(String(30))
    state: Mapped[str] = mapped_column(String(12))
    asked_at: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(ForeignKey("account.id"))
    sealed_reason: Mapped[bytes]
    ends_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    sealed_decision: Mapped[bytes | None]

    __table_args__ = (
        Index("ix_disposal_request_case", "case_id", "asked_at"),
        Index("ix_disposal_request_state", "state", "ends_at"),
    )


class Disposal(Base):
    """What was destroyed of a case, and how far its destruction has come: `step` of `hub.disposal.rules.Step`.

    `found`: JSON of what there was when the keys went. `outside`: JSON of what backups said.
    `certificate`: JSON from which text and PDF are made; `sha256` of the PDF and `text_sha256` of the text as first made.
    """

    __tablename__ = "disposal"

    case_id: Mapped[str] = mapped_column(ForeignKey("case_.id"), primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("disposal_request.id"))
    step: Mapped[str] = mapped_column(String(12))
    began_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    objects: Mapped[int] = mapped_column(Integer)
    bytes: Mapped[int] = mapped_column(BigInteger)
    found: Mapped[str] = mapped_column(Text)
    outside: Mapped[str | None] = mapped_column(Text)
    certificate: Mapped[str | None] = mapped_column(Text)
    sha256: Mapped[str | None] = mapped_column(String(64))
    text_sha256: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (Index("ix_disposal_began", "began_at"),)
