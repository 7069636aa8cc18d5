"""PDF through PDFium: text by page, and one page as a picture. Runs in the child only."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import pypdfium2
from PIL import Image
from pypdfium2 import raw

from hub.documents.reader.results import Examined, Reason, Refused

MOST_PAGES = 3000
MOST_CHARACTERS = 20_000_000
MOST_PIXELS = 12_000_000
"""Of a page image: an A4 page at 1240 pixels has 2.2 million."""

NOT_SEARCHABLE = "Not searchable: no text."
ENCRYPTED = "This PDF is protected with a password. Save a copy without the password and upload that."
BROKEN = (
    "This PDF is damaged and cannot be opened. Open it where it was made, save it again and upload that copy."
)


def examine(data: bytes) -> Examined:
    with opened(data) as document:
        pages = tuple(_texts(document))
    searchable = any(text.strip() for text in pages)
    return Examined(pages=pages, searchable=searchable, note=None if searchable else NOT_SEARCHABLE)


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


def _scale(size: tuple[float, float], width: int) -> float:
    """Pixels for each point, so that the picture is `width` wide but never above MOST_PIXELS nor longer than 10,000."""
    across, down = max(size[0], 0.01), max(size[1], 0.01)
    return min(width / across, math.sqrt(MOST_PIXELS / (across * down)), 10_000 / down)


def _texts(document: pypdfium2.PdfDocument) -> Iterator[str]:
    total = 0
    for index in range(len(document)):
        text = _text(document, index)
        total += len(text)
        if total > MOST_CHARACTERS:
            raise Refused(
                Reason.TOO_LARGE, f"This PDF has more than {MOST_CHARACTERS:,} characters. Split it."
            )
        yield text


def _text(document: pypdfium2.PdfDocument, index: int) -> str:
    page = _page(document, index)
    try:
        text_page = page.get_textpage()
        text = text_page.get_text_range() if text_page.count_chars() else ""
        text_page.close()
    finally:
        page.close()
    return clean(text)


def clean(text: str) -> str:
    """Lines end in a newline; PDFium's soft hyphens at line ends join; characters that no one can see go."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufffe\n", "").replace("\ufffe", "")
    return "".join(c for c in text if c >= " " or c in "\n\t").encode("utf-8", "replace").decode()


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
