"""What a document may be and who may change it: pure decisions and the closed lists of codes.

Types, marking, necessity, owner and retention come from the domain's rules 13, 16, 22 and 25.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from hub.access.actor import Actor
from hub.access.permissions import Permission, Role

LONDON = ZoneInfo("Europe/London")
MARKING = "OFFICIAL-SENSITIVE"
MAX_TITLE = 200
MAX_AUTHOR = 120
MAX_NECESSITY = 2000
MIN_NECESSITY = 10
MAX_STAGED = 50
"""Files that one person may have waiting for one case."""
FIRST_DATE = date(1900, 1, 1)

DOCUMENT_TYPES = {
    "referral": "Referral",
    "agency-report": "Agency report or assessment",
    "invitation": "Invitation and agenda",
    "minutes": "Minutes",
    "risk-assessment": "Risk assessment",
    "risk-management-plan": "Risk management plan",
    "action-list": "Action list",
    "executive-summary": "Executive summary",
    "level-change": "Level change",
    "transfer-pack": "Transfer pack",
    "disclosure-record": "Disclosure record",
    "dwp-notification": "DWP notification",
    "correspondence": "Correspondence",
}
RETENTION_CLASSES = {
    "agency": "The owning agency's own rule",
    "police-long-term": "Police long-term: to the person's 100th birthday, reviewed every 10 years",
    "probation-6": "Probation: 6 years",
}
_FORM_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./-]{0,19}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What an uploader says of a document. `audience` None: every agency on the case. `title` '': the file's name."""

    title: str = ""
    type: str
    owner: str
    dated: date | None
    audience: frozenset[str] | None
    necessity: str
    attested: bool
    retention_class: str
    author: str = ""
    form_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Possible:
    """What may be chosen: agencies that may own, agencies that may be the audience, and the present day."""

    owners: frozenset[str]
    audiences: frozenset[str]
    today: date


def faults(details: Details, possible: Possible) -> dict[str, str]:
    """{field: sentence} of all that keeps these details from being taken, in the order of the form."""
    found = {
        "title": _long(details.title, MAX_TITLE, "title"),
        "type": "" if details.type in DOCUMENT_TYPES else "Choose the type of document.",
        "owner": "" if details.owner in possible.owners else "Choose the agency that owns it.",
        "dated": _date_fault(details.dated, possible.today),
        "author": _long(details.author, MAX_AUTHOR, "author"),
        "form_code": _code_fault(details.form_code),
        "audience": _audience_fault(details.audience, possible.audiences),
        "necessity": _necessity_fault(details.necessity),
        "retention_class": ""
        if details.retention_class in RETENTION_CLASSES
        else "Choose how long it is kept.",
        "attested": "" if details.attested else _ATTEST,
    }
    return {field: sentence for field, sentence in found.items() if sentence}


_ATTEST = f"Confirm that it is marked {MARKING} and that nothing in it is above OFFICIAL."


def _long(text: str, limit: int, what: str) -> str:
    return f"The {what} may have up to {limit} characters." if len(text) > limit else ""


def _date_fault(dated: date | None, today: date) -> str:
    if dated is None:
        return "Give the date of the document, such as 27 3 2026."
    if dated > today:
        return "The date of the document is in the future."
    return "The date of the document is before 1900." if dated < FIRST_DATE else ""


def _code_fault(code: str) -> str:
    if not code or _FORM_CODE.match(code):
        return ""
    return "A form code has up to 20 letters, digits, spaces, full stops, strokes or hyphens."


def _audience_fault(audience: frozenset[str] | None, possible: frozenset[str]) -> str:
    if audience is None:
        return ""
    if not audience:
        return "Choose at least one agency, or all agencies on the case."
    return "" if audience <= possible else "One of these agencies is no longer on the case. Choose again."


def _necessity_fault(text: str) -> str:
    if len(text) < MIN_NECESSITY:
        return "Say in a sentence why the others need this to assess or manage the risk."
    return _long(text, MAX_NECESSITY, "reason")


def tidy_line(text: str) -> str:
    """One line without control or direction characters, NFC."""
    kept = "".join(
        " " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C"
    )
    return " ".join(unicodedata.normalize("NFC", kept).split())


def tidy_text(text: str) -> str:
    """Lines as `tidy_line`, line breaks kept."""
    return "\n".join(tidy_line(line) for line in text.splitlines()).strip()


def title_of(file_name: str) -> str:
    """A file's name without its extension."""
    stem, dot, _ = file_name.rpartition(".")
    return (stem if dot else file_name)[:MAX_TITLE] or "Document"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ties:
    """The ids that tie people to a document: who owns it, who sent it, who coordinates its case."""

    owner: str
    uploader: str
    coordinator: str


def may_manage(actor: Actor, ties: Ties) -> bool:
    """Change, supersede, withdraw, and see who opened it: the owning agency's practitioners, uploader, coordinator."""
    if actor.role is Role.PRACTITIONER and actor.agency == ties.owner:
        return True
    return actor.account is not None and actor.account in (ties.uploader, ties.coordinator)


NO_TEXT = "Not searchable: no text could be found in it."


MOST_NAMED = 5
"""Pages without text that are named one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Had:
    """What a reader had of a file: whether any text, and how many scans and attachments it had none of.

    `pages`: how many there are; `without`: the numbers of those of which no text was had, where these are all that is unread.
    `pending`: the scans are to be read yet. `first_words`: so many are found, as there are more; 0 where all are.
    """

    searchable: bool
    unread: int = 0
    left_out: int = 0
    pages: int = 0
    without: tuple[int, ...] = ()
    pending: bool = False
    first_words: int = 0


def search_note(had: Had) -> str | None:
    """The sentence on a document of what search cannot find in it; None when it finds all."""
    if not had.searchable and had.pending:
        return "Not searchable yet: its pages are pictures, and their words are being made out."
    if not had.searchable:
        return NO_TEXT
    found = []
    if had.unread:
        found.append(_without_text(had))
    if had.left_out:
        of = f"{had.left_out:,} {'attachment' if had.left_out == 1 else 'attachments'}"
        found.append(f"{of} could not be read, as its pages say")
    if had.first_words:
        found.append(f"only its first {had.first_words:,} words are found")
    return f"Searchable in part: {', and '.join(found)}." if found else None


def _without_text(had: Had) -> str:
    of = f"{had.unread:,} scanned {'page or picture' if had.unread == 1 else 'pages or pictures'}"
    if had.without:
        of = f"{_pages(had.without)} of {had.pages:,}"
    if had.pending:
        return f"the words of {of} are still being made out"
    if had.without:
        return f"{of} {'has' if len(had.without) == 1 else 'have'} no text"
    return f"no text could be had of {of}"


def _pages(numbers: tuple[int, ...]) -> str:
    """Page 3; pages 3 and 4; pages 3, 4, 5, 6, 7 and 12 more."""
    if len(numbers) == 1:
        return f"page {numbers[0]:,}"
    named = [f"{number:,}" for number in numbers[:MOST_NAMED]]
    more = len(numbers) - len(named)
    last = f"{more:,} more" if more else named.pop()
    return f"pages {', '.join(named)} and {last}"


MANAGING = frozenset({Permission.DOCUMENT_UPLOAD, Permission.DOCUMENT_READERS})


class Unsatisfiable(Exception):  # noqa: N818 - an answer, not a fault
    """None of the bytes asked for are in the file."""


_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})\Z")


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(first, stop) that a Range header asks of `size` bytes; None for the whole file.

    As RFC 9110 14.2 allows, what is malformed, of another unit or of several ranges is ignored.
    Raises Unsatisfiable.
    """
    match = _RANGE.match(header.replace(" ", "")) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return _suffix(int(last), size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise Unsatisfiable
    return int(first), min(int(last) + 1, size) if last else size


def _suffix(length: int, size: int) -> tuple[int, int]:
    if length == 0 or size == 0:
        raise Unsatisfiable
    return max(0, size - length), size
