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
        return {f.name: getattr(self, f.name) for f in fields(self) if not f.metadata.get("private")}  # type: ignore[arg-type]

    def private(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self) if f.metadata.get("private")}  # type: ignore[arg-type]


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
    """`form`: 'text' or 'image'; 'details' (with page 0) where only its title and details were shown."""

    case: str
    document: str
    version: int
    page: int
    form: str
    reason: str


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
class LogRead(Event, name="log.read", operation=O.CONSULTATION):
    """`page`: which page of the log; `filters` as asked."""

    page: str
    filters: str = field(metadata=PRIVATE)


@declare
class LogExported(Event, name="log.exported", operation=O.DISCLOSURE):
    rows: int
    filters: str = field(metadata=PRIVATE)


@declare
class AccessRefused(Event, name="access.refused", outcome=Outcome.REFUSED):
    """`case` and `document` as asked for: they need not exist. `why` tells which."""

    permission: str
    why: str
    case: str | None
    document: str | None


@declare
class ServiceStarted(Event, name="service.started"):
    version: str


@declare
class ServiceStopped(Event, name="service.stopped"):
    pass


@declare
class CommandRun(Event, name="service.command_run"):
    command: str
