"""The same page as PDF, scanned-looking PDF, DOCX, ODT, text or e-mail; the same bytes for the same words.

Office files are zipped without compression and PDF streams are not deflated, because the output of a compressor
may differ from one build of zlib to the next. Scanned pages are CCITT group 4, which has one right answer.
"""

import io
import textwrap
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache, partial
from random import Random
from time import struct_time
from xml.sax.saxutils import escape

from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.colors import black, lightgrey
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Table, TableStyle

from hub.demo.phrases import NOTE
from hub.demo.prose import Page, Section

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Who wrote it and when: document properties, or the head of an e-mail. `to` is an address."""

    author: str
    address: str
    to: str
    at: datetime


def render(form: str, page: Page, envelope: Envelope, rng: Random) -> bytes:
    """`form`: 'pdf', 'scan', 'docx', 'odt', 'txt' or 'eml'."""
    return _FORMS[form](page, envelope, rng)


# --- plain text and e-mail -------------------------------------------------------------------


def _lines(page: Page) -> Iterable[str]:
    yield from (page.marking, "", page.title.upper(), "")
    yield from (f"{label}: {value}" for label, value in page.facts)
    for section in page.sections:
        yield from ("", section.heading, "-" * len(section.heading))
        for paragraph in section.paragraphs:
            yield from ("", *textwrap.wrap(paragraph, 78))
        yield from (" | ".join(row) for row in section.table)
    yield from ("", page.marking)


def _txt(page: Page, _envelope: Envelope, _rng: Random) -> bytes:
    return "\r\n".join((*_lines(page), "")).encode()


def _eml(page: Page, envelope: Envelope, rng: Random) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"] = f'"{envelope.author}" <{envelope.address}>'
    message["To"] = envelope.to
    message["Date"] = format_datetime(envelope.at)
    message["Subject"] = f"{page.marking}: {page.title}"
    message["Message-ID"] = f"<{rng.randbytes(12).hex()}@{envelope.address.split('@')[1]}>"
    message.set_content("\n".join((*_lines(page), "")), cte="quoted-printable")
    return message.as_bytes()


# --- PDF -------------------------------------------------------------------------------------

_BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=10.5, leading=15, spaceAfter=7)
_TITLE = ParagraphStyle(
    "title", parent=_BODY, fontName="Helvetica-Bold", fontSize=17, leading=22, spaceAfter=12
)
_HEADING = ParagraphStyle(
    "heading", parent=_BODY, fontName="Helvetica-Bold", fontSize=12.5, leading=17, spaceBefore=9
)
_CELL = ParagraphStyle("cell", parent=_BODY, fontSize=9, leading=11.5, spaceAfter=0)
_GRID = TableStyle(
    [
        ("GRID", (0, 0), (-1, -1), 0.4, black),
        ("BACKGROUND", (0, 0), (-1, 0), lightgrey),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
)


def _pdf(page: Page, envelope: Envelope, _rng: Random) -> bytes:
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        margins=22 * mm,
        title=page.title,
        author=envelope.author,
        lang="en-GB",
        invariant=1,
        pageCompression=0,
    )
    story: list[Flowable] = [Paragraph(escape(page.title), _TITLE)]
    story += [Paragraph(f"<b>{escape(label)}:</b> {escape(value)}", _BODY) for label, value in page.facts]
    for section in page.sections:
        story += _flow(section)
    edge = partial(_edge, page.marking)
    document.build(story, onFirstPage=edge, onLaterPages=edge)
    return out.getvalue()


def _flow(section: Section) -> Iterable[Flowable]:
    yield Paragraph(escape(section.heading), _HEADING)
    for paragraph in section.paragraphs:
        yield Paragraph(escape(paragraph), _BODY)
    if section.table:
        rows = [[Paragraph(escape(cell), _CELL) for cell in row] for row in section.table]
        yield Table(rows, style=_GRID, repeatRows=1, hAlign="LEFT")


def _edge(marking: str, canvas: Canvas, document: SimpleDocTemplate) -> None:
    canvas.setFont("Helvetica-Bold", 9)
    canvas.drawCentredString(A4[0] / 2, A4[1] - 12 * mm, marking)
    canvas.setFont("Helvetica", 8.5)
    canvas.drawCentredString(A4[0] / 2, 11 * mm, f"{marking} - page {document.page} - {NOTE}")


# --- a PDF that looks scanned ----------------------------------------------------------------

_SCAN = (1000, 1414)
_DPI = 121
_MARGIN, _LEADING, _FOOT = 100, 31, 1290


def _scan(page: Page, envelope: Envelope, rng: Random) -> bytes:
    sheets = [_sheet(lines, rng) for lines in _sheets(page)]
    out = io.BytesIO()
    at = struct_time(envelope.at.utctimetuple())
    sheets[0].save(
        out,
        "PDF",
        resolution=_DPI,
        save_all=True,
        append_images=sheets[1:],
        title=page.title,
        creationDate=at,
        modDate=at,
    )
    return out.getvalue()


def _sheets(page: Page) -> Iterable[list[str]]:
    lines = [line for text in _lines(page) for line in _wrapped(text)]
    per_sheet = (_FOOT - _MARGIN) // _LEADING
    for start in range(0, len(lines), per_sheet):
        yield lines[start : start + per_sheet]


@cache
def _face() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=21)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 78) or [""]


def _sheet(lines: list[str], rng: Random) -> Image.Image:
    """One page: set in type, laid a little crooked on the glass, with specks of dust."""
    image = Image.new("L", _SCAN, 255)
    draw = ImageDraw.Draw(image)
    for index, line in enumerate(lines):
        draw.text((_MARGIN, _MARGIN + index * _LEADING), line, fill=0, font=_face())
    crooked = image.rotate(rng.uniform(-0.8, 0.8), resample=Image.Resampling.NEAREST, fillcolor=255)
    draw = ImageDraw.Draw(crooked)
    for _ in range(rng.randint(60, 180)):
        draw.point((rng.randrange(_SCAN[0]), rng.randrange(_SCAN[1])), fill=0)
    edge = rng.randint(2, 9)
    draw.rectangle((0, 0, edge, _SCAN[1]), fill=0)
    return crooked.point(_threshold(), mode="1")


def _threshold() -> list[int]:
    return [255 if value > 140 else 0 for value in range(256)]  # noqa: PLR2004 - where grey becomes paper


# --- office files ----------------------------------------------------------------------------


def _zip(parts: Iterable[tuple[str, str]], at: datetime) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, text in parts:
            info = zipfile.ZipInfo(name, date_time=at.timetuple()[:6])
            info.create_system, info.external_attr = 3, 0o600 << 16
            archive.writestr(info, text.encode())
    return out.getvalue()


_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"

_DOCX_TYPES = (
    f'<Types xmlns="{_PACKAGE}/content-types">'
    f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/word/document.xml" ContentType="{_WORD}.document.main+xml"/>'
    f'<Override PartName="/word/styles.xml" ContentType="{_WORD}.styles+xml"/>'
    f'<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>'
    "</Types>"
)
_DOCX_RELS = (
    f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="word/document.xml"/>'
    f'<Relationship Id="r2" Type="{_PACKAGE}/relationships/metadata/core-properties" Target="docProps/core.xml"/>'
    "</Relationships>"
)
_DOCX_DOCUMENT_RELS = (
    f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
)


def _docx_style(key: str, name: str, size: int, *, bold: bool) -> str:
    run = f'<w:rPr>{"<w:b/>" if bold else ""}<w:sz w:val="{size}"/></w:rPr>'
    return (
        f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{name}"/>'
        f'<w:pPr><w:spacing w:after="140"/></w:pPr>{run}</w:style>'
    )


def _docx_styles() -> str:
    styles = (
        _docx_style("Normal", "Normal", 22, bold=False)
        + _docx_style("Title", "Title", 34, bold=True)
        + _docx_style("Heading1", "heading 1", 26, bold=True)
    )
    return f"<w:styles {_W}>{styles}</w:styles>"


def _docx_paragraph(text: str, style: str = "Normal") -> str:
    run = f'<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r>'
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr>{run}</w:p>'


def _docx_table(table: tuple[tuple[str, ...], ...]) -> str:
    if not table:
        return ""
    grid = "".join('<w:gridCol w:w="2300"/>' for _ in table[0])
    rows = "".join(
        f"<w:tr>{''.join(f'<w:tc>{_docx_paragraph(cell)}</w:tc>' for cell in row)}</w:tr>" for row in table
    )
    return f'<w:tbl><w:tblPr><w:tblW w:w="0" w:type="auto"/></w:tblPr><w:tblGrid>{grid}</w:tblGrid>{rows}</w:tbl>'


def _core(page: Page, envelope: Envelope) -> str:
    at = envelope.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    stamps = "".join(
        f'<dcterms:{tag} xsi:type="dcterms:W3CDTF">{at}</dcterms:{tag}>' for tag in ("created", "modified")
    )
    return (
        f'<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:title>{escape(page.title)}</dc:title><dc:creator>{escape(envelope.author)}</dc:creator>{stamps}</cp:coreProperties>"
    )


def _docx(page: Page, envelope: Envelope, _rng: Random) -> bytes:
    body = _body(
        page, _docx_paragraph, {"title": "Title", "heading": "Heading1", "body": "Normal"}, _docx_table
    )
    size = '<w:sectPr><w:pgSz w:w="11906" w:h="16838"/></w:sectPr>'
    head = _XML
    parts = (
        ("[Content_Types].xml", head + _DOCX_TYPES),
        ("_rels/.rels", head + _DOCX_RELS),
        ("docProps/core.xml", head + _core(page, envelope)),
        ("word/_rels/document.xml.rels", head + _DOCX_DOCUMENT_RELS),
        ("word/document.xml", f"{head}<w:document {_W}><w:body>{body}{size}</w:body></w:document>"),
        ("word/styles.xml", head + _docx_styles()),
    )
    return _zip(parts, envelope.at)


def _body(
    page: Page,
    paragraph: Callable[[str, str], str],
    styles: dict[str, str],
    table: Callable[[tuple[tuple[str, ...], ...]], str],
) -> str:
    parts = [paragraph(page.marking, styles["body"]), paragraph(page.title, styles["title"])]
    parts += [paragraph(f"{label}: {value}", styles["body"]) for label, value in page.facts]
    for section in page.sections:
        parts.append(paragraph(section.heading, styles["heading"]))
        parts += [paragraph(text, styles["body"]) for text in section.paragraphs]
        parts.append(table(section.table))
    return "".join((*parts, paragraph(NOTE, styles["body"])))


_ODF = "urn:oasis:names:tc:opendocument:xmlns"
_ODT_NAMES = (
    f'xmlns:office="{_ODF}:office:1.0" xmlns:text="{_ODF}:text:1.0" xmlns:table="{_ODF}:table:1.0" '
    f'xmlns:meta="{_ODF}:meta:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/" office:version="1.3"'
)
_ODT = "application/vnd.oasis.opendocument.text"
_ODT_MANIFEST = (
    f'<manifest:manifest xmlns:manifest="{_ODF}:manifest:1.0" manifest:version="1.3">'
    f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{_ODT}"/>'
    '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
    '<manifest:file-entry manifest:full-path="meta.xml" manifest:media-type="text/xml"/>'
    "</manifest:manifest>"
)


def _odt_paragraph(text: str, style: str = "p") -> str:
    if style == "p":
        return f"<text:p>{escape(text)}</text:p>"
    return f'<text:h text:outline-level="{style}">{escape(text)}</text:h>'


def _odt_table(table: tuple[tuple[str, ...], ...]) -> str:
    if not table:
        return ""
    columns = f'<table:table-column table:number-columns-repeated="{len(table[0])}"/>'
    cells = '<table:table-cell office:value-type="string">{}</table:table-cell>'
    rows = "".join(
        f"<table:table-row>{''.join(cells.format(_odt_paragraph(cell)) for cell in row)}</table:table-row>"
        for row in table
    )
    return f"<table:table>{columns}{rows}</table:table>"


def _odt(page: Page, envelope: Envelope, _rng: Random) -> bytes:
    body = _body(page, _odt_paragraph, {"title": "1", "heading": "2", "body": "p"}, _odt_table)
    head = _XML
    content = f"<office:document-content {_ODT_NAMES}><office:body><office:text>{body}</office:text></office:body></office:document-content>"
    parts = (
        ("mimetype", _ODT),
        ("META-INF/manifest.xml", head + _ODT_MANIFEST),
        ("meta.xml", head + _odt_meta(page, envelope)),
        ("content.xml", head + content),
    )
    return _zip(parts, envelope.at)


def _odt_meta(page: Page, envelope: Envelope) -> str:
    at = envelope.at.strftime("%Y-%m-%dT%H:%M:%S")
    fields = (
        f"<dc:title>{escape(page.title)}</dc:title><meta:initial-creator>{escape(envelope.author)}</meta:initial-creator>"
        f"<meta:creation-date>{at}</meta:creation-date><dc:date>{at}</dc:date>"
    )
    return f"<office:document-meta {_ODT_NAMES}><office:meta>{fields}</office:meta></office:document-meta>"


_FORMS: dict[str, Callable[[Page, Envelope, Random], bytes]] = {
    "pdf": _pdf,
    "scan": _scan,
    "docx": _docx,
    "odt": _odt,
    "txt": _txt,
    "eml": _eml,
}
