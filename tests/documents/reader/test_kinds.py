"""What a file is and is called, before anything parses it."""

import io
import unicodedata
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.documents.reader import Kind, Reason, Refused, clean_file_name, container, identify
from tests.documents.reader import made

MAIL = b"Received: from a.invalid\r\n by b.invalid\r\nFrom: A <a@b.invalid>\r\nSubject: x\r\n\r\nhello"


def identified(name, data):
    return identify(name, data[:65536], io.BytesIO(data))


def refusal(name, data) -> Refused:
    with pytest.raises(Refused) as refused:
        identified(name, data)
    assert refused.value.sentence.endswith(".")
    return refused.value


def verdict(name, data) -> str:
    """The kind or the sentence; whatever else is raised fails the test."""
    try:
        return identified(name, data).value
    except Refused as refused:
        return refused.sentence


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.pdf", made.pdf("x"), Kind.PDF),
        ("A.PDF", b"junk first\n%PDF-1.7\n", Kind.PDF),
        ("a.docx", made.docx(""), Kind.DOCX),
        ("a.odt", made.odt(""), Kind.ODT),
        ("a.txt", b"plain", Kind.TXT),
        ("a.txt", "Si\u00e2n \u0174yn".encode(), Kind.TXT),
        ("a.txt", "Si\u00e2n".encode("utf-16"), Kind.TXT),
        ("a.txt", "Sian".encode("utf-16-le"), Kind.TXT),
        ("a.txt", "\u00a35 for Si\u00e2n".encode("cp1252"), Kind.TXT),
        ("a.txt", b"Subject: a text that begins like a mail\n\nbut is named a text", Kind.TXT),
        ("a.eml", MAIL, Kind.EML),
        ("a.eml", b"From a@b.invalid Thu Jan 1\n" + MAIL, Kind.EML),
        ("a.png", made.png_claiming(10, 10), Kind.PNG),
        ("a.jpg", b"\xff\xd8\xff\xe0rest", Kind.JPEG),
        ("a.jpeg", b"\xff\xd8\xff\xe0rest", Kind.JPEG),
        ("a.tif", b"II*\0rest", Kind.TIFF),
        ("a.tiff", b"MM\0*rest", Kind.TIFF),
    ],
)
def test_name_and_content_that_agree_are_taken(name, data, kind):
    assert identified(name, data) is kind


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.pdf", b"", Reason.EMPTY),
        ("a.exe", b"MZ", Reason.UNKNOWN_TYPE),
        ("a.docm", made.docx(""), Reason.UNKNOWN_TYPE),
        ("a.doc", bytes.fromhex("d0cf11e0a1b11ae1"), Reason.UNKNOWN_TYPE),
        ("a", b"plain", Reason.UNKNOWN_TYPE),
        ("a.pdf.exe", made.pdf("x"), Reason.UNKNOWN_TYPE),
        ("a\u202efdp.exe", made.pdf("x"), Reason.UNKNOWN_TYPE),
        ("a.txt", made.pdf("x"), Reason.EXTENSION),
        ("a.pdf", b"plain words", Reason.EXTENSION),
        ("a.pdf", made.docx(""), Reason.EXTENSION),
        ("a.odt", made.docx(""), Reason.EXTENSION),
        ("a.png", b"\xff\xd8\xff\xe0rest", Reason.EXTENSION),
        ("a.jpg", b"GIF89a\x00\x01", Reason.EXTENSION),
        ("a.txt", bytes(range(256)), Reason.EXTENSION),
        ("a.txt", b"\x7fELF\x01\x01\x00\x00", Reason.EXTENSION),
        ("a.eml", b"Dear all, no header at all", Reason.EXTENSION),
        ("a.eml", bytes(range(256)), Reason.EXTENSION),
        ("a.docx", bytes.fromhex("d0cf11e0a1b11ae1"), Reason.ENCRYPTED),
        ("a.docx", made.zipped({"readme.txt": "hello"}), Reason.NOT_A_DOCUMENT),
        ("a.docx", made.zipped({"word/document.xml": "<x/>"}), Reason.NOT_A_DOCUMENT),
        (
            "a.odt",
            made.zipped({"mimetype": "application/epub+zip", "content.xml": ""}),
            Reason.NOT_A_DOCUMENT,
        ),
        ("a.docx", made.docx("")[:-30], Reason.BROKEN),
        ("a.docx", b"PK\x03\x04", Reason.BROKEN),
    ],
)
def test_what_does_not_agree_is_refused_with_its_reason(name, data, code):
    assert refusal(name, data).code is code


def test_an_archive_bomb_is_refused_by_its_ratio():
    assert refusal("a.docx", made.docx("", bomb="0" * 20_000_000)).code is Reason.BOMB


def test_an_archive_bomb_spread_over_many_small_members_is_refused():
    members = {f"word/part{number}.xml": "0" * 900_000 for number in range(200)}
    assert (
        refusal("a.docx", made.zipped({"[Content_Types].xml": "", "word/document.xml": ""} | members)).code
        is Reason.BOMB
    )


def test_an_archive_of_many_members_is_refused_before_its_list_is_read(monkeypatch):
    data = made.zipped({f"{number}": "" for number in range(container.MOST_MEMBERS + 1)})
    monkeypatch.setattr(zipfile, "ZipFile", lambda _: pytest.fail("the list was read"))
    assert refusal("a.docx", data).code is Reason.BOMB


def test_an_archive_that_lies_about_its_number_of_members_is_refused():
    data = bytearray(made.zipped({f"{number}": "" for number in range(40_000)}))
    end = data.rfind(b"PK\x05\x06")
    data[end + 8 : end + 12] = b"\x02\x00\x02\x00"
    assert refusal("a.docx", bytes(data)).code is Reason.BOMB


def test_an_archive_with_a_password_is_refused():
    data = bytearray(made.docx(""))
    at = data.rfind(b"PK\x01\x02")
    data[at + 8] |= 1
    assert refusal("a.docx", bytes(data)).code is Reason.ENCRYPTED


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("minutes.pdf", "minutes.pdf"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("..\\..\\windows\\a.docx", "a.docx"),
        ("/", "document"),
        ("", "document"),
        ("..", "document"),
        ("\u202e\u200b", "document"),
        (".pdf", "document.pdf"),
        ("a\u202efdp.exe", "afdp.exe"),
        ("a\x00\x1b[31m.pdf", "a[31m.pdf"),
        ("a\r\nSet-Cookie: b.pdf", "a Set-Cookie: b.pdf"),
        ("Sia\u0302n.pdf", "Si\u00e2n.pdf"),
        ("  a   b .pdf", "a b.pdf"),
        ("<img src=x onerror=alert(1)>.png", "<img src=x onerror=alert(1)>.png"),
        ("x" * 300 + ".docx", "x" * 145 + ".docx"),
        ("no extension at all", "no extension at all"),
        ("a." + "b" * 300, ("a." + "b" * 300)[:150]),
    ],
)
def test_a_file_name_is_made_harmless(raw, name):
    assert clean_file_name(raw) == name


@given(st.text(max_size=400))
def test_a_clean_file_name_holds_its_promises(raw):
    name = clean_file_name(raw)
    assert 1 <= len(name) <= 150
    assert "/" not in name
    assert "\\" not in name
    assert not name.startswith(".")
    assert unicodedata.is_normalized("NFC", name)
    assert all(unicodedata.category(character)[0] != "C" for character in name)
    assert clean_file_name(name) == name


@given(st.binary(max_size=2000), st.sampled_from(["pdf", "docx", "odt", "txt", "eml", "png", "jpg", "exe"]))
def test_any_bytes_are_taken_or_refused(data, extension):
    assert verdict(f"a.{extension}", data)


@given(st.integers(0, 2000), st.binary(min_size=1, max_size=30))
def test_a_damaged_archive_is_taken_or_refused(at, damage):
    data = bytearray(made.docx(made.paragraph("x")))
    at %= len(data)
    data[at : at + len(damage)] = damage
    assert verdict("a.docx", bytes(data))
