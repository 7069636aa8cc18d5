"""Documents read: a page's text or its watermarked image, each with its own entry; and who has read what.

* A reason is asked once for a case and a session; without one nothing of the document is shown.
* What is shown comes after the commit of its entry: the receipt of that entry opens the vault.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import case as either
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.permissions import GRANTS, Permission
from hub.cases.access import visible_cases
from hub.cases.model import Case
from hub.cases.sealed import destroyed_on
from hub.documents.access import CANCELLED, load_document
from hub.documents.model import Document, DocumentAudience, DocumentVersion
from hub.documents.objects import load_object
from hub.documents.reader import Kind, Rendered
from hub.documents.records import Part, manages, open_file_name, open_said, require_manager, require_shown
from hub.documents.rules import DOCUMENT_TYPES, LONDON, RETENTION_CLASSES
from hub.errors import Invalid, NotHere, Refused
from hub.ledger.events import DownloadStarted, PageViewed, ReadersViewed, Reason
from hub.ledger.model import LogEntry
from hub.meetings.model import Meeting, MeetingInvitee, MeetingIssue
from hub.people.model import Account, Agency, SessionReason
from storage.receipts import Receipt
from storage.sealed import SealedReader
from storage.vault import SealedObject, Vault

READ = Permission.DOCUMENT_READ
CHUNK = 1024 * 1024


class ReasonNeeded(Refused):
    """No reason was given for this case in this session."""

    def __init__(self) -> None:
        super().__init__("Say first why you open this document: open its page and choose a reason.")


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionLine:
    number: int
    file_name: str
    kind: Kind
    size_pages: int | None
    uploaded_by: str
    uploaded_at: datetime
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingPage:
    """A document at one page. `text` None: there is no page to show yet, or none can be; `note` says why."""

    document: str
    case: str
    reference: str
    on_case: bool
    title: str
    type: str
    owner: str
    uploader: str
    author: str
    necessity: str
    marking: str
    dated: date
    retention: str
    form_code: str
    audience: tuple[str, ...] | None
    withdrawn: bool
    version: int
    current: int
    file_name: str
    pages: int | None
    page: int
    text: str | None
    state: str
    note: str | None
    versions: tuple[VersionLine, ...]
    may_download: bool
    may_manage: bool
    may_see_readers: bool
    seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderLine:
    """One person: `times` counts pages and downloads; `first` None: issued to them and not opened."""

    name: str
    agency: str
    first: datetime | None
    last: datetime | None
    times: int
    downloads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    document: str
    title: str
    lines: tuple[ReaderLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """One loaded version, with what is needed to open it."""

    case: Case
    document: Document
    version: DocumentVersion
    vault: Vault
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What the question for a reason may say: the case, and nothing of the document."""

    case: str
    reference: str
    on_case: bool


class Reading(Part):
    def asking(self, actor: Actor, document: str) -> Asking:
        """Raises NotHere."""
        with self._db.reading() as session:
            case, row = load_document(session, actor, READ, document)
            require_shown(actor, READ, case, row)
            self._vaults.of(session, case)
            return Asking(case=case.id, reference=case.reference, on_case=_on_case(session, actor, case))

    def give_reason(self, actor: Actor, document: str, reason: str) -> None:
        """Remembered for the document's case until the session ends; every entry of this visit carries it.

        Of two given at the same moment the first stands.
        """
        if reason not in set(Reason):
            raise Invalid("reason", "Choose one of the reasons.")
        with suppress(IntegrityError), self._db.work() as work:
            case, row = load_document(work.session, actor, READ, document)
            require_shown(actor, READ, case, row)
            self._vaults.of(work.session, case)
            work.session.merge(
                SessionReason(session_id=actor.session, case_id=case.id, reason=reason, at=self._clock())
            )
            work.commit()

    def read(self, actor: Actor, document: str, *, version: int | None = None, page: int = 1) -> ReadingPage:
        """One page's text with the document's details. A page beyond the last is NotHere; `version` None: the current.

        Raises ReasonNeeded, NotHere.
        """
        with self._db.reading() as session:
            at = self._load(session, actor, READ, document, version)
            number = _page_number(at, page)
            form = "text" if number and at.version.text_id else "details"
            made = self._reading_page(session, actor, at, number)
            record = load_object(session, at.vault, str(at.version.text_id)) if form == "text" else None
        recorded = self._db.record(actor, _viewed(at, number, form))
        if record is None:
            return made
        receipt = recorded.receipt(case=at.case.id, document=document, objects=[record.object_id])
        pages = text_pages(at.vault, record, receipt)
        return replace(made, text=pages[number - 1] if number <= len(pages) else None)

    def page_image(self, actor: Actor, document: str, version: int, page: int) -> Rendered:
        """The page as an image that names the reader and the entry. Raises ReasonNeeded, NotHere, Refused."""
        with self._db.reading() as session:
            at = self._load(session, actor, READ, document, version)
            if page < 1 or not _page_number(at, page):
                raise _absent(at, READ)
            drawn_from = at.version.copy_id or at.version.original_id
            record = load_object(session, at.vault, drawn_from)
        recorded = self._db.record(actor, _viewed(at, page, "image"))
        lines = self._watermark(actor, at, recorded.sequence)
        receipt = recorded.receipt(case=at.case.id, document=document, objects=[drawn_from])
        with at.vault.open(record, receipt) as reader, in_memory(reader) as file:
            return self._reader.render_page(file, page, watermark=lines)

    def readers(self, actor: Actor, document: str) -> Readers:
        """Who opened the document, from the access log; and to whom it was issued who have not."""
        permission = Permission.DOCUMENT_READERS
        with self._db.work() as work:
            case, row = load_document(work.session, actor, permission, document)
            require_manager(actor, permission, case, row)
            title = self._title(work.session, case, row)
            work.record(actor, ReadersViewed(case=case.id, document=document))
            opened = _opened(work.session, case.area_id, document)
            waiting = _not_opened(work.session, document, set(opened))
            work.commit()
        return Readers(document=document, title=title, lines=(*opened.values(), *waiting))

    def _title(self, session: Session, case: Case, row: Document) -> str:
        """Who read it is still told when it is destroyed; what it was called is not."""
        if case.key_wrapped is None:
            return destroyed_on(case.destroyed_at)
        return open_said(self._vaults.of(session, case), row.id, row.sealed_details).title

    def _load(
        self, session: Session, actor: Actor, permission: Permission, document: str, version: int | None
    ) -> At:
        case, row = load_document(session, actor, permission, document)
        require_shown(actor, permission, case, row)
        number = row.current if version is None else version
        found = session.get(DocumentVersion, (document, number))
        if found is None:
            raise NotHere(permission=permission, why="absent", case=case.id, document=document)
        reason = given_reason(session, actor, case.id)
        if reason is None:
            raise ReasonNeeded
        return At(case=case, document=row, version=found, vault=self._vaults.of(session, case), reason=reason)

    def _watermark(self, actor: Actor, at: At, entry: int) -> list[str]:
        """Marking, reader and agency, time in London, number of the entry."""
        moment = self._clock().astimezone(LONDON)
        return [
            at.document.marking,
            f"{actor.name}, {actor.agency_name}",
            f"{moment:%d %B %Y %H:%M}",
            f"log entry {entry}",
        ]

    def _reading_page(self, session: Session, actor: Actor, at: At, page: int) -> ReadingPage:
        document, version = at.document, at.version
        said = open_said(at.vault, document.id, document.sealed_details)
        managing = manages(actor, at.case, document)
        return ReadingPage(
            document=document.id,
            case=at.case.id,
            reference=at.case.reference,
            on_case=_on_case(session, actor, at.case),
            title=said.title,
            type=DOCUMENT_TYPES.get(document.type, document.type),
            owner=session.get_one(Agency, document.owner_id).name,
            uploader=session.get_one(Account, document.uploader_id).name,
            author=said.author,
            necessity=said.necessity,
            marking=document.marking,
            dated=document.dated,
            retention=RETENTION_CLASSES.get(document.retention_class, document.retention_class),
            form_code=document.form_code or "",
            audience=_audience(session, document) if document.narrowed else None,
            withdrawn=document.withdrawn_at is not None,
            version=version.number,
            current=document.current,
            file_name=open_file_name(at.vault, document.id, version.number, version.sealed_file_name),
            pages=version.pages,
            page=page,
            text=None,
            state=version.text_state,
            note=version.note,
            versions=_versions(session, at),
            may_download=_granted(actor, Permission.DOCUMENT_DOWNLOAD),
            may_manage=managing and _granted(actor, Permission.DOCUMENT_UPLOAD) and at.case.state == "open",
            may_see_readers=managing and _granted(actor, Permission.DOCUMENT_READERS),
            seen=document.row_version,
        )


def text_pages(vault: Vault, record: SealedObject, receipt: Receipt) -> list[str]:
    with vault.open(record, receipt) as reader:
        return [str(page) for page in json.loads(reader.read())]


@contextmanager
def in_memory(reader: SealedReader) -> Iterator[int]:
    """The content as a memory file, for the reader's child; it never reaches a disk."""
    fd = os.memfd_create("document", os.MFD_CLOEXEC)
    try:
        for chunk in reader.chunks(size=CHUNK):
            _write_all(fd, chunk)
        yield fd
    finally:
        os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def given_reason(session: Session, actor: Actor, case: str) -> str | None:
    """What the actor gave for this case in this session, or None."""
    given = session.get(SessionReason, (actor.session, case)) if actor.session else None
    return given.reason if given else None


def _viewed(at: At, page: int, form: str) -> PageViewed:
    return PageViewed(
        case=at.case.id,
        document=at.document.id,
        version=at.version.number,
        page=page if form != "details" else 0,
        form=form,
        reason=at.reason,
    )


def _page_number(at: At, page: int) -> int:
    """The page to show: 0 while there is none. Raises NotHere beyond the last."""
    if not at.version.pages:
        return 0
    if not 1 <= page <= at.version.pages:
        raise _absent(at, READ)
    return page


def _absent(at: At, permission: Permission) -> NotHere:
    return NotHere(permission=permission, why="absent", case=at.case.id, document=at.document.id)


def _granted(actor: Actor, permission: Permission) -> bool:
    return actor.role is not None and permission in GRANTS[actor.role]


def _on_case(session: Session, actor: Actor, case: Case) -> bool:
    """Whether they may follow the link to the case, and not only read what was issued to them."""
    return (
        session.scalars(select(Case.id).where(Case.id == case.id, visible_cases(actor))).first() is not None
    )


def _audience(session: Session, document: Document) -> tuple[str, ...]:
    query = (
        select(Agency.name)
        .join(DocumentAudience, DocumentAudience.agency_id == Agency.id)
        .where(DocumentAudience.document_id == document.id)
        .order_by(Agency.name)
    )
    return tuple(session.scalars(query))


def _versions(session: Session, at: At) -> tuple[VersionLine, ...]:
    query = (
        select(DocumentVersion, Account.name)
        .join(Account, Account.id == DocumentVersion.uploaded_by)
        .where(DocumentVersion.document_id == at.document.id)
        .order_by(DocumentVersion.number.desc())
    )
    return tuple(
        VersionLine(
            number=row.number,
            file_name=open_file_name(at.vault, at.document.id, row.number, row.sealed_file_name),
            kind=Kind(row.kind),
            size_pages=row.pages,
            uploaded_by=name,
            uploaded_at=row.uploaded_at,
            current=row.number == at.document.current,
        )
        for row, name in session.execute(query)
    )


def _opened(session: Session, area: str, document: str) -> dict[str, ReaderLine]:
    """{account: line}, last reader first."""
    downloads = func.sum(either((LogEntry.event == DownloadStarted.name, 1), else_=0))
    query = (
        select(
            Account.id,
            Account.name,
            Agency.name,
            func.min(LogEntry.at),
            func.max(LogEntry.at),
            func.count(),
            downloads,
        )
        .join(Account, Account.id == LogEntry.actor_id)
        .join(Agency, Agency.id == Account.agency_id)
        .where(LogEntry.area_id == area, LogEntry.document_id == document)
        .where(LogEntry.event.in_((PageViewed.name, DownloadStarted.name)))
        .group_by(Account.id, Account.name, Agency.name)
        .order_by(func.max(LogEntry.at).desc())
    )
    return {
        account: ReaderLine(
            name=name, agency=agency, first=first, last=last, times=times, downloads=int(downloaded)
        )
        for account, name, agency, first, last, times, downloaded in session.execute(query)
    }


def _not_opened(session: Session, document: str, opened: set[str]) -> list[ReaderLine]:
    query = (
        select(Account.id, Account.name, Agency.name)
        .join(Agency, Agency.id == Account.agency_id)
        .join(MeetingInvitee, MeetingInvitee.account_id == Account.id)
        .join(MeetingIssue, MeetingIssue.meeting_id == MeetingInvitee.meeting_id)
        .join(Meeting, Meeting.id == MeetingInvitee.meeting_id)
        .where(MeetingIssue.document_id == document, Meeting.state != CANCELLED)
        .distinct()
        .order_by(Account.name)
    )
    return [
        ReaderLine(name=name, agency=agency, first=None, last=None, times=0, downloads=0)
        for account, name, agency in session.execute(query)
        if account not in opened
    ]
