"""Tables worked out from the access log, and the reviews that come of it. The log is the record; these only save reading it.

All but the reviews can be made again from the log. `hub.governance.following` fills them, in the order of the log.
"""

from datetime import date, datetime

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class Followed(Base):
    """How far the log of an area has been worked out; locked by who does it."""

    __tablename__ = "followed"

    area_id: Mapped[str] = mapped_column(ForeignKey("area.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger)


class AccessClass(Base):
    """What was made of one entry when it was new. `kind`, `why`, `flags`: codes of `hub.governance.rules`."""

    __tablename__ = "access_class"

    area_id: Mapped[str] = mapped_column(ForeignKey("area.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    account_id: Mapped[str] = mapped_column(String(26))
    case_id: Mapped[str | None] = mapped_column(String(26))
    document_id: Mapped[str | None] = mapped_column(String(26))
    kind: Mapped[str] = mapped_column(String(10))
    why: Mapped[str] = mapped_column(String(16))
    expected: Mapped[bool] = mapped_column(Boolean)
    flags: Mapped[int] = mapped_column(Integer)
    review_id: Mapped[str | None] = mapped_column(String(26))

    __table_args__ = (
        Index("ix_access_class_account", "area_id", "account_id", "sequence"),
        Index("ix_access_class_expected", "area_id", "expected", "sequence"),
        Index("ix_access_class_review", "review_id", "sequence"),
    )


class LogDay(Base):
    """Entries of one day (London's), by event and outcome; `first` and `last`: their numbers."""

    __tablename__ = "log_day"

    area_id: Mapped[str] = mapped_column(ForeignKey("area.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    event: Mapped[str] = mapped_column(String(40), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(10), primary_key=True)
    entries: Mapped[int] = mapped_column(Integer)
    first: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[int] = mapped_column(BigInteger)


class PersonDay(Base):
    """What one person did on one day (London's), in the role and agency of that day."""

    __tablename__ = "person_day"

    area_id: Mapped[str] = mapped_column(ForeignKey("area.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    agency_id: Mapped[str] = mapped_column(String(26))
    role: Mapped[str] = mapped_column(String(20))
    cases: Mapped[int] = mapped_column(Integer)
    pages: Mapped[int] = mapped_column(Integer)
    downloads: Mapped[int] = mapped_column(Integer)
    hits: Mapped[int] = mapped_column(Integer)
    refusals: Mapped[int] = mapped_column(Integer)
    unexpected: Mapped[int] = mapped_column(Integer)
    out_of_hours: Mapped[int] = mapped_column(Integer)

    __table_args__ = (
        Index("ix_person_day_account", "area_id", "account_id", "day"),
        Index("ix_person_day_agency", "area_id", "agency_id", "day"),
    )


class CaseReader(Base):
    """All that one person has seen of one case; `last`: number of the newest entry. Times are of the first and newest."""

    __tablename__ = "case_reader"

    case_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    last: Mapped[int] = mapped_column(BigInteger)
    cases: Mapped[int] = mapped_column(Integer)
    pages: Mapped[int] = mapped_column(Integer)
    downloads: Mapped[int] = mapped_column(Integer)
    hits: Mapped[int] = mapped_column(Integer)
    unexpected: Mapped[int] = mapped_column(Integer)

    __table_args__ = (
        Index("ix_case_reader_case", "case_id", "last"),
        Index("ix_case_reader_account", "account_id", "last"),
    )


class DocumentReader(Base):
    """All that one person has seen of one document; `owner_id`: the agency that supplied it."""

    __tablename__ = "document_reader"

    document_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    case_id: Mapped[str] = mapped_column(String(26))
    owner_id: Mapped[str] = mapped_column(String(26))
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    last: Mapped[int] = mapped_column(BigInteger)
    pages: Mapped[int] = mapped_column(Integer)
    downloads: Mapped[int] = mapped_column(Integer)
    hits: Mapped[int] = mapped_column(Integer)
    unexpected: Mapped[int] = mapped_column(Integer)

    __table_args__ = (
        Index("ix_document_reader_document", "document_id", "last"),
        Index("ix_document_reader_account", "account_id", "last"),
        Index("ix_document_reader_owner", "owner_id", "last"),
    )


class ListedCase(Base):
    """A case that one entry named in a list: found without reading the lists."""

    __tablename__ = "listed_case"

    area_id: Mapped[str] = mapped_column(ForeignKey("area.id"), primary_key=True)
    case_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class ReviewItem(Base):
    """One thing for information governance to look at: of one person and day, about one case or about the person.

    `case_id` None: about the person (in bulk, out of hours, new places, refusals, searches). `about`: 'case', 'person',
    'glass', 'left'. `flags`: all that its accesses have. It is never deleted, and once closed takes no more accesses.
    """

    __tablename__ = "review_item"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    area_id: Mapped[str] = mapped_column(ForeignKey("area.id"))
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    case_id: Mapped[str | None] = mapped_column(ForeignKey("case_.id"))
    about: Mapped[str] = mapped_column(String(8))
    day: Mapped[date]
    flags: Mapped[int] = mapped_column(Integer)
    accesses: Mapped[int] = mapped_column(Integer)
    unexpected: Mapped[int] = mapped_column(Integer)
    refusals: Mapped[int] = mapped_column(Integer)
    made_at: Mapped[datetime]
    due: Mapped[date]
    state: Mapped[str] = mapped_column(String(10))
    outcome: Mapped[str | None] = mapped_column(String(20))
    closed_at: Mapped[datetime | None]
    row_version: Mapped[int] = mapped_column(Integer)

    __table_args__ = (
        Index("ix_review_item_state", "area_id", "state", "due"),
        Index("ix_review_item_account", "account_id", "day"),
        Index("ix_review_item_case", "case_id", "state"),
    )
    __mapper_args__ = {"version_id_col": row_version}  # noqa: RUF012 - SQLAlchemy reads it as declared


class ReviewStep(Base):
    """What somebody did in a review: 'asked', 'answered', 'closed'. `sealed_text`: under the area's box 'review'."""

    __tablename__ = "review_step"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    review_id: Mapped[str] = mapped_column(ForeignKey("review_item.id"))
    at: Mapped[datetime]
    by_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    what: Mapped[str] = mapped_column(String(10))
    sealed_text: Mapped[bytes]

    __table_args__ = (Index("ix_review_step_review", "review_id", "at"),)
