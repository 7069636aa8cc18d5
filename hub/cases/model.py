"""Tables of cases. What names the nominal is sealed; rows carry ids, dates, states, levels."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class Case(Base):
    """`sealed_nominal`: JSON of name, aliases, date of birth and reference numbers under the case key.

    `key_wrapped` is the case key under the area key: destroying it shreds the case, and with it
    `key_spare_wrapped`, the other key while a rotation is under way (`hub.keys`). `key_since`: when the
    key was taken up, None for the first. `row_version` refuses a change made on an older reading.
    """

    __tablename__ = "case_"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    area_id: Mapped[str] = mapped_column(ForeignKey("area.id"))
    reference: Mapped[str] = mapped_column(String(24))
    category: Mapped[int] = mapped_column(Integer)
    level: Mapped[int] = mapped_column(Integer)
    locality: Mapped[str] = mapped_column(String(60))
    lead_agency_id: Mapped[str] = mapped_column(ForeignKey("agency.id"))
    coordinator_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    state: Mapped[str] = mapped_column(String(10))
    entry_route: Mapped[str] = mapped_column(String(30))
    exit_reason: Mapped[str | None] = mapped_column(String(30))
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    review_due: Mapped[date | None]
    sealed_nominal: Mapped[bytes]
    key_version: Mapped[int] = mapped_column(Integer)
    key_wrapped: Mapped[bytes | None]
    key_spare_version: Mapped[int | None] = mapped_column(Integer)
    key_spare_wrapped: Mapped[bytes | None]
    key_since: Mapped[datetime | None]
    destroyed_at: Mapped[datetime | None]
    row_version: Mapped[int] = mapped_column(Integer)

    __table_args__ = (
        Index("ix_case_area_reference", "area_id", "reference", unique=True),
        Index("ix_case_coordinator", "coordinator_id"),
        Index("ix_case_review", "area_id", "review_due"),
    )
    __mapper_args__ = {"version_id_col": row_version}  # noqa: RUF012 - SQLAlchemy reads it as declared


class CaseAgency(Base):
    """An agency working the case."""

    __tablename__ = "case_agency"

    case_id: Mapped[str] = mapped_column(ForeignKey("case_.id"), primary_key=True)
    agency_id: Mapped[str] = mapped_column(ForeignKey("agency.id"), primary_key=True)
    added_at: Mapped[datetime]

    __table_args__ = (Index("ix_case_agency_agency", "agency_id"),)


class CaseMember(Base):
    """A named person on the case's team."""

    __tablename__ = "case_member"

    case_id: Mapped[str] = mapped_column(ForeignKey("case_.id"), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), primary_key=True)
    duty: Mapped[str] = mapped_column(String(60))
    added_at: Mapped[datetime]

    __table_args__ = (Index("ix_case_member_account", "account_id"),)


class CaseExclusion(Base):
    """A named person who must not see the case (staff who know the nominal); the reason is sealed."""

    __tablename__ = "case_exclusion"

    case_id: Mapped[str] = mapped_column(ForeignKey("case_.id"), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), primary_key=True)
    sealed_reason: Mapped[bytes]
    added_at: Mapped[datetime]

    __table_args__ = (Index("ix_case_exclusion_account", "account_id"),)


class CaseChange(Base):
    """One line of the case's history: `what` as in the log events `case.changed` and `case.team_changed`, or 'opened'.

    `sealed_reason`: JSON of reason (empty where none is asked) and criteria under the case key.
    """

    __tablename__ = "case_change"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_.id"))
    at: Mapped[datetime]
    by_id: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    what: Mapped[str] = mapped_column(String(20))
    before: Mapped[str] = mapped_column(String(60))
    after: Mapped[str] = mapped_column(String(60))
    sealed_reason: Mapped[bytes]

    __table_args__ = (Index("ix_case_change_case", "case_id", "at"),)


class CaseVisit(Base):
    """When a person last opened the case page, and the time before: 'new since your last visit'."""

    __tablename__ = "case_visit"

    case_id: Mapped[str] = mapped_column(ForeignKey("case_.id"), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), primary_key=True)
    session_id: Mapped[str | None] = mapped_column(String(64))
    at: Mapped[datetime]
    before: Mapped[datetime | None]


class BreakGlass(Base):
    """A case that a practitioner opened without standing to it, for a stated reason and a limited time.

    `sealed_why`: their words, under the area's box 'review': information governance reads them and opens no case.
    `how` it ended: 'given back', 'time over'. `review_id`: what cannot stay unreviewed.
    """

    __tablename__ = "break_glass"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_.id"))
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    agency_id: Mapped[str] = mapped_column(ForeignKey("agency.id"))
    reason: Mapped[str] = mapped_column(String(20))
    sealed_why: Mapped[bytes]
    opened_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    how: Mapped[str | None] = mapped_column(String(12))
    review_id: Mapped[str] = mapped_column(String(26))

    __table_args__ = (
        Index("ix_break_glass_account", "account_id", "ended_at"),
        Index("ix_break_glass_case", "case_id", "opened_at"),
    )
