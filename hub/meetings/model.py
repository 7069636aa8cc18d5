"""Tables of meetings: when, where, which cases, who is invited, what was issued."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class Meeting(Base):
    """A level 2 or level 3 MAPPA meeting (the latter also MAPPP) of one locality."""

    __tablename__ = "meeting"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    area_id: Mapped[str] = mapped_column(ForeignKey("area.id"))
    level: Mapped[int] = mapped_column(Integer)
    locality: Mapped[str] = mapped_column(String(60))
    starts_at: Mapped[datetime]
    place: Mapped[str] = mapped_column(String(120))
    chair_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    coordinator_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    state: Mapped[str] = mapped_column(String(12))
    created_at: Mapped[datetime]
    row_version: Mapped[int] = mapped_column(Integer)

    __table_args__ = (Index("ix_meeting_area_starts", "area_id", "starts_at"),)
    __mapper_args__ = {"version_id_col": row_version}  # noqa: RUF012 - SQLAlchemy reads it as declared


class MeetingCase(Base):
    __tablename__ = "meeting_case"

    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id"), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_.id"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer)


class MeetingInvitee(Base):
    """Someone invited; `affirmed_*` once they re-affirmed the statement for this meeting."""

    __tablename__ = "meeting_invitee"

    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id"), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), primary_key=True)
    invited_at: Mapped[datetime]
    affirmed_at: Mapped[datetime | None]
    affirmed_version_id: Mapped[str | None] = mapped_column(ForeignKey("statement_version.id"))

    __table_args__ = (Index("ix_meeting_invitee_account", "account_id"),)


class MeetingIssue(Base):
    """A document issued to everyone invited to a meeting; `what`: 'papers' or 'minutes'."""

    __tablename__ = "meeting_issue"

    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id"), primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("document.id"), primary_key=True)
    what: Mapped[str] = mapped_column(String(10))
    issued_at: Mapped[datetime]
    issued_by: Mapped[str] = mapped_column(ForeignKey("account.id"))

    __table_args__ = (Index("ix_meeting_issue_document", "document_id"),)
