"""Tables of areas, agencies, accounts and sessions."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, BigInteger, Boolean, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.access.permissions import Role
from hub.db import Base


class Installation(Base):
    """The hub itself: one row, whose id is bound into every key and sealed object."""

    __tablename__ = "installation"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    created_at: Mapped[datetime]


class Area(Base):
    """One MAPPA area. `key_*` is its wrapped key, `key_spare_*` the other one while it is rotated; `settings` holds the area's own defaults (timescales, localities)."""

    __tablename__ = "area"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    demo: Mapped[bool] = mapped_column(Boolean, default=False)
    key_version: Mapped[int] = mapped_column(Integer)
    key_wrapped: Mapped[bytes]
    key_spare_version: Mapped[int | None] = mapped_column(Integer)
    key_spare_wrapped: Mapped[bytes | None]
    key_since: Mapped[datetime | None]
    settings: Mapped[dict] = mapped_column(JSON, default=dict)  # type: ignore[type-arg]
    localities: Mapped[list] = mapped_column(JSON, default=list)  # type: ignore[type-arg]


class AreaPurposeKey(Base):
    """An earlier area key's key for one purpose, wrapped by the area key: opens what can never be sealed again.

    `version` is that of the area key that it was derived from.
    """

    __tablename__ = "area_purpose_key"

    area_id: Mapped[str] = mapped_column(ForeignKey("area.id"), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    wrapped: Mapped[bytes]


class Agency(Base):
    """`kind` is a code of `hub.people.rules.AGENCY_KINDS`."""

    __tablename__ = "agency"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    area_id: Mapped[str] = mapped_column(ForeignKey("area.id"))
    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(30))


class AccountState(StrEnum):
    INVITED = "invited"
    ACTIVE = "active"
    SUSPENDED = "suspended"


class Account(Base):
    """`email` is kept in lower case. `totp_sealed` and the password hash are set at enrolment."""

    __tablename__ = "account"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    area_id: Mapped[str] = mapped_column(ForeignKey("area.id"))
    agency_id: Mapped[str] = mapped_column(ForeignKey("agency.id"))
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(12), default=AccountState.INVITED)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    totp_sealed: Mapped[bytes | None]
    totp_last_step: Mapped[int] = mapped_column(BigInteger, default=0)
    invitation_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    invitation_ends: Mapped[datetime | None]
    created_at: Mapped[datetime]

    __table_args__ = (Index("ix_account_area", "area_id"),)

    @property
    def role_(self) -> Role:
        return Role(self.role)


class SignedInSession(Base):
    """A server-side session; `id` is the SHA-256 (hex) of the cookie's token, which is kept nowhere."""

    __tablename__ = "session"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    address_hash: Mapped[str] = mapped_column(String(64))
    device: Mapped[str] = mapped_column(String(120))

    __table_args__ = (Index("ix_session_account", "account_id", "ended_at"),)


class SignInStep(Base):
    """Between password and code: `account_id` is None when there is no such account; nothing tells which."""

    __tablename__ = "sign_in_step"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    email_hash: Mapped[str] = mapped_column(String(64))
    address_hash: Mapped[str] = mapped_column(String(64))
    password_right: Mapped[bool] = mapped_column(Boolean)
    ends_at: Mapped[datetime]

    __table_args__ = (Index("ix_sign_in_step_address", "address_hash", "ends_at"),)


class Throttle(Base):
    """Failures of late for one key: an HMAC of an account, an address, or both."""

    __tablename__ = "throttle"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)
    since: Mapped[datetime]
    blocked_until: Mapped[datetime | None]


class SessionReason(Base):
    """The coded reason given for a case in one session: remembered for the visit, no longer."""

    __tablename__ = "session_reason"

    session_id: Mapped[str] = mapped_column(ForeignKey("session.id"), primary_key=True)
    case_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    reason: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime]


class HeldForm(Base):
    """What someone had typed when the gate closed on them (session over, new statement, stale token): sealed, theirs alone."""

    __tablename__ = "held_form"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    path: Mapped[str] = mapped_column(Text)
    sealed_fields: Mapped[bytes]
    created_at: Mapped[datetime]
