"""DOCX, ODT, TXT and EML: their text, laid out as a reading copy. Runs in the child only."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field

from hub.documents.reader import blocks, docx, kinds, layout, mail, odt, pdf, picture
from hub.documents.reader.blocks import Block, body
from hub.documents.reader.pdf import NOT_SEARCHABLE
from hub.documents.reader.results import PICTURES, Examined, Kind, Reason, Refused
from hub.documents.reader.scans import Scans

_DAMAGED = "This file is damaged."


def examine(data: bytes, kind: Kind, scans: Scans) -> Examined:
    attachments = _Attachments(scans)
    found = blocks.bounded(_blocks(data, kind, attachments, mail.Within()))
    copy = layout.laid_out(found)
    searchable = any(page.strip() for page in copy.pages)
    note = layout.UNDRAWN_NOTE if not copy.complete else None
    return Examined(
        pages=copy.pages,
        searchable=searchable,
        note=note if searchable else NOT_SEARCHABLE,
        unread=scans.unread,
        left_out=attachments.left_out,
        reading_copy=copy.pdf,
    )


@dataclass(slots=True)
class _Attachments:
    """Reads the attachments of one e-mail; `left_out` of them could not be read."""

    scans: Scans
    left_out: int = field(default=0, init=False)

    def read(self, name: str, data: bytes, within: mail.Within) -> Iterator[Block]:
        """The text of an attachment of a known kind; a bad one says why, and the e-mail is read all the same."""
        try:
            kind = kinds.identify(name, data[: kinds.HEAD_BYTES], io.BytesIO(data))
            yield from list(self._of_kind(data, kind, within))
        except Refused as refusal:
            yield self.leave_out(refusal.sentence)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - libraries raise anything on hostile bytes, and the e-mail is read all the same
            yield self.leave_out(_DAMAGED)

    def leave_out(self, why: str) -> Block:
        """What stands where the text of an attachment would."""
        self.left_out += 1
        return body(f"Not read: {why}")

    def _of_kind(self, data: bytes, kind: Kind, within: mail.Within) -> Iterator[Block]:
        if kind is Kind.PDF:
            for page in pdf.examine(data, self.scans).pages:
                yield from _lines(page)
        elif kind in PICTURES:
            yield body("A picture: it is in the original file, which can be downloaded by permission.")
            for text in picture.texts(data, kind, self.scans):
                yield from _lines(text)
        else:
            yield from _blocks(data, kind, self, within)


def _lines(text: str) -> Iterator[Block]:
    return (body(line) for line in text.splitlines())


def _blocks(data: bytes, kind: Kind, attachments: _Attachments, within: mail.Within) -> Iterator[Block]:
    if kind is Kind.DOCX:
        return docx.read(data)
    if kind is Kind.ODT:
        return odt.read(data)
    if kind is Kind.EML:
        return mail.read(data, attachments, within)
    return _plain(data)


def _plain(data: bytes) -> Iterator[Block]:
    try:
        text = kinds.decoded(data)
    except UnicodeDecodeError:
        raise Refused(
            Reason.BROKEN, "The letters of this text cannot be made out. Save it as UTF-8."
        ) from None
    return _lines(text)
