"""The reading copy: blocks laid out as a plain A4 PDF, and the text that stands on each of its pages.

Written for hostile input rather than for beauty: every cell may break anywhere across pages, a line of any length is
wrapped, the time is linear in the characters. The same blocks give the same bytes.
"""

import io
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from hub.documents.reader import fonts
from hub.documents.reader.blocks import Block, Style
from hub.documents.reader.results import Reason, Refused

MOST_PAGES = 1_000
UNDRAWN = "\u25ca"
"""Stands for a character that the typeface lacks; the page's text keeps the character itself."""
UNDRAWN_NOTE = (
    f"Some characters cannot be drawn in the reading copy and are shown as {UNDRAWN}; the original has them."
)

_WIDTH, _HEIGHT = A4
_MARGIN, _FOOT = 62.0, 66.0
_ROOM = _WIDTH - 2 * _MARGIN
_GUTTER = 9.0
_TAB = "    "
_MOST_COLUMNS = 12
_DESCENT = 0.27
"""Of the leading: from the foot of a line to its base line."""
_CAPITAL_LIFT = 0.19
"""Of the size: how much higher an accent stands over a capital."""
_BELOW = frozenset("\u00b8\u02db")
_BEFORE_TABLE = 5.0
_RULE_GREY, _FOOT_GREY = 0.72, 0.4


@dataclass(frozen=True, slots=True)
class _Type:
    font: str
    size: float
    leading: float
    before: float


_TYPES = {
    Style.TITLE: _Type(fonts.BOLD, 17, 23, 4),
    Style.HEADING: _Type(fonts.BOLD, 13, 18, 13),
    Style.MINOR: _Type(fonts.BOLD, 11, 16, 9),
    Style.BODY: _Type(fonts.REGULAR, 10, 15, 4),
    Style.ROW: _Type(fonts.REGULAR, 9, 13, 0),
}

_STANDS_FOR = {
    "\u2010": "-", "\u2011": "-", "\u2012": "\u2013", "\u2015": "\u2014", "\u00a0": " ", "\u2002": " ", "\u2003": " ",
    "\u2009": " ", "\u202f": " ", "\uf0b7": "\u2022", "\uf0a7": "\u2022", "\u25cf": "\u2022", "\u25e6": "\u2022",
    "\u25aa": "\u2022", "\u25a0": "\u2022", "\u2192": "->", "\u2190": "<-", "\u21d2": "=>", "\u2610": "[ ]",
    "\u2611": "[x]", "\u2612": "[x]", "\u2713": "[x]", "\u2714": "[x]", "\u2032": "'", "\u2033": '"', "\t": _TAB,
}  # fmt: skip
# Combining marks as the spacing ones that Vera has: Welsh and Polish names are drawn whole.
_MARKS = {
    "\u0300": "`", "\u0301": "\u00b4", "\u0302": "\u02c6", "\u0303": "\u02dc", "\u0304": "\u00af", "\u0306": "\u02d8",
    "\u0307": "\u02d9", "\u0308": "\u00a8", "\u030a": "\u02da", "\u030b": "\u02dd", "\u030c": "\u02c7",
    "\u0326": "\u00b8", "\u0327": "\u00b8", "\u0328": "\u02db",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    pdf: bytes
    pages: tuple[str, ...]
    complete: bool
    """False when some character could not be drawn."""


def laid_out(blocks: Iterable[Block]) -> Copy:
    """Raise Refused above MOST_PAGES."""
    sheet = _Sheet()
    for block in blocks:
        sheet.add(block)
    return sheet.finished()


@dataclass(slots=True)
class _Glyphs:
    """One line as it is drawn: `marks` are accents to put over the text, each at the width of what precedes it."""

    text: str
    marks: list[tuple[str, str, str]] = field(default_factory=list)
    complete: bool = True


class _Sheet:
    def __init__(self) -> None:
        self._file = io.BytesIO()
        self._canvas = Canvas(self._file, pagesize=A4, invariant=1, pageCompression=1)
        self._texts: list[list[str]] = [[]]
        self._y = _HEIGHT - _MARGIN
        self._complete = True
        self._in_table = False

    def add(self, block: Block) -> None:
        style = _TYPES[block.style]
        is_row = block.style is Style.ROW
        if self._in_table and not is_row:
            self._rule()
        elif is_row and not self._in_table:
            self._y -= _BEFORE_TABLE
        self._in_table = is_row
        if not any(cell.strip() for cell in block.cells):
            self._y -= style.leading / 2
            return
        if is_row:
            self._row(block.cells[:_MOST_COLUMNS], style)
        else:
            self._down(
                style.before + (2 * style.leading if block.style is not Style.BODY else 0), style.before
            )
            self._columns([(block.cells[0], _MARGIN, _ROOM)], style)

    def finished(self) -> Copy:
        if self._in_table:
            self._rule()
        self._end_page()
        self._canvas.save()
        pages = tuple("\n".join(lines) for lines in self._texts)
        return Copy(pdf=self._file.getvalue(), pages=pages, complete=self._complete)

    def _row(self, cells: tuple[str, ...], style: _Type) -> None:
        self._down(style.leading + 8, 0)
        self._rule()
        self._y -= 3
        widths = _shares(cells)
        starts = [_MARGIN + sum(widths[:i]) for i in range(len(widths))]
        self._columns([(c, x, w - _GUTTER) for c, x, w in zip(cells, starts, widths, strict=True)], style)
        self._y -= 5

    def _rule(self) -> None:
        self._canvas.setStrokeGray(_RULE_GREY)
        self._canvas.setLineWidth(0.6)
        self._canvas.line(_MARGIN, self._y, _WIDTH - _MARGIN, self._y)

    def _columns(self, columns: list[tuple[str, float, float]], style: _Type) -> None:
        """Side by side, line by line; what does not fit goes on to the next page."""
        wrapped = [list(_wrapped(text, style, width)) for text, _, width in columns]
        placed: list[list[str]] = [[] for _ in columns]
        for number in range(max(map(len, wrapped))):
            if self._y - style.leading < _FOOT:
                self._write(placed)
                placed = [[] for _ in columns]
                self._new_page()
            self._y -= style.leading
            for lines, kept, (_, x, _) in zip(wrapped, placed, columns, strict=True):
                if number < len(lines):
                    self._line(lines[number], x, style)
                    kept.append(lines[number])
        self._write(placed)

    def _write(self, placed: list[list[str]]) -> None:
        """The page's text: lines of one cell run on, as the wrapping is ours and not the author's."""
        cells = [" ".join(line.strip() for line in lines if line.strip()) for lines in placed]
        if any(cells):
            self._texts[-1].append("\t".join(cells))

    def _line(self, text: str, x: float, style: _Type) -> None:
        glyphs = _drawable(text)
        self._complete = self._complete and glyphs.complete
        self._canvas.setFont(style.font, style.size)
        base_line = self._y + style.leading * _DESCENT
        self._canvas.drawString(x, base_line, glyphs.text)
        for before, base, mark in glyphs.marks:
            middle = x + _length(before, style) + _length(base, style) / 2
            lift = style.size * _CAPITAL_LIFT if base.isupper() and mark not in _BELOW else 0
            self._canvas.drawCentredString(middle, base_line + lift, mark)

    def _down(self, needed: float, space: float) -> None:
        """Leave `space`, or begin a page when less than `needed` is left; none at the top of a page."""
        if self._y - needed < _FOOT:
            self._new_page()
        elif self._texts[-1]:
            self._y -= space

    def _new_page(self) -> None:
        if len(self._texts) >= MOST_PAGES:
            raise Refused(Reason.TOO_LARGE, f"This file would fill more than {MOST_PAGES:,} pages. Split it.")
        self._end_page()
        self._texts.append([])
        self._y = _HEIGHT - _MARGIN

    def _end_page(self) -> None:
        self._canvas.setFont(fonts.REGULAR, 7.5)
        self._canvas.setFillGray(_FOOT_GREY)
        self._canvas.drawString(_MARGIN, 36, "Reading copy: the words of the original, laid out anew")
        self._canvas.drawRightString(_WIDTH - _MARGIN, 36, f"Page {len(self._texts)}")
        self._canvas.setFillGray(0)
        self._canvas.showPage()


def _shares(cells: tuple[str, ...]) -> list[float]:
    """Widths of a row's columns: a narrow first one for a pair (label and value), else equal."""
    if len(cells) == 2:  # noqa: PLR2004 - a pair
        return [_ROOM * 0.28, _ROOM * 0.72]
    return [_ROOM / len(cells)] * len(cells)


def _wrapped(text: str, style: _Type, width: float) -> Iterator[str]:
    for line in text.split("\n"):
        yield from _wrapped_line(line.replace("\t", _TAB).rstrip(), style, width)


def _wrapped_line(line: str, style: _Type, width: float) -> Iterator[str]:
    current, used = "", 0.0
    space = _length(" ", style)
    for spaced in line.split(" "):
        word, length = spaced, _length(spaced, style)
        if current and used + space + length > width:
            yield current
            current, used = "", 0.0
        if length > width:
            *full, word = _chopped(word, style, width)
            yield from full
            length = _length(word, style)
        used += length + (space if current else 0)
        current = f"{current} {word}" if current else word or " "
    yield current.rstrip() if current.strip() else ""


def _chopped(word: str, style: _Type, width: float) -> Iterator[str]:
    start, used = 0, 0.0
    for at, character in enumerate(word):
        length = _length(character, style)
        if used + length > width and at > start:
            yield word[start:at]
            start, used = at, 0.0
        used += length
    yield word[start:]


def _length(text: str, style: _Type) -> float:
    """In points. By character, as the font is not kerned; one that the font lacks is as wide as an `m`."""
    face = _FACES[style.font]
    get, default = face.get, face[ord("m")]
    return sum([get(ord(c), default) for c in text]) * style.size / 1000


def _drawable(text: str) -> _Glyphs:
    if text.isascii():
        return _Glyphs(text)
    glyphs = _Glyphs("")
    for character in text:
        _draw(character, glyphs)
    return glyphs


def _draw(character: str, glyphs: _Glyphs) -> None:
    if ord(character) in fonts.GLYPHS:
        glyphs.text += character
    elif character in _STANDS_FOR:
        glyphs.text += _STANDS_FOR[character]
    elif character in _MARKS and glyphs.text:
        glyphs.marks.append((glyphs.text[:-1], glyphs.text[-1], _MARKS[character]))
    else:
        _draw_composed(unicodedata.normalize("NFKD", character), glyphs)


def _draw_composed(parts: str, glyphs: _Glyphs) -> None:
    """A letter with its accents, or a lozenge."""
    if all(ord(p) in fonts.GLYPHS or p in _MARKS for p in parts) and parts[0] not in _MARKS:
        for part in parts:
            _draw(part, glyphs)
    else:
        glyphs.text += UNDRAWN
        glyphs.complete = False


_FACES: dict[str, dict[int, float]] = {
    name: pdfmetrics.getFont(name).face.charWidths for name in (fonts.REGULAR, fonts.BOLD)
}
