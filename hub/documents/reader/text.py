"""DOCX, ODT, TXT and EML: their text, laid out as a reading copy. Runs in the child only."""

import io
from collections.abc import Iterator

from hub.documents.reader import blocks, docx, kinds, layout, mail, odt, pdf
from hub.documents.reader.blocks import Block, body
from hub.documents.reader.pdf import NOT_SEARCHABLE
from hub.documents.reader.results import Examined, Kind, Reason, Refused


def examine(data: bytes, kind: Kind) -> Examined:
    found = blocks.bounded(_blocks(data, kind, _attachment))
    copy = layout.laid_out(found)
    searchable = any(page.strip() for page in copy.pages)
    note = layout.UNDRAWN_NOTE if not copy.complete else None
    return Examined(
        pages=copy.pages,
        searchable=searchable,
        note=note if searchable else NOT_SEARCHABLE,
        reading_copy=copy.pdf,
    )


def _blocks(data: bytes, kind: Kind, attachment: mail.Attachment) -> Iterator[Block]:
    if kind is Kind.DOCX:
        return docx.read(data)
    if kind is Kind.ODT:
        return odt.read(data)
    if kind is Kind.EML:
        return mail.read(data, attachment)
    return _plain(data)


def _plain(data: bytes) -> Iterator[Block]:
    try:
        text = kinds.decoded(data)
    except UnicodeDecodeError:
        raise Refused(
            Reason.BROKEN, "The letters of this text cannot be made out. Save it as UTF-8."
        ) from None
    return (body(line) for line in text.splitlines())


def _attachment(name: str, data: bytes) -> Iterator[Block]:
    """The text of an attachment of a known kind; a bad one says why, and the e-mail is read all the same."""
    try:
        kind = kinds.identify(name, data[: kinds.HEAD_BYTES], io.BytesIO(data))
        yield from _of_attachment(data, kind)
    except Refused as refusal:
        yield body(f"Not read: {refusal.sentence}")


def _of_attachment(data: bytes, kind: Kind) -> Iterator[Block]:
    if kind is Kind.PDF:
        for page in pdf.examine(data).pages:
            yield from (body(line) for line in page.splitlines())
    elif kind in (Kind.PNG, Kind.JPEG):
        yield body("A picture: it is in the original file, which can be downloaded by permission.")
    else:
        yield from _blocks(data, kind, _too_deep)


def _too_deep(name: str, data: bytes) -> Iterator[Block]:
    yield body(f"Attachment inside, not read: {name} ({len(data):,} bytes)")
