"""The smallest document of each kind, for the warm-up: what these touch is loaded before children are confined."""

import io
import zipfile
from collections.abc import Iterator

from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from hub.documents.reader.results import Kind

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_ODF = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
)
_MAIL = """From: =?utf-8?q?Warm_=C3=BCp?= <warm@up.invalid>
Subject: =?iso-8859-1?b?d2FybSB1cA==?=
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/html; charset="windows-1252"
Content-Transfer-Encoding: quoted-printable

<p>warm=20up</p><table><tr><td>up</td></tr></table>
--b
Content-Type: text/plain; name="warm.txt"
Content-Disposition: attachment; filename="warm.txt"
Content-Transfer-Encoding: base64

d2FybSB1cA==
--b
Content-Type: message/rfc822

Subject: inner

warm up
--b--
"""


def one_of_each() -> Iterator[tuple[Kind, bytes]]:
    yield Kind.PDF, _pdf()
    yield Kind.DOCX, _zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": _docx()})
    yield Kind.ODT, _zipped({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": _odt()})
    yield Kind.TXT, "warm \u0175p \u4e2d\tup".encode()
    yield Kind.TXT, "warm up".encode("utf-16")
    yield Kind.EML, _MAIL.encode()
    for mode in ("L", "RGB", "RGBA", "P", "1", "I;16"):
        yield Kind.PNG, _picture(mode, "PNG")
    for mode in ("L", "RGB", "CMYK"):
        yield Kind.JPEG, _picture(mode, "JPEG")
    for compression in ("raw", "tiff_lzw", "tiff_deflate", "group4", "jpeg", "packbits"):
        yield Kind.TIFF, _picture("1" if compression == "group4" else "RGB", "TIFF", compression=compression)


def _pdf() -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(300, 400))
    for font in ("Helvetica", "Times-Roman", "Courier", "Symbol", "ZapfDingbats"):
        canvas.setFont(font, 12)
        canvas.drawString(20, 300, "warm-up")
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def _zipped(members: dict[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text, zipfile.ZIP_STORED if name == "mimetype" else None)
    return file.getvalue()


def _docx() -> str:
    row = "<w:tr><w:tc><w:p><w:r><w:t>up</w:t></w:r></w:p></w:tc></w:tr>"
    paragraph = "<w:p><w:r><w:t>warm</w:t></w:r></w:p>"
    return f"<w:document {_W}><w:body>{paragraph}<w:tbl>{row}</w:tbl></w:body></w:document>"


def _odt() -> str:
    inside = '<text:h text:outline-level="1">warm</text:h><text:p>up</text:p>'
    return (
        f"<office:document-content {_ODF}><office:body><office:text>{inside}</office:text></office:body>"
        "</office:document-content>"
    )


def _picture(mode: str, picture_format: str, **how: str) -> bytes:
    file = io.BytesIO()
    image = Image.effect_noise((60, 80), 60)
    (image.convert(mode) if mode != "I;16" else Image.new(mode, (60, 80))).save(file, picture_format, **how)
    return file.getvalue()
