"""Tables of documents. Titles, file names, authors, necessity and all content are sealed under the case key."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class StoredObject(Base):
    """What the vault must be told to open one sealed object: the fields of `storage.vault.SealedObject`."""

    __tablename__ = "stored_object"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_.id"))
    kind: Mapped[str] = mapped_column(String(20))
    version: Mapped[int] = mapped_column(Integer)
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[bytes]
    """The content's hash, sealed: in clear it would confirm a guess of the content."""
    sealed_size: Mapped[int] = mapped_column(BigInteger)
    sealed_sha256: Mapped[str] = mapped_column(String(64))
    wrapped_key: Mapped[bytes]
    name: Mapped[str] = mapped_column(String(160))
    created_at: Mapped[datetime]

    __table_args__ = (Index("ix_stored_object_case", "case_id"),)


class Document(Base):
    """`sealed_details`: JSON of title, author, necessity. `form_token` makes a form sent twice one document.

    `row_version` refuses a change made on an older reading.
    """

    __tablename__ = "document"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_.id"))
    type: Mapped[str] = mapped_column(String(30))
    owner_id: Mapped[str] = mapped_column(ForeignKey("agency.id"))
    uploader_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    marking: Mapped[str] = mapped_column(String(30))
    dated: Mapped[date]
    retention_class: Mapped[str] = mapped_column(String(30))
    narrowed: Mapped[bool] = mapped_column(Boolean)
    form_code: Mapped[str | None] = mapped_column(String(20))
    sealed_details: Mapped[bytes]
    current: Mapped[int] = mapped_column(Integer)
    withdrawn_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    form_token: Mapped[str] = mapped_column(String(60))
    row_version: Mapped[int] = mapped_column(Integer, default=1)

    __table_args__ = (
        UniqueConstraint("uploader_id", "form_token"),
        Index("ix_document_case", "case_id", "changed_at"),
    )
    __mapper_args__ = {"version_id_col": row_version}  # noqa: RUF012 - SQLAlchemy reads it as declared


class DocumentAudience(Base):
    """An agency in the audience of a document whose audience is narrower than the case."""

    __tablename__ = "document_audience"

    document_id: Mapped[str] = mapped_column(ForeignKey("document.id"), primary_key=True)
    agency_id: Mapped[str] = mapped_column(ForeignKey("agency.id"), primary_key=True)


class TextState(StrEnum):
    """How far the program has come with a version."""

    WAITING = "waiting"
    READY = "ready"
    NO_TEXT = "no text"
    FAILED = "failed"


class DocumentVersion(Base):
    """One file. `copy_id` is what pages are drawn from (None: the original itself); `text_id` the text, page by page.

    `unread` counts its pages, pictures and attachments of which no text could be had, and one more where it has more words
    than are found. `reader` is the version of the reader
    that last tried, `recogniser` what then recognised text in pictures; `tried_at` is when somebody last began to read it
    again. `form_token` makes a form sent twice one version.
    """

    __tablename__ = "document_version"

    document_id: Mapped[str] = mapped_column(ForeignKey("document.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    original_id: Mapped[str] = mapped_column(ForeignKey("stored_object.id"))
    copy_id: Mapped[str | None] = mapped_column(ForeignKey("stored_object.id"))
    text_id: Mapped[str | None] = mapped_column(ForeignKey("stored_object.id"))
    sealed_file_name: Mapped[bytes]
    uploaded_by: Mapped[str] = mapped_column(ForeignKey("account.id"))
    uploaded_at: Mapped[datetime]
    pages: Mapped[int | None] = mapped_column(Integer)
    text_state: Mapped[str] = mapped_column(String(10))
    note: Mapped[str | None] = mapped_column(String(200))
    reader: Mapped[int | None] = mapped_column(Integer)
    recogniser: Mapped[str | None] = mapped_column(String(60))
    unread: Mapped[int | None] = mapped_column(Integer)
    tried_at: Mapped[datetime | None]
    form_token: Mapped[str | None] = mapped_column(String(60))

    __table_args__ = (
        Index("ix_document_version_state", "text_state"),
        Index("ix_document_version_unread", "unread"),
    )


class StagedFile(Base):
    """A file received and sealed but not yet part of a document: nothing that was uploaded is lost."""

    __tablename__ = "staged_file"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_.id"))
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    object_id: Mapped[str] = mapped_column(ForeignKey("stored_object.id"))
    kind: Mapped[str] = mapped_column(String(8))
    sealed_file_name: Mapped[bytes]
    received_at: Mapped[datetime]

    __table_args__ = (Index("ix_staged_file_account", "account_id", "case_id"),)
