"""What a file is, by its name and its bytes, before anything parses or inflates it. Runs in the hub's own process."""

import codecs
import re
import unicodedata
from pathlib import PurePosixPath
from typing import BinaryIO

from hub.documents.reader import container
from hub.documents.reader.results import Kind, Reason, Refused

HEAD_BYTES = 65536
"""How much of the start of a file `identify` wants as its head."""
LONGEST_NAME = 150
LONGEST_EXTENSION = 10

_BY_EXTENSION = {kind.value: kind for kind in Kind} | {"jpeg": Kind.JPEG, "tiff": Kind.TIFF}
_SPOKEN = {
    Kind.PDF: "a PDF",
    Kind.DOCX: "a Word document (DOCX)",
    Kind.ODT: "an OpenDocument text (ODT)",
    Kind.TXT: "plain text",
    Kind.EML: "an e-mail (EML)",
    Kind.PNG: "a PNG picture",
    Kind.JPEG: "a JPEG picture",
    Kind.TIFF: "a TIFF picture",
}
_TAKEN = "Files of these kinds are taken: PDF, DOCX, ODT, TXT, EML, PNG, JPEG and TIFF."
_ZIP, _OLE = b"PK\x03\x04", bytes.fromhex("d0cf11e0a1b11ae1")
_PDF_WITHIN = 1024
_HEADER = re.compile(rb"[!-9;-~]+[ \t]*:")
_MAIL_HEADERS = frozenset(
    b"from to cc date subject received message-id mime-version return-path delivered-to content-type".split()
)
_TEXT_CONTROLS = frozenset("\t\n\r\f\x1a")
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip


def identify(file_name: str, head: bytes, reader: BinaryIO) -> Kind:
    """The kind that both name and content agree on; raise Refused with the sentence for the uploader.

    `head` is the start of the file (HEAD_BYTES of it, or all), `reader` the whole of it, seekable: only the directory of an
    archive is read from it. Not promised: that a PDF opens or that a picture decodes; `Reader.examine` finds that.
    """
    if not head:
        raise Refused(Reason.EMPTY, "This file is empty: nothing was in it when it arrived.")
    named = _named(file_name, head)
    found = _by_content(head, reader, named)
    if found is not named:
        raise Refused(
            Reason.EXTENSION,
            f"The name of this file ends in .{_extension(file_name)}, but its content is {_SPOKEN[found]}. "
            "Give it the right ending, or upload the file that was meant.",
        )
    return found


def clean_file_name(raw: str) -> str:
    """A name to show and to offer for saving: no folder, no control or direction characters, NFC, 1 to 150 characters."""
    base = raw.replace("\\", "/").rsplit("/", 1)[-1]
    seen = "".join(" " if c.isspace() else c for c in base if c.isspace() or _visible(c))
    name = " ".join(unicodedata.normalize("NFC", seen).split()).lstrip(".").strip()
    stem, extension = _split(name)
    return (stem[: LONGEST_NAME - len(extension)].rstrip() or "document") + extension


def _visible(character: str) -> bool:
    """Not control, format (which holds the bidi controls), surrogate, private or unassigned."""
    return unicodedata.category(character)[0] != "C"


def _split(name: str) -> tuple[str, str]:
    stem, dot, extension = name.rpartition(".")
    if not dot:
        # ".pdf" came in, and its dot was taken off with the leading ones.
        return ("", "." + name) if name.lower() in _BY_EXTENSION else (name, "")
    whole = 0 < len(extension) <= LONGEST_EXTENSION and extension.isalnum()
    return (stem.rstrip(". "), "." + extension) if whole else (name, "")


def _extension(file_name: str) -> str:
    return PurePosixPath(clean_file_name(file_name)).suffix.lstrip(".").lower()


def _named(file_name: str, head: bytes) -> Kind:
    extension = _extension(file_name)
    if extension in _BY_EXTENSION:
        return _BY_EXTENSION[extension]
    if head.startswith(_OLE):
        raise Refused(
            Reason.UNKNOWN_TYPE, "Old Office files are not taken. Save it as DOCX or PDF and upload that."
        )
    if not extension:
        raise Refused(
            Reason.UNKNOWN_TYPE, f"The name of this file has no ending that says what it is. {_TAKEN}"
        )
    raise Refused(Reason.UNKNOWN_TYPE, f"Files that end in .{extension} are not taken. {_TAKEN}")


def _by_content(head: bytes, reader: BinaryIO, named: Kind) -> Kind:
    if b"%PDF-" in head[:_PDF_WITHIN]:
        return Kind.PDF
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Kind.PNG
    if head.startswith(b"\xff\xd8\xff"):
        return Kind.JPEG
    if head.startswith((b"II*\0", b"MM\0*")):
        return Kind.TIFF
    if head.startswith(_ZIP):
        return container.document_kind(reader)
    return _textual(head, named)


def _textual(head: bytes, named: Kind) -> Kind:
    if head.startswith(_OLE):
        raise Refused(
            Reason.ENCRYPTED if named is Kind.DOCX else Reason.UNKNOWN_TYPE,
            "This is an old Office file or one protected with a password. Save it as DOCX or PDF without one.",
        )
    if _is_mail(head) and named is not Kind.TXT:
        return Kind.EML
    if named in (Kind.TXT, Kind.EML) and not is_text(head):
        raise Refused(
            Reason.EXTENSION, "This file is not text, although its name says so. Upload it as a PDF."
        )
    if named is Kind.EML:
        raise Refused(
            Reason.EXTENSION, "This file does not begin like an e-mail. Save the message again as .eml."
        )
    if named is Kind.TXT or is_text(head):
        return Kind.TXT
    raise Refused(
        Reason.EXTENSION, f"This file is not {_SPOKEN[named]}, although its name says so, or it is damaged."
    )


def _is_mail(head: bytes) -> bool:
    """RFC 5322: header fields before the first empty line, one of them a usual one."""
    block = re.split(rb"\r?\n\r?\n", head, maxsplit=1)[0]
    lines = [line for line in re.split(rb"\r?\n", block) if line and line[:1] not in b" \t"]
    if lines and lines[0].startswith((b"From ", b">From ")):
        lines = lines[1:]
    whole = lines if len(block) < len(head) else lines[:-1] or lines
    names = {line.split(b":", 1)[0].strip().lower() for line in whole if _HEADER.match(line)}
    return bool(names & _MAIL_HEADERS) and all(_HEADER.match(line) for line in whole)


def is_text(head: bytes) -> bool:
    """Does the start of a file read as text in an encoding that `decoded` knows?"""
    try:
        text = decoded(head, whole=False)
    except UnicodeDecodeError:
        return False
    return not any((c < " " and c not in _TEXT_CONTROLS) or c == "\x7f" for c in text)


def decoded(data: bytes, *, whole: bool = True) -> str:
    """Text in UTF-8, UTF-16 or UTF-32 (by mark, or UTF-16 by its zero bytes), else Windows-1252, which has all of Latin-1.

    Raise UnicodeDecodeError when it is none of them. With `whole` false a character cut at the end is left out. Further
    eight-bit encodings are not guessed: on a short text a guess is often wrong, and a name that is spelt wrongly is not found.
    """
    for encoding in _candidates(data):
        try:
            return codecs.getincrementaldecoder(encoding)().decode(data, whole)
        except UnicodeDecodeError:
            continue
    return data.decode("cp1252")


def _candidates(data: bytes) -> tuple[str, ...]:
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return (encoding,)
    sample = data[:4096]
    if sample[1::2].count(0) * 2 > len(sample) // 2:
        return ("utf-16-le",)
    if sample[::2].count(0) * 2 > len(sample) // 2:
        return ("utf-16-be",)
    return ("utf-8",)
