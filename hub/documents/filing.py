"""Documents made of received files, superseded, changed, withdrawn and restored; nothing is ever overwritten."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.cases.access import load_case
from hub.cases.model import Case, CaseAgency
from hub.conflicts import told_of_conflicts
from hub.db import UnitOfWork
from hub.documents import rules
from hub.documents.access import load_document, visible_documents
from hub.documents.model import (
    Document,
    DocumentAudience,
    DocumentVersion,
    StagedFile,
    StoredObject,
    TextState,
)
from hub.documents.objects import sha256_of
from hub.documents.reading import given_reason
from hub.documents.receive import UPLOAD, Staged, as_staged, staged_files
from hub.documents.records import (
    Part,
    Said,
    open_file_name,
    open_said,
    require_manager,
    require_open,
    seal_file_name,
    seal_said,
)
from hub.documents.rules import Details, Possible
from hub.errors import Conflict, Invalid, NotHere
from hub.ids import is_id, new_id
from hub.ledger.events import (
    CaseViewed,
    DocumentChanged,
    DocumentSuperseded,
    DocumentUploaded,
    PageViewed,
)
from hub.people.model import Agency
from storage.vault import Vault

CHANGED = "Somebody else changed this document after you opened it. What you wrote is below, not yet saved."


class Faults(Invalid):
    """All that is wrong with a form; `by_field` is {field: sentence}."""

    def __init__(self, by_field: dict[str, str]) -> None:
        field, sentence = next(iter(by_field.items()))
        super().__init__(field, sentence)
        self.by_field = by_field


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptLine:
    """One file that became a version; `sha256` (hex) and `size` of the content as it was sent."""

    document: str
    number: int
    title: str
    file_name: str
    size: int
    sha256: str
    received_at: datetime
    state: str
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPage:
    """What the form needs: `agencies` and `owners` are (id, name), the actor's own first among the owners."""

    case: str
    reference: str
    agencies: tuple[tuple[str, str], ...]
    owners: tuple[tuple[str, str], ...]
    staged: tuple[Staged, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EditPage:
    """A document as it stands, for its form; `seen` goes back with the change."""

    document: str
    case: str
    reference: str
    details: Details
    seen: int
    version: int
    withdrawn: bool
    agencies: tuple[tuple[str, str], ...]
    owners: tuple[tuple[str, str], ...]
    staged: tuple[Staged, ...]


class Filing(Part):
    def upload_page(self, actor: Actor, case: str) -> UploadPage:
        with self._db.work() as work:
            row = load_case(work.session, actor, UPLOAD, case)
            require_open(row)
            work.record(actor, CaseViewed(case=case))
            agencies = _agencies(work.session, case)
            staged = staged_files(work.session, self._vaults.of(work.session, row), actor, row)
            work.commit()
            return UploadPage(
                case=case,
                reference=row.reference,
                agencies=agencies,
                owners=_owners(actor, agencies),
                staged=tuple(staged),
            )

    def upload(
        self, actor: Actor, case: str, details: Details, staged_ids: Sequence[str], form_token: str
    ) -> list[ReceiptLine]:
        """One document for each received file; the same token again gives what the first time gave.

        Raises Faults, Closed, NotHere. `details.title` names the document when there is one file.
        """
        try:
            with self._db.work() as work:
                row = load_case(work.session, actor, UPLOAD, case)
                vault = self._vaults.of(work.session, row)
                return _filed(work.session, vault, actor, case, form_token) or self._file_all(
                    work, actor, vault, details, (staged_ids, form_token)
                )
        except IntegrityError:
            return self.receipt(actor, case, form_token)

    def _file_all(
        self, work: UnitOfWork, actor: Actor, vault: Vault, details: Details, sent: tuple[Sequence[str], str]
    ) -> list[ReceiptLine]:
        staged_ids, form_token = sent
        case = work.session.get_one(Case, vault.case)
        require_open(case)
        files, faults = self._sent(work.session, actor, vault, staged_ids)
        faults |= rules.faults(details, self._possible(work.session, actor, case.id))
        if faults or not is_id(form_token):
            raise Faults(faults or {"form": "This form is not whole. Open the page again and send it."})
        for index, (file, stored) in enumerate(files):
            titled = details if len(files) == 1 else replace(details, title="")
            self._file_one(work, actor, vault, titled, (file, stored, f"{form_token}.{index}"))
        lines = _filed(work.session, vault, actor, case.id, form_token)
        work.commit()
        return lines

    def _sent(
        self, session: Session, actor: Actor, vault: Vault, ids: Sequence[str]
    ) -> tuple[list[tuple[StagedFile, StoredObject]], dict[str, str]]:
        query = (
            select(StagedFile, StoredObject)
            .join(StoredObject, StoredObject.id == StagedFile.object_id)
            .where(StagedFile.id.in_(ids[: rules.MAX_STAGED]), StagedFile.case_id == vault.case)
            .where(StagedFile.account_id == actor.account)
            .order_by(StagedFile.received_at, StagedFile.id)
            .with_for_update(of=StagedFile)
        )
        files = [(file, stored) for file, stored in session.execute(query)]
        if not files:
            return [], {"files": "Choose a file to upload."}
        if len(files) != len(set(ids)):
            return files, {
                "files": "One of the files is no longer there. Look at the list and send it again."
            }
        return files, {}

    def _possible(self, session: Session, actor: Actor, case: str) -> Possible:
        agencies = _agencies(session, case)
        return Possible(
            owners=frozenset(agency for agency, _ in _owners(actor, agencies)),
            audiences=frozenset(agency for agency, _ in agencies),
            today=self._clock().astimezone(rules.LONDON).date(),
        )

    def _file_one(
        self,
        work: UnitOfWork,
        actor: Actor,
        vault: Vault,
        details: Details,
        sent: tuple[StagedFile, StoredObject, str],
    ) -> None:
        file, stored, token = sent
        name = as_staged(vault, file, stored).name
        document = self._document(actor, vault, details, title=details.title or rules.title_of(name))
        document.form_token = token
        work.session.add(document)
        work.session.flush()
        _set_audience(work.session, document, _with_own(actor, details.audience))
        self._add_version(work, actor, vault, document.id, (1, file, name))
        work.record(
            actor,
            DocumentUploaded(
                case=vault.case,
                document=document.id,
                version=1,
                size=stored.size,
                sha256=stored.sealed_sha256,
            ),
        )

    def _document(self, actor: Actor, vault: Vault, details: Details, *, title: str) -> Document:
        now, document = self._clock(), new_id()
        return Document(
            id=document,
            case_id=vault.case,
            type=details.type,
            owner_id=details.owner,
            uploader_id=actor.account,
            marking=rules.MARKING,
            dated=details.dated,
            retention_class=details.retention_class,
            narrowed=details.audience is not None,
            form_code=details.form_code or None,
            sealed_details=seal_said(vault, document, _said(details, title)),
            current=1,
            withdrawn_at=None,
            created_at=now,
            changed_at=now,
        )

    def _add_version(
        self, work: UnitOfWork, actor: Actor, vault: Vault, document: str, sent: tuple[int, StagedFile, str]
    ) -> DocumentVersion:
        number, file, name = sent
        version = DocumentVersion(
            document_id=document,
            number=number,
            kind=file.kind,
            original_id=file.object_id,
            sealed_file_name=seal_file_name(vault, document, number, name),
            uploaded_by=actor.account,
            uploaded_at=self._clock(),
            text_state=TextState.WAITING,
        )
        work.session.add(version)
        work.session.delete(file)
        work.after(lambda: self.announce(document, number))
        return version

    def receipt(self, actor: Actor, case: str, form_token: str) -> list[ReceiptLine]:
        """What the actor's form with this token made, as far as they may see it still. Raises NotHere for nothing."""
        with self._db.work() as work:
            row = load_case(work.session, actor, UPLOAD, case)
            vault = self._vaults.of(work.session, row)
            lines = _seen(work.session, actor, _filed(work.session, vault, actor, case, form_token))
            if not lines:
                raise NotHere(permission=UPLOAD, why="absent", case=case)
            work.record(actor, CaseViewed(case=case))
            work.commit()
            return lines

    def case_to_fill(self, actor: Actor, document: str) -> str:
        """The case of a document that the actor may supersede. Raises Closed, NotHere."""
        with self._db.reading() as session:
            case, _ = _load_managed(session, actor, document)
            require_open(case)
            return case.id

    def edit_page(self, actor: Actor, document: str) -> EditPage:
        with self._db.work() as work:
            case, row = _load_managed(work.session, actor, document)
            vault = self._vaults.of(work.session, case)
            work.record(actor, _details_viewed(case, row, given_reason(work.session, actor, case.id)))
            agencies = _agencies(work.session, case.id)
            made = EditPage(
                document=document,
                case=case.id,
                reference=case.reference,
                details=_details(work.session, vault, row),
                seen=row.row_version,
                version=row.current,
                withdrawn=row.withdrawn_at is not None,
                agencies=agencies,
                owners=_owners(actor, agencies, row.owner_id, work.session),
                staged=tuple(staged_files(work.session, vault, actor, case)),
            )
            work.commit()
            return made

    def change(self, actor: Actor, document: str, details: Details, *, seen: int) -> None:
        """New details and audience of a document. Raises Faults, Conflict, Closed, NotHere."""
        with told_of_conflicts(CHANGED), self._db.work() as work:
            case, row = self._load_to_change(work, actor, document, seen)
            vault = self._vaults.of(work.session, case)
            possible = self._possible(work.session, actor, case.id)
            before = _details(work.session, vault, row)
            owners = possible.owners | {row.owner_id}
            audiences = possible.audiences | (before.audience or frozenset())
            faults = rules.faults(details, replace(possible, owners=owners, audiences=audiences))
            if not details.title:
                faults = {"title": "Give the document a title.", **faults}
            if faults:
                raise Faults(faults)
            self._apply(work, vault, row, details)
            for what in _changes(before, details):
                work.record(actor, DocumentChanged(case=case.id, document=document, what=what))
            self._index_again(work, row)
            work.commit()

    def _apply(self, work: UnitOfWork, vault: Vault, row: Document, details: Details) -> None:
        row.type, row.owner_id, row.retention_class = details.type, details.owner, details.retention_class
        row.dated = details.dated or row.dated
        row.form_code = details.form_code or None
        row.sealed_details = seal_said(vault, row.id, _said(details, details.title))
        row.changed_at = self._clock()
        _set_audience(work.session, row, details.audience)
        row.narrowed = details.audience is not None
        work.session.flush()
        self._search.place(work, work.session.get_one(Case, row.case_id), vault, row.id)

    def _index_again(self, work: UnitOfWork, row: Document) -> None:
        """The current version waits to be indexed under what now is said of it."""
        version = work.session.get_one(DocumentVersion, (row.id, row.current))
        if version.text_state in (TextState.READY, TextState.NO_TEXT):
            version.text_state = TextState.WAITING
            number = row.current
            work.after(lambda: self.announce(row.id, number))

    def supersede(
        self, actor: Actor, document: str, staged: str, *, seen: int, form_token: str
    ) -> ReceiptLine:
        """A received file becomes the document's newest version; the same token again gives the same version."""
        with told_of_conflicts(CHANGED), self._db.work() as work:
            case, row = _load_managed(work.session, actor, document)
            vault = self._vaults.of(work.session, case)
            number = _version_of(work.session, document, form_token)
            if number is None:
                number = self._superseded(work, actor, vault, (document, staged, seen, form_token))
            return _receipt_line(vault, row, *_version_row(work.session, document, number))

    def _superseded(
        self, work: UnitOfWork, actor: Actor, vault: Vault, sent: tuple[str, str, int, str]
    ) -> int:
        document, staged, seen, form_token = sent
        case, row = self._load_to_change(work, actor, document, seen)
        files, faults = self._sent(work.session, actor, vault, [staged] if staged else [])
        if faults or not is_id(form_token):
            raise Faults(faults or {"form": "This form is not whole. Open the page again and send it."})
        file, stored = files[0]
        number = row.current + 1
        name = as_staged(vault, file, stored).name
        self._add_version(work, actor, vault, document, (number, file, name)).form_token = form_token
        row.current, row.changed_at = number, self._clock()
        self._search.remove(work, case, vault, document)  # until the new version is prepared
        work.record(
            actor,
            DocumentSuperseded(
                case=case.id,
                document=document,
                version=number,
                size=stored.size,
                sha256=stored.sealed_sha256,
            ),
        )
        work.commit()
        return number

    def withdraw(self, actor: Actor, document: str, *, seen: int) -> None:
        """Take a document out of lists, reading and search; whoever may withdraw it may restore it."""
        with told_of_conflicts(CHANGED), self._db.work() as work:
            case, row = self._load_to_change(work, actor, document, seen)
            if row.withdrawn_at is not None:
                raise Conflict("This document is withdrawn already.")
            row.withdrawn_at = row.changed_at = self._clock()
            self._search.remove(work, case, self._vaults.of(work.session, case), document)
            work.record(actor, DocumentChanged(case=case.id, document=document, what="withdrawn"))
            work.commit()

    def restore(self, actor: Actor, document: str, *, seen: int) -> None:
        with told_of_conflicts(CHANGED), self._db.work() as work:
            case, row = self._load_to_change(work, actor, document, seen)
            if row.withdrawn_at is None:
                raise Conflict("This document is not withdrawn.")
            row.withdrawn_at, row.changed_at = None, self._clock()
            self._index_again(work, row)
            work.record(actor, DocumentChanged(case=case.id, document=document, what="restored"))
            work.commit()

    def _load_to_change(
        self, work: UnitOfWork, actor: Actor, document: str, seen: int
    ) -> tuple[Case, Document]:
        case, row = _load_managed(work.session, actor, document)
        require_open(case)
        if row.row_version != seen:
            raise Conflict(CHANGED)
        return case, row


def _load_managed(session: Session, actor: Actor, document: str) -> tuple[Case, Document]:
    case, row = load_document(session, actor, UPLOAD, document)
    require_manager(actor, UPLOAD, case, row)
    return case, row


def _with_own(actor: Actor, audience: frozenset[str] | None) -> frozenset[str] | None:
    """Nobody shuts their own agency out of what they upload."""
    return audience if audience is None else audience | {str(actor.agency)}


def _details_viewed(case: Case, row: Document, reason: str | None) -> PageViewed:
    return PageViewed(
        case=case.id, document=row.id, version=row.current, page=0, form="details", reason=reason
    )


def _said(details: Details, title: str) -> Said:
    return Said(title=title, author=details.author, necessity=details.necessity)


def _details(session: Session, vault: Vault, row: Document) -> Details:
    said = open_said(vault, row.id, row.sealed_details)
    query = select(DocumentAudience.agency_id).where(DocumentAudience.document_id == row.id)
    return Details(
        title=said.title,
        type=row.type,
        owner=row.owner_id,
        dated=row.dated,
        audience=frozenset(session.scalars(query)) if row.narrowed else None,
        necessity=said.necessity,
        attested=True,
        retention_class=row.retention_class,
        author=said.author,
        form_code=row.form_code or "",
    )


def _changes(before: Details, after: Details) -> list[str]:
    what = ["details"] if replace(before, audience=None) != replace(after, audience=None) else []
    return what + (["audience"] if before.audience != after.audience else [])


def _set_audience(session: Session, document: Document, audience: frozenset[str] | None) -> None:
    query = select(DocumentAudience).where(DocumentAudience.document_id == document.id)
    kept = {row.agency_id: row for row in session.scalars(query)}
    wanted = audience or frozenset()
    for agency in kept.keys() - wanted:
        session.delete(kept[agency])
    session.add_all(
        DocumentAudience(document_id=document.id, agency_id=agency) for agency in sorted(wanted - kept.keys())
    )


def _agencies(session: Session, case: str) -> tuple[tuple[str, str], ...]:
    query = (
        select(Agency.id, Agency.name)
        .join(CaseAgency, CaseAgency.agency_id == Agency.id)
        .where(CaseAgency.case_id == case)
        .order_by(Agency.name, Agency.id)
    )
    return tuple((agency, name) for agency, name in session.execute(query))


def _owners(
    actor: Actor, agencies: tuple[tuple[str, str], ...], now: str = "", session: Session | None = None
) -> tuple[tuple[str, str], ...]:
    own = str(actor.agency)
    first = ((own, actor.agency_name), *(pair for pair in agencies if pair[0] != own))
    if session is None or now in dict(first):
        return first
    return (*first, (now, session.get_one(Agency, now).name))


def _filed(session: Session, vault: Vault, actor: Actor, case: str, form_token: str) -> list[ReceiptLine]:
    if not is_id(form_token):
        return []
    query = (
        select(Document, DocumentVersion, StoredObject)
        .join(DocumentVersion, DocumentVersion.document_id == Document.id)
        .join(StoredObject, StoredObject.id == DocumentVersion.original_id)
        .where(DocumentVersion.number == 1, Document.case_id == case, Document.uploader_id == actor.account)
        .where(Document.form_token.startswith(f"{form_token}.", autoescape=True))
        .order_by(Document.created_at, Document.id)
    )
    return [_receipt_line(vault, row, version, stored) for row, version, stored in session.execute(query)]


def _seen(session: Session, actor: Actor, lines: Sequence[ReceiptLine]) -> list[ReceiptLine]:
    """Others may have narrowed the audience since, and said more in the title."""
    query = (
        select(Document.id)
        .join(Case, Case.id == Document.case_id)
        .where(Document.id.in_([line.document for line in lines]), visible_documents(actor))
    )
    seen = set(session.scalars(query))
    return [line for line in lines if line.document in seen]


def _version_of(session: Session, document: str, form_token: str) -> int | None:
    query = select(DocumentVersion.number).where(
        DocumentVersion.document_id == document, DocumentVersion.form_token == form_token
    )
    return session.scalars(query).one_or_none()


def _version_row(session: Session, document: str, number: int) -> tuple[DocumentVersion, StoredObject]:
    version = session.get_one(DocumentVersion, (document, number))
    return version, session.get_one(StoredObject, version.original_id)


def _receipt_line(vault: Vault, row: Document, version: DocumentVersion, stored: StoredObject) -> ReceiptLine:
    return ReceiptLine(
        document=row.id,
        number=version.number,
        title=open_said(vault, row.id, row.sealed_details).title,
        file_name=open_file_name(vault, row.id, version.number, version.sealed_file_name),
        size=stored.size,
        sha256=sha256_of(vault, stored),
        received_at=stored.created_at,
        state=version.text_state,
        note=version.note,
    )
