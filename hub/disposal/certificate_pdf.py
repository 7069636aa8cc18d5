"""A short document as a tagged PDF: the same words give the same bytes, on every machine.

Fonts are embedded, streams are not compressed (compressors differ), and each paragraph is marked and named in a structure
tree (ISO 32000-1, 14.8), with a title and a language, so that a screen reader reads headings as headings.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import pikepdf
from pikepdf import Array, Dictionary, Name, String
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfmetrics import getRegisteredFontNames, registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

PLAIN, BOLD = "Vera", "VeraBd"
MARGIN, BOTTOM = 56, 72
Paragraph = tuple[str, str, str]
"""(kind, label, text): kind 'title', 'heading', 'text' or 'pair'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Style:
    tag: str
    font: str
    size: float
    before: float

    @property
    def leading(self) -> float:
        return self.size * 1.35


STYLES = {
    "title": _Style(tag="H1", font=BOLD, size=18, before=6),
    "heading": _Style(tag="H2", font=BOLD, size=12, before=14),
    "text": _Style(tag="P", font=PLAIN, size=9.5, before=5),
    "pair": _Style(tag="P", font=PLAIN, size=9.5, before=3),
}


def pdf_of(title: str, marking: str, paragraphs: Sequence[Paragraph]) -> bytes:
    """`marking` stands at the head and foot of each page, as an artifact that is not read out each time."""
    sheet = _Sheet(title, marking)
    for kind, label, text in paragraphs:
        sheet.add(STYLES[kind], f"{label}: " if label else "", text)
    return _tagged(sheet.finish(), sheet.marks, title)


class _Sheet:
    """`marks`: (page from 0, number on that page, tag) of each marked stretch, in order of reading."""

    def __init__(self, title: str, marking: str) -> None:
        for name, file in ((PLAIN, "Vera.ttf"), (BOLD, "VeraBd.ttf")):
            if name not in getRegisteredFontNames():
                registerFont(TTFont(name, file))
        self._buffer = io.BytesIO()
        self._canvas = Canvas(self._buffer, pagesize=A4, pageCompression=0, invariant=1, lang="en-GB")
        self._canvas.setTitle(title)
        self._marking = marking
        self.marks: list[tuple[int, int, str]] = []
        self._page, self._next = 0, 0
        self._y = self._start()

    def _start(self) -> float:
        width, height = A4
        self._canvas.addLiteral("/Artifact BMC")
        self._canvas.setFont(BOLD, 9)
        self._canvas.drawCentredString(width / 2, height - 36, self._marking)
        self._canvas.drawCentredString(width / 2, 36, f"{self._marking}    Page {self._page + 1}")
        self._canvas.addLiteral("EMC")
        return float(height - 64)

    def add(self, style: _Style, label: str, text: str) -> None:
        lines = _broken(style, label, text, A4[0] - 2 * MARGIN)
        self._y -= style.before
        self._room(style.leading * (1 if style.tag == "P" else 3))
        self._open(style)
        for number, line in enumerate(lines):
            if self._y - style.leading < BOTTOM:
                self._canvas.addLiteral("EMC")
                self._turn()
                self._open(style)
            self._y -= style.leading
            self._draw(style, label if number == 0 else "", line)
        self._canvas.addLiteral("EMC")

    def _open(self, style: _Style) -> None:
        self._canvas.addLiteral(f"/{style.tag} <</MCID {self._next}>> BDC")
        self.marks.append((self._page, self._next, style.tag))
        self._next += 1

    def _draw(self, style: _Style, label: str, line: str) -> None:
        x = MARGIN
        if label:
            self._canvas.setFont(BOLD, style.size)
            self._canvas.drawString(x, self._y, label)
            x += stringWidth(label, BOLD, style.size)
        self._canvas.setFont(style.font, style.size)
        self._canvas.drawString(x, self._y, line)

    def _room(self, height: float) -> None:
        if self._y - height < BOTTOM:
            self._turn()

    def _turn(self) -> None:
        self._canvas.showPage()
        self._page, self._next = self._page + 1, 0
        self._y = self._start()

    def finish(self) -> bytes:
        self._canvas.showPage()
        self._canvas.save()
        return self._buffer.getvalue()


def _broken(style: _Style, label: str, text: str, width: float) -> list[str]:
    """Lines that fit; the first leaves room for the label. A word longer than a line is cut."""
    lines, line = [], ""
    room = width - stringWidth(label, BOLD, style.size)
    for word in _pieces(style, text, width):
        wider = f"{line} {word}" if line else word
        if stringWidth(wider, style.font, style.size) <= room:
            line = wider
        else:
            lines.append(line)
            line, room = word, width
    return [*lines, line]


def _pieces(style: _Style, text: str, width: float) -> list[str]:
    pieces = []
    for word in text.split():
        rest = word
        while stringWidth(rest, style.font, style.size) > width:
            fits = next(
                n for n in range(len(rest), 0, -1) if stringWidth(rest[:n], style.font, style.size) <= width
            )
            pieces.append(rest[:fits])
            rest = rest[fits:]
        pieces.append(rest)
    return pieces


def _tagged(data: bytes, marks: Sequence[tuple[int, int, str]], title: str) -> bytes:
    with pikepdf.open(io.BytesIO(data)) as pdf:
        _add_structure(pdf, marks)
        pdf.Root.MarkInfo = Dictionary(Marked=True)
        pdf.Root.Lang = String("en-GB")
        pdf.Root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
        pdf.docinfo["/Title"] = String(title)
        out = io.BytesIO()
        pdf.save(
            out, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.generalized, deterministic_id=True,
        )  # fmt: skip
        return out.getvalue()


def _add_structure(pdf: pikepdf.Pdf, marks: Sequence[tuple[int, int, str]]) -> None:
    root = pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot))
    document = pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name.Document, P=root))
    elements = [
        pdf.make_indirect(
            Dictionary(Type=Name.StructElem, S=Name(f"/{tag}"), P=document, Pg=pdf.pages[page].obj, K=number)
        )
        for page, number, tag in marks
    ]
    document.K, root.K = Array(elements), Array([document])
    parents: list[object] = []
    for number, page in enumerate(pdf.pages):
        page.obj.StructParents, page.obj.Tabs = number, Name.S
        own = [element for element, (where, _, _) in zip(elements, marks, strict=True) if where == number]
        parents += [number, pdf.make_indirect(Array(own))]
    root.ParentTree = pdf.make_indirect(Dictionary(Nums=Array(parents)))
    root.ParentTreeNextKey = len(pdf.pages)
    pdf.Root.StructTreeRoot = root
