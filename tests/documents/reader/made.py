"""Documents made for the tests; nothing in them is real."""

import io
import struct
import zipfile
import zlib

import pikepdf
from reportlab.pdfgen.canvas import Canvas

LINES = ("OFFICIAL-SENSITIVE", "Dana Okoro", "Fenmarch Probation", "20 Nov 2026, 11:48", "log entry 48213")
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def pdf(*pages: str, size=(595, 842)) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=size, invariant=1)
    for page in pages:
        for number, line in enumerate(page.splitlines()):
            canvas.drawString(60, size[1] - 80 - 15 * number, line)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def encrypted_pdf() -> bytes:
    file = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf("secret"))) as document:
        document.save(file, encryption=pikepdf.Encryption(owner="one", user="two"))
    return file.getvalue()


def paragraph(text: str, style: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


def table(*rows: tuple[str, ...]) -> str:
    lines = ("".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{line}</w:tr>' for line in lines)}</w:tbl>"


def docx_of(document: str | bytes, **parts: str) -> bytes:
    """A DOCX whose main part is exactly `document`."""
    return zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": document} | _named(parts))


def docx(body: str, **parts: str) -> bytes:
    return docx_of(f"<w:document {W}><w:body>{body}</w:body></w:document>", **parts)


def _named(parts: dict[str, str]) -> dict[str, str]:
    return {f"word/{name}.xml": text for name, text in parts.items()}


ODF = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"'
)


def odt(text: str, **parts: str) -> bytes:
    content = (
        f"<office:document-content {ODF}><office:body><office:text>{text}</office:text></office:body>"
        "</office:document-content>"
    )
    members = {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content}
    return zipped(members | {name.replace("__", "/") + ".xml": text for name, text in parts.items()})


def zipped(members: dict[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text, zipfile.ZIP_STORED if name == "mimetype" else None)
    return file.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that says it is that large, every row present in its one compressed line or not."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(bytes(1000)))
        + _chunk(b"IEND", b"")
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
