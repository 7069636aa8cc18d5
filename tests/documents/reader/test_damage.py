"""Documents damaged at random: every one gets a result or a refusal, and no child crashes over it."""

import io
import random

import pytest
from PIL import Image

from hub.documents.reader import Kind, Reason, Refused
from tests.documents.reader import made

ROUNDS = 60


def picture(picture_format: str) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((60, 50), 50).convert("RGB").save(file, picture_format)
    return file.getvalue()


MAIL = (
    b"From: a@a.invalid\nSubject: =?utf-8?q?x?=\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
    b"Content-Type: text/html; charset=utf-8\n\n<p>hello\n--b\nContent-Type: message/rfc822\n\nSubject: in\n\nx\n--b--\n"
)
WHOLE = {
    Kind.PDF: made.pdf("hello", "there"),
    Kind.DOCX: made.docx(made.paragraph("x") + made.table(("a", "b"))),
    Kind.ODT: made.odt("<text:p>x</text:p>"),
    Kind.TXT: "Si\u00e2n paid \u00a35 on time, and so did \u0141ukasz.\n".encode(),
    Kind.EML: MAIL,
    Kind.PNG: picture("PNG"),
    Kind.JPEG: picture("JPEG"),
    Kind.TIFF: picture("TIFF"),
}


def damaged(data: bytes, chance: random.Random) -> bytes:
    hurt = bytearray(data)
    for _ in range(chance.choice([1, 3, 20])):
        at = chance.randrange(len(hurt) - 4)
        hurt[at : at + chance.choice([1, 4])] = chance.randbytes(chance.choice([1, 2, 4]))
    return bytes(hurt)


def verdict(job, *arguments, **named) -> Reason | None:
    try:
        job(*arguments, **named)
    except Refused as refused:
        return refused.code
    return None


@pytest.mark.parametrize("kind", list(Kind))
def test_a_damaged_document_is_read_or_refused(reader, kind):
    chance = random.Random(kind.value)
    found = {verdict(reader.examine, kind, damaged(WHOLE[kind], chance)) for _ in range(ROUNDS)}
    assert Reason.CRASHED not in found


def test_a_damaged_pdf_is_shown_and_marked_or_refused(reader):
    chance = random.Random(7)
    found = set()
    for _ in range(ROUNDS):
        data = damaged(WHOLE[Kind.PDF], chance)
        found.add(verdict(reader.render_page, data, 1, watermark=made.LINES, width=300))
        found.add(verdict(reader.watermark_pdf, data, made.LINES))
    assert Reason.CRASHED not in found
