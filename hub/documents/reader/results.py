"""What the reader hands back, and what it raises. Standard library alone: every process may import it."""

from dataclasses import dataclass
from enum import StrEnum

from hub import errors

VERSION = 2
"""Of what is read and how. Raise it when documents that could not be read before can be: they are read again."""


class Kind(StrEnum):
    """The closed list of what may be uploaded; the value is the file extension."""

    PDF = "pdf"
    DOCX = "docx"
    ODT = "odt"
    TXT = "txt"
    EML = "eml"
    PNG = "png"
    JPEG = "jpg"
    TIFF = "tif"

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self]


PICTURES = frozenset({Kind.PNG, Kind.JPEG, Kind.TIFF})

_MEDIA_TYPES = {
    Kind.PDF: "application/pdf",
    Kind.DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    Kind.ODT: "application/vnd.oasis.opendocument.text",
    Kind.TXT: "text/plain",
    Kind.EML: "message/rfc822",
    Kind.PNG: "image/png",
    Kind.JPEG: "image/jpeg",
    Kind.TIFF: "image/tiff",
}


class Reason(StrEnum):
    """Why a file was refused: closed, so that it can be counted and logged without its name."""

    EMPTY = "empty"
    UNKNOWN_TYPE = "unknown-type"
    EXTENSION = "extension-against-content"
    NOT_A_DOCUMENT = "archive-without-document"
    BOMB = "archive-too-large"
    ENCRYPTED = "encrypted"
    BROKEN = "broken"
    CRASHED = "crashed-its-reader"
    HOSTILE_XML = "hostile-xml"
    TOO_LARGE = "too-large"
    NO_SUCH_PAGE = "no-such-page"
    TIME = "too-much-time"
    MEMORY = "too-much-memory"


class Refused(errors.Refused):
    """The file cannot be taken or shown; `sentence` is for the person, `code` for the log."""

    def __init__(self, code: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class TooCostly(Refused):
    """Reading the file met the limit on time (`Reason.TIME`) or memory (`Reason.MEMORY`)."""


class ReaderUnavailable(errors.HubError):
    """The reader's process cannot be had. Nothing is wrong with the file: try again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """`pages` holds one text for each page of what is shown: the PDF itself, else the reading copy (a PDF).

    `unread` counts pages and attached pictures that may hold text of which none could be had; `left_out` attachments
    that could not be read. `note` says what else the reader of the copy should know.
    """

    pages: tuple[str, ...]
    searchable: bool
    note: str | None = None
    unread: int = 0
    left_out: int = 0
    reading_copy: bytes | None = None

    @property
    def page_count(self) -> int:
        return len(self.pages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """One page as an image, the watermark in its pixels."""

    media_type: str
    data: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """One limit on the reader's child: whether this machine enforces it, and why not."""

    name: str
    active: bool
    detail: str = ""
