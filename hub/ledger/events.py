"""The closed vocabulary of the access log: whatever is not declared here cannot be recorded.

Each event is a frozen dataclass whose fields are exactly what its entry carries: one missing or one
too many raises. `operation` is the word of the Data Protection Act 2018 s.62 that the event falls
under, or None where nothing about a nominal was processed (signing in, say).

Fields are ids, numbers and codes, never names, titles or words. A field marked PRIVATE (an address,
what was searched for) is sealed beside the entry; the entry itself carries only the hash of the
sealed bytes, whose random nonce makes that a salted commitment.
"""

from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, TypeVar, dataclass_transform

PRIVATE = {"private": True}


class Operation(StrEnum):
    """DPA 2018 s.62(1)."""

    COLLECTION = "collection"
    ALTERATION = "alteration"
    CONSULTATION = "consultation"
    DISCLOSURE = "disclosure"
    COMBINATION = "combination"
    ERASURE = "erasure"


class Outcome(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class Reason(StrEnum):
    """Why a document was opened, one click; good practice since s.62 stopped requiring it."""

    MEETING = "meeting"
    CASEWORK = "casework"
    RISK = "risk"
    SUPERVISION = "supervision"
    VICTIM = "victim"
    AUDIT = "audit"

    @property
    def label(self) -> str:
        return _REASONS[self]


_REASONS = {
    Reason.MEETING: "Preparing for or following up a meeting",
    Reason.CASEWORK: "Working on this case",
    Reason.RISK: "New information about risk",
    Reason.SUPERVISION: "Supervising or checking a colleague's work",
    Reason.VICTIM: "Protecting or informing a victim",
    Reason.AUDIT: "Inspection or audit",
}

REGISTRY: dict[str, type["Event"]] = {}
Declared = TypeVar("Declared", bound="Event")


class Event:
    """Base of every event; subclasses are declared in this module and nowhere else."""

    name: ClassVar[str]
    operation: ClassVar[Operation | None]
    outcome: ClassVar[Outcome] = Outcome.DONE

    def __init_subclass__(
        cls, *, name: str, operation: Operation | None = None, outcome: Outcome = Outcome.DONE, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        cls.name, cls.operation, cls.outcome = name, operation, outcome
        REGISTRY[name] = cls

    def public(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _names(self.name)[0]}

    def private(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _names(self.name)[1]}


@cache
def _names(event: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of the public fields of the event of that name, and of the private ones."""
    every = fields(REGISTRY[event])  # type: ignore[arg-type]
    private = tuple(f.name for f in every if f.metadata.get("private"))
    return tuple(f.name for f in every if f.name not in private), private


O = Operation  # noqa: E741 - read as a column of the table below


@dataclass_transform(kw_only_default=True, frozen_default=True)
def declare(event: type[Declared]) -> type[Declared]:
    return dataclass(frozen=True, kw_only=True)(event)


# --- at the door -----------------------------------------------------------------------------


@declare
class SignedIn(Event, name="session.signed_in"):
    pass


@declare
class SignInFailed(Event, name="session.sign_in_failed", outcome=Outcome.FAILED):
    """`subject` is the account that was tried, when there is one; `why` is a code."""

    subject: str | None
    why: str


@declare
class SignedOut(Event, name="session.signed_out"):
    """`how`: 'by the person', 'from another session', 'timed out', 'by an administrator'."""

    how: str


@declare
class SecondFactorEnrolled(Event, name="account.enrolled"):
    pass


@declare
class AccountCreated(Event, name="account.created"):
    subject: str
    account_role: str


@declare
class AccountChanged(Event, name="account.changed"):
    """`what` is a code: 'suspended', 'restored', 'invited again'."""

    subject: str
    what: str


@declare
class StatementPublished(Event, name="statement.published"):
    version: int
    sha256: str


@declare
class StatementDrafted(Event, name="statement.drafted"):
    draft: str


@declare
class StatementAgreed(Event, name="statement.agreed"):
    """`part`: 'confidentiality' or 'equality'."""

    version: int
    part: str
    sha256: str


@declare
class StatementAffirmed(Event, name="statement.affirmed"):
    """Re-affirmed for one meeting."""

    meeting: str
    version: int
    sha256: str


# --- cases -----------------------------------------------------------------------------------


@declare
class CasesListed(Event, name="case.listed", operation=O.CONSULTATION):
    """`cases`: the ids on the page that was shown."""

    cases: tuple[str, ...]


@declare
class CaseViewed(Event, name="case.viewed", operation=O.CONSULTATION):
    case: str


@declare
class CaseOpened(Event, name="case.opened", operation=O.COLLECTION):
    case: str
    category: int
    level: int
    route: str


@declare
class CaseChanged(Event, name="case.changed", operation=O.ALTERATION):
    """`what`: 'category', 'level', 'review', 'coordinator', 'lead agency', 'nominal', 'closed', 'reopened'."""

    case: str
    what: str
    before: str
    after: str


@declare
class CaseTeamChanged(Event, name="case.team_changed", operation=O.ALTERATION):
    """`what`: 'agency added|removed', 'member added|removed', 'exclusion added|lifted'; `subject` its id."""

    case: str
    what: str
    subject: str


@declare
class GlassAsked(Event, name="glass.asked"):
    """Somebody asked to open a case by its reference alone: written whether there is such a case or not."""

    reference: str = field(metadata=PRIVATE)
    reason: str


@declare
class GlassOpened(Event, name="glass.opened", operation=O.CONSULTATION):
    """`glass`: the break-glass; `reason` its code; `hours` how long it lasts at most."""

    case: str
    glass: str
    reason: str
    hours: int


@declare
class GlassEnded(Event, name="glass.ended", operation=O.CONSULTATION):
    """`how`: 'given back', 'time over'."""

    case: str
    glass: str
    how: str


# --- forms that the gate turned away ------------------------------------------------------------


@declare
class FormKept(Event, name="form.kept", operation=O.COLLECTION):
    """What somebody typed was sealed for them alone: their session was over, or the statement new; `held` its id."""

    held: str


@declare
class FormShown(Event, name="form.shown", operation=O.CONSULTATION):
    """To whom it belongs."""

    held: str


@declare
class FormErased(Event, name="form.erased", operation=O.ERASURE):
    """Sent at last, or discarded."""

    held: str


# --- documents -------------------------------------------------------------------------------


@declare
class FileReceived(Event, name="document.received", operation=O.COLLECTION):
    """Sealed and kept for the person who sent it; part of no document yet. `size` in bytes."""

    case: str
    staged: str
    size: int


@declare
class FileDiscarded(Event, name="document.received_discarded", operation=O.ERASURE):
    case: str
    staged: str


@declare
class DocumentUploaded(Event, name="document.uploaded", operation=O.COLLECTION):
    """`sha256` is that of the sealed bytes: the content's own would confirm a guess of it."""

    case: str
    document: str
    version: int
    size: int
    sha256: str


@declare
class DocumentSuperseded(Event, name="document.superseded", operation=O.ALTERATION):
    case: str
    document: str
    version: int
    size: int
    sha256: str


@declare
class DocumentChanged(Event, name="document.changed", operation=O.ALTERATION):
    """`what`: 'audience', 'details', 'withdrawn', 'restored'."""

    case: str
    document: str
    what: str


@declare
class DocumentPrepared(Event, name="document.prepared", operation=O.CONSULTATION):
    """The program read the file to take its text and make its reading copy. `result` is a code."""

    case: str
    document: str
    version: int
    pages: int
    result: str


@declare
class DocumentProcessed(Event, name="document.processed", operation=O.CONSULTATION):
    """The program opens sealed content for itself; `purpose`: 'indexing', 'rewrap', 'check'."""

    case: str
    document: str
    version: int
    purpose: str


@declare
class PageViewed(Event, name="document.page_viewed", operation=O.CONSULTATION):
    """`form`: 'text' or 'image'; 'details' (with page 0) where only its title and details were shown.

    `reason`: of `Reason`, as the person gave it; None where they were asked for none, to change the details.
    """

    case: str
    document: str
    version: int
    page: int
    form: str
    reason: str | None


@declare
class DownloadStarted(Event, name="document.download_started", operation=O.DISCLOSURE):
    """Bytes `first` to `last` (inclusive) were asked for; None where the length is not known before.

    `last` is -1 where only the size was told: HEAD, or a range outside the file.
    """

    case: str
    document: str
    version: int
    first: int
    last: int | None
    reason: str


@declare
class DownloadEnded(Event, name="document.download_ended", operation=O.DISCLOSURE):
    """`started` is the sequence number of the start; `delivered` counts the bytes handed to the server."""

    case: str
    document: str
    version: int
    started: int
    delivered: int
    how: str


@declare
class ReadersViewed(Event, name="document.readers_viewed", operation=O.CONSULTATION):
    case: str
    document: str


# --- meetings --------------------------------------------------------------------------------


@declare
class MeetingsListed(Event, name="meeting.listed", operation=O.CONSULTATION):
    meetings: tuple[str, ...]


@declare
class MeetingViewed(Event, name="meeting.viewed", operation=O.CONSULTATION):
    meeting: str


@declare
class MeetingArranged(Event, name="meeting.arranged", operation=O.ALTERATION):
    """`what`: 'arranged', 'changed', 'cancelled'."""

    meeting: str
    what: str


@declare
class MeetingCaseListed(Event, name="meeting.case_listed", operation=O.ALTERATION):
    """`what`: 'added' or 'removed'."""

    meeting: str
    case: str
    what: str


@declare
class MeetingInvited(Event, name="meeting.invited", operation=O.ALTERATION):
    """`what`: 'invited' or 'withdrawn'."""

    meeting: str
    subject: str
    what: str


@declare
class DocumentIssued(Event, name="meeting.issued", operation=O.DISCLOSURE):
    """To everyone invited; `what`: 'papers' or 'minutes'."""

    meeting: str
    case: str
    document: str
    what: str


# --- holds and disposal ----------------------------------------------------------------------


@declare
class HoldSet(Event, name="disposal.hold_set", operation=O.ALTERATION):
    """From now on nothing of the case is removed for good."""

    case: str
    hold: str
    reason: str = field(metadata=PRIVATE)


@declare
class HoldLifted(Event, name="disposal.hold_lifted", operation=O.ALTERATION):
    case: str
    hold: str
    reason: str = field(metadata=PRIVATE)


@declare
class DisposalRequested(Event, name="disposal.requested", operation=O.ALTERATION):
    """`code`: of `hub.disposal.rules.Code`."""

    case: str
    request: str
    code: str
    reason: str = field(metadata=PRIVATE)


@declare
class DisposalWithdrawn(Event, name="disposal.withdrawn", operation=O.ALTERATION):
    """By who asked, or who may."""

    case: str
    request: str


@declare
class DisposalRefused(Event, name="disposal.refused", operation=O.ALTERATION):
    """A decision to keep. `before`: 'waiting', or 'approved' where an approval was taken back."""

    case: str
    request: str
    before: str
    reason: str = field(metadata=PRIVATE)


@declare
class DisposalApproved(Event, name="disposal.approved", operation=O.ALTERATION):
    case: str
    request: str
    reason: str = field(metadata=PRIVATE)


@declare
class CaseShredded(Event, name="case.shredded", operation=O.ERASURE):
    """Every wrapping of the case's key is gone from the rows with this entry.

    `objects` and `bytes` as they were sealed; `key`: SHA-256 in hex of the wrapped key that was destroyed.
    """

    case: str
    request: str
    documents: int
    objects: int
    bytes: int
    key: str


@declare
class DisposalCertified(Event, name="disposal.certified", operation=O.ERASURE):
    """The destruction is complete. `sha256` of the certificate as PDF, `text_sha256` of it as text, in hex."""

    case: str
    request: str
    sha256: str
    text_sha256: str


@declare
class DisposalViewed(Event, name="disposal.viewed", operation=O.CONSULTATION):
    """Holds, requests and dates, nothing of the content; `case` None: the list of them."""

    case: str | None


@declare
class CertificateRead(Event, name="disposal.certificate_read", operation=O.DISCLOSURE):
    """`form`: 'pdf', 'text'."""

    case: str
    form: str
    sha256: str


# --- keys -----------------------------------------------------------------------------------


@declare
class KeysRotated(Event, name="keys.rotated"):
    """`what`: 'root' or 'area'; `step`: 'begun', 'taken up', 'finished'; `count`: wraps and values made anew by it."""

    what: str
    step: str
    version: int
    count: int
    because: str = field(metadata=PRIVATE)


@declare
class CaseKeyRotated(Event, name="keys.case_rotated", operation=O.ALTERATION):
    """`step`: 'begun', 'sealing again', 'finished'; `count`: how many values and objects' keys."""

    case: str
    step: str
    version: int
    count: int
    because: str = field(metadata=PRIVATE)


@declare
class KeysEscrowed(Event, name="keys.escrowed"):
    """`fingerprint` tells which keys, and nothing of them; `versions`: how many root keys."""

    shares: int
    threshold: int
    fingerprint: str
    versions: int


@declare
class KeysDrilled(Event, name="keys.drilled"):
    """Shares were put together and compared with the living keys; `result`: 'same' or 'other'."""

    fingerprint: str
    result: str


@declare
class KeysRecovered(Event, name="keys.recovered"):
    fingerprint: str


@declare
class VaultListed(Event, name="vault.listed", operation=O.CONSULTATION):
    """Ids, kinds and sizes were listed at the machine; `case` None: of every case."""

    case: str | None
    total: int


@declare
class RecoveryKeyMade(Event, name="vault.recovery_key", operation=O.DISCLOSURE):
    """One object's own key was handed out, for another program to unseal `stored` with."""

    case: str
    stored: str
    version: int
    because: str = field(metadata=PRIVATE)


@declare
class ObjectsChecked(Event, name="vault.checked", operation=O.CONSULTATION):
    """The program opened these sealed objects of a case to see that each is as it was sealed; shown to nobody."""

    case: str
    objects: tuple[str, ...]


@declare
class VaultSwept(Event, name="vault.swept", operation=O.ERASURE):
    """`objects`, as `id.version`, lay in the store and no row named them: uploads that did not end. They are removed."""

    objects: tuple[str, ...]


# --- search, the log itself, refusals, the service --------------------------------------------


@declare
class SearchRun(Event, name="search.run", operation=O.DISCLOSURE):
    """`documents`: those whose snippets were shown; `total`: how many matched."""

    query: str = field(metadata=PRIVATE)
    documents: tuple[str, ...]
    total: int


@declare
class SnippetShown(Event, name="search.shown", operation=O.DISCLOSURE):
    """One hit of a search, in its case's own sequence: the title, and a few lines of one page, were shown."""

    case: str
    document: str
    version: int
    page: int


@declare
class RecordShown(Event, name="search.record_shown", operation=O.DISCLOSURE):
    """One hit of a search that is no document: `kind` 'nominal', who the person of the case is."""

    case: str
    kind: str


@declare
class CaseIndexed(Event, name="search.indexed", operation=O.CONSULTATION):
    """The program read the text of a case's documents to make its search shards anew."""

    case: str
    documents: int


@declare
class LogRead(Event, name="log.read", operation=O.CONSULTATION):
    """`page`: which page of the log; `filters` as asked."""

    page: str
    filters: str = field(metadata=PRIVATE)


@declare
class LogExported(Event, name="log.exported", operation=O.DISCLOSURE):
    rows: int
    filters: str = field(metadata=PRIVATE)


@declare
class LogBundled(Event, name="log.bundled", operation=O.DISCLOSURE):
    """The log was exported with its proofs, of a `case` or whole; `opened`: with the private values of its entries."""

    case: str | None
    rows: int
    opened: bool


@declare
class ReviewAsked(Event, name="review.asked"):
    """The person whose accesses are reviewed is asked about them; `subject`: their account."""

    review: str
    subject: str


@declare
class ReviewAnswered(Event, name="review.answered"):
    review: str


@declare
class ReviewClosed(Event, name="review.closed"):
    """`result`: a code of `hub.governance.rules.Outcome`."""

    review: str
    subject: str
    result: str


@declare
class ReceiptMade(Event, name="log.receipt_made", operation=O.DISCLOSURE):
    """Reading receipts of a person, for a court, from the entries of the log of these numbers."""

    subject: str
    from_entry: int
    to_entry: int


@declare
class AccessRefused(Event, name="access.refused", outcome=Outcome.REFUSED):
    """`case` and `document` as asked for: they need not exist. `why` tells which."""

    permission: str
    why: str
    case: str | None
    document: str | None


@declare
class LogRestoreAccepted(Event, name="log.restore_accepted"):
    """An operator goes on with an older state: the log has `entries`, the newest checkpoint that was set aside had `signed`."""

    entries: int
    signed: int
    because: str = field(metadata=PRIVATE)


@declare
class ServiceStarted(Event, name="service.started"):
    version: str


@declare
class ServiceStopped(Event, name="service.stopped"):
    pass


@declare
class BackupCreated(Event, name="backup.created"):
    """A snapshot up to the area's entry `entries`, of `objects` sealed objects; `missing` of them the store had not whole.

    Written before the snapshot is published: a crash may leave an entry without its snapshot, never the other way.
    """

    repository: str
    snapshot: str
    entries: int
    objects: int
    missing: int


@declare
class BackupOpened(Event, name="backup.opened", operation=O.CONSULTATION):
    """The program is about to open every sealed object of a snapshot, to see that it can."""

    repository: str
    snapshot: str
    objects: int


@declare
class BackupVerified(Event, name="backup.verified"):
    """`how`: 'hashes', 'seals' (hashes, and the manifest by its keys) or 'opened'; `faults` how many were found."""

    repository: str
    snapshot: str
    how: str
    faults: int


@declare
class BackupPruned(Event, name="backup.pruned"):
    """How many snapshots were removed from a repository, and the objects that none of the `kept` ones names."""

    repository: str
    kept: int
    snapshots: int
    objects: int


@declare
class BackupRestored(Event, name="backup.restored"):
    """The hub was put back to a snapshot, when the area's log had `entries`; `cases` stayed shredded."""

    repository: str
    snapshot: str
    entries: int
    cases: tuple[str, ...]


@declare
class CommandRun(Event, name="service.command_run"):
    command: str
