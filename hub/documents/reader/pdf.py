"""PDF through PDFium: text by page, and one page as a picture. Runs in the child only."""

import math
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import pypdfium2
from PIL import Image
from pypdfium2 import raw

from hub.documents.reader.results import Examined, Reason, Refused
from hub.documents.reader.scans import Scans

MOST_PAGES = 3000
MOST_CHARACTERS = 20_000_000
MOST_PIXELS = 12_000_000
"""Of a page image: an A4 page at 1240 pixels has 2.2 million."""

SCAN_PIXELS_AN_INCH = 300
FEW_CHARACTERS = 100
"""A page with fewer, and a picture over half of it, is a scan with a stamp or a page number on it."""
_LEGIBLE_POINTS = 20
"""A picture less high or wide holds no line of text."""
_MANY_PATHS = 60
"""A page without text but so many lines and curves may have its letters drawn as outlines."""
_LOOKED_AT = 3_000
"""Objects of one page."""
_JOINED = re.compile("\ufffe\\n?([^\\W\\d_]?)")

NOT_SEARCHABLE = "Not searchable: no text."
ENCRYPTED = "This PDF is protected with a password. Save a copy without the password and upload that."
BROKEN = (
    "This PDF is damaged and cannot be opened. Open it where it was made, save it again and upload that copy."
)


def examine(data: bytes, scans: Scans) -> Examined:
    with opened(data) as document:
        pages = tuple(_texts(document, scans))
    searchable = any(text.strip() for text in pages)
    note = None if searchable else NOT_SEARCHABLE
    return Examined(pages=pages, searchable=searchable, note=note, unread=scans.unread)


@contextmanager
def opened(data: bytes) -> Iterator[pypdfium2.PdfDocument]:
    """Raise Refused if it is encrypted, broken or has too many pages."""
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise _refusal(error) from None
    try:
        _check_length(len(document))
        yield document
    finally:
        document.close()


def pictured(document: pypdfium2.PdfDocument, number: int, width: int) -> Image.Image:
    """Page `number` (from 1) in RGB or grey, `width` pixels wide; narrower when the page is so long that it would be too large."""
    if not 1 <= number <= len(document):
        raise Refused(
            Reason.NO_SUCH_PAGE, f"This document has {len(document)} pages; there is no page {number}."
        )
    page = _page(document, number - 1)
    try:
        bitmap = page.render(scale=_scale(page.get_size(), width), may_draw_forms=False)
        picture: Image.Image = bitmap.to_pil()
        return picture
    finally:
        page.close()


def _scale(size: tuple[float, float], width: float) -> float:
    """Pixels for each point, so that the picture is `width` wide but never above MOST_PIXELS nor longer than 10,000."""
    across, down = max(size[0], 0.01), max(size[1], 0.01)
    return min(width / across, math.sqrt(MOST_PIXELS / (across * down)), 10_000 / down)


def _texts(document: pypdfium2.PdfDocument, scans: Scans) -> Iterator[str]:
    total = 0
    for index in range(len(document)):
        text = _text(document, index, scans)
        total += len(text)
        if total > MOST_CHARACTERS:
            raise Refused(
                Reason.TOO_LARGE, f"This PDF has more than {MOST_CHARACTERS:,} characters. Split it."
            )
        yield text


def _text(document: pypdfium2.PdfDocument, index: int, scans: Scans) -> str:
    """The page's own text, and below it what is recognised on the page when that is a picture."""
    page = _page(document, index)
    try:
        text_page = page.get_textpage()
        text = clean(text_page.get_text_range()) if text_page.count_chars() else ""
        text_page.close()
        recognised = scans.text(lambda: _for_recognition(page)) if _is_scan(page, text) else ""
    finally:
        page.close()
    return f"{text.rstrip()}\n{recognised}" if text.strip() and recognised else recognised or text


def _is_scan(page: pypdfium2.PdfPage, text: str) -> bool:
    """Is there something on the page that may be text, and little or no text?"""
    letters = sum(not c.isspace() for c in text)
    if letters >= FEW_CHARACTERS:
        return False
    across, down = page.get_size()
    paths = 0
    for thing in islice(page.get_objects(max_depth=5), _LOOKED_AT):
        paths += thing.type == raw.FPDF_PAGEOBJ_PATH
        if thing.type == raw.FPDF_PAGEOBJ_IMAGE and _may_hold_text(thing, across * down if letters else 0):
            return True
    return not letters and paths >= _MANY_PATHS


def _may_hold_text(thing: pypdfium2.PdfObject, page: float) -> bool:
    """`page`: its area, of which the picture must cover half; 0 for any share."""
    left, bottom, right, top = thing.get_bounds()
    across, down = right - left, top - bottom
    if min(across, down) < _LEGIBLE_POINTS:
        # In a form of its own the bounds are the form's, not the page's: such a picture counts whatever it says.
        return bool(thing.level and not page)
    return bool(across * down * 2 >= page)


def _for_recognition(page: pypdfium2.PdfPage) -> Image.Image:
    size = page.get_size()
    scale = _scale(size, size[0] * SCAN_PIXELS_AN_INCH / 72)
    picture: Image.Image = page.render(scale=scale, grayscale=True, may_draw_forms=False).to_pil()
    return picture


def clean(text: str) -> str:
    """NFC; lines end in a newline; words broken at line ends are whole; characters that no one can see go.

    Composing many marks out of order takes long, and no thread of the hub runs meanwhile: here it meets the child's limits.

    PDFium marks a hyphen at the end of a line. Before a small letter it broke a word; before a capital or a number it
    belongs to the word.
    """
    text = _JOINED.sub(_join, text.replace("\r\n", "\n").replace("\r", "\n"))
    kept = "".join(c for c in text if c >= " " or c in "\n\t").encode("utf-8", "replace").decode()
    return unicodedata.normalize("NFC", kept)


def _join(found: re.Match[str]) -> str:
    letter = found[1]
    return letter if letter.islower() else f"-{letter}"


def _page(document: pypdfium2.PdfDocument, index: int) -> pypdfium2.PdfPage:
    """The page with what was typed into its form, and its annotations, made part of it."""
    try:
        page = document[index]
        if raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY) == raw.FLATTEN_SUCCESS:
            page.close()
            page = document[index]
    except pypdfium2.PdfiumError:
        raise Refused(
            Reason.BROKEN,
            f"Page {index + 1} of this PDF is damaged. Save the PDF again and upload that copy.",
        ) from None
    return page


def _check_length(pages: int) -> None:
    if pages > MOST_PAGES:
        raise Refused(
            Reason.TOO_LARGE, f"This PDF has {pages:,} pages; at most {MOST_PAGES:,} are taken. Split it."
        )


def _refusal(error: pypdfium2.PdfiumError) -> Refused:
    if error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
        return Refused(Reason.ENCRYPTED, ENCRYPTED)
    return Refused(Reason.BROKEN, BROKEN)
