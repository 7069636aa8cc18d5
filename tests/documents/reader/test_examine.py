"""Documents of every kind, whole and hostile, through the real child."""

import base64
import io
import unicodedata
import zlib
from email.message import EmailMessage

import pikepdf
import pytest
from PIL import Image, PngImagePlugin

from hub.documents.reader import Kind, Reason, Refused, pdf
from tests.documents.reader import made
from tests.documents.reader.made import paragraph

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
LAUGHING = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l0 "ha">{LAUGHS}]><d>&l11;</d>'
EXTERNAL = '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]><d>&e;</d>'
OUTSIDE_DTD = '<?xml version="1.0"?><!DOCTYPE d SYSTEM "http://a.invalid/d.dtd"><d/>'


def refusal(reader, kind, data) -> Refused:
    with pytest.raises(Refused) as refused:
        reader.examine(kind, data)
    assert refused.value.sentence.endswith(".")
    return refused.value


def shown(reader, found) -> list[str]:
    """The text that the reading copy itself carries."""
    return [" ".join(page.split()) for page in reader.examine(Kind.PDF, found.reading_copy).pages]


# PDF


def test_the_text_of_a_pdf_comes_page_by_page(reader):
    found = reader.examine(Kind.PDF, made.pdf("first page\nsecond line", "page two"))
    assert found.pages == ("first page\nsecond line", "page two")
    assert (found.page_count, found.searchable, found.note, found.reading_copy) == (2, True, None, None)


def test_a_pdf_without_text_says_that_it_is_not_searchable(reader):
    found = reader.examine(Kind.PDF, made.pdf("", ""))
    assert (found.page_count, found.searchable, found.note) == (2, False, "Not searchable: no text.")


def test_words_broken_at_line_ends_are_whole(reader):
    found = reader.examine(Kind.PDF, made.pdf("the assess-\nment by Anne-\nMarie for 2025-\n26"))
    assert found.pages == ("the assessment by Anne-Marie for 2025-\n26",)


def test_marks_of_a_pdf_are_put_in_order_where_the_limits_hold():
    """Composing is quick once it is done; done first in the hub, one page of marks stopped every thread for hours."""
    found = pdf.clean("a\u0301\u0316\u0301\u0316 e\u0301")
    assert (found, unicodedata.is_normalized("NFC", found)) == ("\u00e1\u0316\u0316\u0301 \u00e9", True)


def test_what_was_typed_into_a_form_is_read(reader):
    assert "typed by hand" in reader.examine(Kind.PDF, filled_form()).pages[0]


def filled_form() -> bytes:
    file = io.BytesIO()
    with pikepdf.open(io.BytesIO(made.pdf("printed"))) as document:
        look = document.make_stream(b"BT /F 12 Tf 2 4 Td (typed by hand) Tj ET")
        font = pikepdf.Dictionary(
            Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
        )
        look["/Type"], look["/Subtype"] = pikepdf.Name.XObject, pikepdf.Name.Form
        look["/BBox"] = pikepdf.Array([0, 0, 200, 20])
        look["/Resources"] = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=font))
        field = document.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot,
                Subtype=pikepdf.Name.Widget,
                FT=pikepdf.Name.Tx,
                T=pikepdf.String("name"),
                V=pikepdf.String("typed by hand"),
                F=4,
                Rect=pikepdf.Array([60, 500, 260, 520]),
                AP=pikepdf.Dictionary(N=look),
            )
        )
        document.pages[0].obj["/Annots"] = document.make_indirect(pikepdf.Array([field]))
        document.Root["/AcroForm"] = pikepdf.Dictionary(Fields=pikepdf.Array([field]))
        document.save(file)
    return file.getvalue()


def test_a_pdf_with_a_password_is_refused(reader):
    refused = refusal(reader, Kind.PDF, made.encrypted_pdf())
    assert refused.code is Reason.ENCRYPTED
    assert "password" in refused.sentence


@pytest.mark.parametrize("cut", [8, 100, 400])
def test_a_broken_pdf_is_refused(reader, cut):
    assert refusal(reader, Kind.PDF, made.pdf("x")[:cut]).code is Reason.BROKEN


def test_a_pdf_of_nothing_but_its_first_word_is_refused(reader):
    assert refusal(reader, Kind.PDF, b"%PDF-1.7\n" + bytes(100_000)).code is Reason.BROKEN


def test_a_pdf_of_too_many_pages_is_refused(reader):
    refused = refusal(reader, Kind.PDF, many_pages(10_000))
    assert refused.code is Reason.TOO_LARGE
    assert "10,000 pages" in refused.sentence


def many_pages(count: int) -> bytes:
    """One page that its tree names over and over: some kilobytes, however many."""
    with pikepdf.open(io.BytesIO(made.pdf("again"))) as document:
        first = document.pages[0].obj
        document.Root.Pages.Kids = pikepdf.Array([first] * count)
        document.Root.Pages.Count = count
        file = io.BytesIO()
        document.save(file)
    return file.getvalue()


def test_an_empty_file_that_came_this_far_is_refused(reader):
    for kind in Kind:
        if kind is not Kind.TXT and kind is not Kind.EML:
            assert refusal(reader, kind, b"").code is Reason.BROKEN


# Word and OpenDocument


def test_a_docx_is_read_in_order_with_its_header_table_notes_and_comments(reader):
    body = (
        paragraph("Minutes", "T")
        + made.table(("Name", "Agency"), ("Si\u00e2n \u0174yn", "Fenmarch Police"))
        + paragraph("After the table")
    )
    data = made.docx(
        body,
        header1=f"<w:hdr {made.W}>{paragraph('MARKED')}</w:hdr>",
        header2=f"<w:hdr {made.W}>{paragraph('MARKED')}</w:hdr>",
        footer1=f"<w:ftr {made.W}>{paragraph('at the foot')}</w:ftr>",
        footnotes=f"<w:footnotes {made.W}><w:footnote>{paragraph('a note')}</w:footnote></w:footnotes>",
        comments=f"<w:comments {made.W}><w:comment>{paragraph('a remark')}</w:comment></w:comments>",
    )
    found = reader.examine(Kind.DOCX, data)
    assert found.pages[0].split("\n") == [
        "MARKED", "Minutes", "Name\tAgency", "Si\u00e2n \u0174yn\tFenmarch Police", "After the table",
        "Notes", "a note", "Comments", "a remark", "at the foot",
    ]  # fmt: skip
    assert "After the table" in shown(reader, found)[0]
    assert found.searchable


def test_deleted_words_are_left_out_and_text_boxes_are_read_once(reader):
    inside = (
        '<mc:AlternateContent xmlns:mc="m"><mc:Choice><w:txbxContent>{0}</w:txbxContent></mc:Choice>'
        "<mc:Fallback><w:txbxContent>{0}</w:txbxContent></mc:Fallback></mc:AlternateContent>"
    ).format(paragraph("boxed"))
    body = f"<w:p><w:r><w:t>kept</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:r>{inside}</w:r></w:p>"
    assert reader.examine(Kind.DOCX, made.docx(body)).pages == ("kept boxed",)


def test_an_odt_is_read_in_order_with_its_list_and_table(reader):
    text = (
        '<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes><text:h text:outline-level="1">Report</text:h>'
        "<text:p>one<text:s text:c='2'/>two<text:tab/>three</text:p><text:list><text:list-item><text:p>item</text:p>"
        "</text:list-item></text:list><table:table><table:table-row><table:table-cell><text:p>a</text:p>"
        "</table:table-cell><table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table>"
    )
    header = f"<office:document-styles {made.ODF}><style:header><text:p>MARKED</text:p></style:header></office:document-styles>"
    found = reader.examine(Kind.ODT, made.odt(text, styles=header))
    assert found.pages[0].split("\n") == ["MARKED", "Report", "one  two    three", "\u2022 item", "a\tb"]


def test_text_boxes_and_notes_of_an_odt_stand_apart_from_the_words_around_them(reader):
    text = (
        "<text:p>kept<d:frame xmlns:d='d'><d:text-box><text:p>boxed</text:p></d:text-box></d:frame>after"
        "<text:note><text:note-body><text:p>noted</text:p></text:note-body></text:note></text:p>"
    )
    found = reader.examine(Kind.ODT, made.odt(text))
    assert found.pages[0].split() == ["kept", "boxed", "after", "noted"]


def test_a_member_that_points_outside_the_archive_is_never_followed(reader, tmp_path):
    parts = {"../../../etc/passwd": "root:", "/etc/passwd": "root:", "word/../../x.xml": "root:"}
    data = made.zipped(
        {
            "[Content_Types].xml": "<Types/>",
            "word/document.xml": f"<w:document {made.W}>{paragraph('kept')}</w:document>",
        }
        | parts
    )
    assert reader.examine(Kind.DOCX, data).pages == ("kept",)


def test_an_odt_with_a_password_is_refused(reader):
    manifest = '<m:manifest xmlns:m="m"><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>'
    assert (
        refusal(reader, Kind.ODT, made.odt("", **{"META-INF__manifest": manifest})).code is Reason.ENCRYPTED
    )


@pytest.mark.parametrize("document", [LAUGHING, EXTERNAL, OUTSIDE_DTD, LAUGHING.encode("utf-16")])
def test_xml_with_entities_or_a_dtd_is_refused(reader, document):
    assert refusal(reader, Kind.DOCX, made.docx_of(document)).code in (Reason.HOSTILE_XML, Reason.BROKEN)
    odt = made.zipped({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": document})
    assert refusal(reader, Kind.ODT, odt).code in (Reason.HOSTILE_XML, Reason.BROKEN)


@pytest.mark.parametrize("document", ["", "<w:document", "plain", "<a>" * 5000, b"\xff\xfe\x00"])
def test_a_docx_with_broken_xml_is_refused(reader, document):
    assert refusal(reader, Kind.DOCX, made.docx_of(document)).code is Reason.BROKEN


def test_a_docx_whose_parts_do_not_match_their_sums_is_refused(reader):
    data = bytearray(made.docx(paragraph("x" * 500)))
    at = data.find(b"word/document.xml") + len("word/document.xml") + 5
    data[at] ^= 0xFF
    assert refusal(reader, Kind.DOCX, bytes(data)).code is Reason.BROKEN


# Text


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_text_is_read_in_the_usual_encodings(reader, encoding):
    text = "Si\u00e2n paid \u00a35 \u2013 on time\nand again"
    assert reader.examine(Kind.TXT, text.encode(encoding)).pages == (text,)


def test_lines_of_ten_thousand_characters_stay_on_the_paper_and_whole(reader):
    text = "x" * 10_000 + "\n" + "word " * 2_000
    found = reader.examine(Kind.TXT, text.encode())
    assert found.page_count > 2
    assert "".join(found.pages).count("x") == 10_000
    assert " ".join(found.pages).count("word") == 2_000
    assert shown(reader, found)[0].startswith("xxxx")


def test_text_that_is_too_long_is_refused_with_a_sentence(reader):
    assert refusal(reader, Kind.TXT, b"a word\n" * 1_000_000).code is Reason.TOO_LARGE


def test_letters_the_typeface_lacks_are_shown_as_missing_and_found_all_the_same(reader):
    found = reader.examine(Kind.TXT, "\u0141ukasz \u0174yn \u4e2d\u6587 end".encode())
    assert found.pages == ("\u0141ukasz \u0174yn \u4e2d\u6587 end",)
    assert "\u25ca" in (found.note or "")
    assert "\u25ca\u25ca end" in shown(reader, found)[0]


def test_bidi_and_control_characters_are_left_out_of_the_text(reader):
    assert reader.examine(Kind.TXT, "a\u202eb\u200bc\x07d".encode()).pages == ("abcd",)


def test_the_same_file_gives_the_same_reading_copy(reader):
    data = made.docx(paragraph("same") + made.table(("a", "b", "c")))
    assert reader.examine(Kind.DOCX, data) == reader.examine(Kind.DOCX, data)


# E-mail


def mail(subject="Minutes for Thursday") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = (
        "Ann \u00d6vre <ann@a.invalid>",
        "bo@b.invalid",
        subject,
    )
    message.set_content("The body\nin two lines")
    return message


def test_an_email_is_read_with_headers_body_and_attachments(reader):
    message = mail()
    message.add_attachment(
        made.docx(paragraph("in the word file")), maintype="a", subtype="b", filename="a.docx"
    )
    message.add_attachment(made.pdf("in the pdf"), maintype="a", subtype="b", filename="../b.pdf")
    message.add_attachment(b"MZ", maintype="a", subtype="b", filename="c.exe")
    message.add_attachment(made.encrypted_pdf(), maintype="a", subtype="b", filename="d.pdf")
    text = "\n".join(reader.examine(Kind.EML, message.as_bytes()).pages)
    for expected in (
        "Minutes for Thursday", "From\tAnn \u00d6vre <ann@a.invalid>", "The body\nin two lines", "Attachment: a.docx",
        "in the word file", "in the pdf", "Not read: Files that end in .exe are not taken.", "protected with a password",
    ):  # fmt: skip
        assert expected in text


def test_an_email_of_html_alone_is_read_without_its_scripts(reader):
    message = EmailMessage()
    message["Subject"] = "html"
    message.set_content(
        "<html><style>p {}</style><body><p>Hello <b>there</b></p><script>alert(1)</script><ul><li>one<li>two</ul>"
        "<img src='http://a.invalid/pixel'></body></html>",
        subtype="html",
    )
    text = reader.examine(Kind.EML, message.as_bytes()).pages[0]
    assert "Hello there\none\ntwo" in text
    assert "alert" not in text


def nested(levels: int, *, as_file: bool) -> EmailMessage:
    """An e-mail in another, and so on, each with a PDF; `as_file`: attached as files that were saved before."""
    message = mail(f"level {levels}")
    message.set_content(f"words of level {levels}")
    message.add_attachment(made.pdf(f"pdf of level {levels}"), maintype="a", subtype="b", filename="a.pdf")
    for level in range(levels - 1, 0, -1):
        outer = mail(f"level {level}")
        outer.set_content(f"words of level {level}")
        if as_file:
            outer.add_attachment(message.as_bytes(), maintype="a", subtype="b", filename=f"{level}.eml")
        else:
            outer.add_attachment(message)
        message = outer
    return message


@pytest.mark.parametrize("as_file", [False, True])
def test_emails_within_emails_are_read_four_levels_deep(reader, as_file):
    found = reader.examine(Kind.EML, nested(4, as_file=as_file).as_bytes())
    text = "\n".join(found.pages)
    assert "words of level 4" in text
    assert "pdf of level 4" in text
    assert found.left_out == 0
    found = reader.examine(Kind.EML, nested(6, as_file=as_file).as_bytes())
    text = "\n".join(found.pages)
    assert "words of level 4" in text
    assert "words of level 5" not in text
    assert "Not read: It lies too deep" in text
    assert found.left_out == 1


def test_an_email_of_very_many_attachments_is_read_up_to_a_number(reader):
    message = mail()
    for number in range(205):
        message.add_attachment(b"words", maintype="a", subtype="b", filename=f"{number}.txt")
    found = reader.examine(Kind.EML, message.as_bytes())
    text = "\n".join(found.pages)
    assert "Attachment: 199.txt" in text
    assert "Attachment: 200.txt" not in text
    assert "Not read: More than 200 attachments" in text
    assert found.left_out == 1


def test_hostile_attachments_are_named_and_keep_nothing_else_from_being_read(reader):
    bomb = made.zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": " " * 5_000_000})
    hostile = {
        "bomb.docx": bomb,
        "laughs.docx": made.docx_of(LAUGHING),
        "external.docx": made.docx_of(EXTERNAL),
        "huge.png": made.png_claiming(32_000, 32_000),
        "cut.pdf": made.pdf("x")[:100],
        "cut.tif": picture("TIFF")[:2000],
    }
    message = mail()
    for name, data in hostile.items():
        message.add_attachment(data, maintype="a", subtype="b", filename=name)
    message.add_attachment(b"the last words", maintype="a", subtype="b", filename="last.txt")
    found = reader.examine(Kind.EML, message.as_bytes())
    text = "\n".join(found.pages)
    assert all(f"Attachment: {name}" in text for name in hostile)
    assert "the last words" in text
    assert "root:" not in text
    assert found.left_out == len(hostile)


def test_an_email_whose_plain_part_is_empty_is_read_from_its_html(reader):
    message = mail()
    message.set_content("  \n")
    message.add_alternative("<p>only here</p>", subtype="html")
    assert "only here" in reader.examine(Kind.EML, message.as_bytes()).pages[0]


def test_an_email_nested_without_end_gets_a_verdict(reader):
    data = b"Subject: x\nContent-Type: message/rfc822\n\n" * 3000 + b"end"
    assert refusal(reader, Kind.EML, data).code in (Reason.BROKEN, Reason.TIME)


def test_an_email_with_hostile_headers_is_read_all_the_same(reader):
    data = (
        b"Subject: =?no-such-charset?q?x?= =?utf-8?b?!!!?=\nFrom: <<<>>>,,;;:\nTo: " + b"a@b.invalid," * 5000
    )
    data += b"\nContent-Type: text/plain; charset=no-such\nContent-Disposition: ;;;\n\nthe words"
    assert "the words" in "\n".join(reader.examine(Kind.EML, data).pages)


# Pictures


def picture(picture_format: str, size=(400, 300), **extra) -> bytes:
    file = io.BytesIO()
    Image.effect_noise(size, 50).save(file, picture_format, **extra)
    return file.getvalue()


@pytest.mark.parametrize(("kind", "name"), [(Kind.PNG, "PNG"), (Kind.JPEG, "JPEG"), (Kind.TIFF, "TIFF")])
def test_a_picture_becomes_one_page(reader, kind, name):
    found = reader.examine(kind, picture(name))
    assert (found.pages, found.searchable, found.note) == (("",), False, "Not searchable: no text.")
    assert reader.examine(Kind.PDF, found.reading_copy).page_count == 1
    assert reader.examine(kind, picture(name)).pages == ("",)


def test_a_cut_picture_is_refused(reader):
    assert refusal(reader, Kind.PNG, picture("PNG")[:-3000]).code is Reason.BROKEN
    assert refusal(reader, Kind.JPEG, picture("JPEG")[:-3000]).code is Reason.BROKEN


def test_a_picture_that_claims_a_billion_pixels_is_refused(reader):
    refused = refusal(reader, Kind.PNG, made.png_claiming(32_000, 32_000))
    assert refused.code is Reason.TOO_LARGE
    assert "32,000 by 32,000" in refused.sentence


def test_a_picture_as_large_as_is_taken_fits_in_memory_and_time(reader):
    file = io.BytesIO()
    Image.new("RGBA", (8_000, 6_200), (200, 20, 20, 90)).save(file, "PNG", compress_level=1)
    assert reader.examine(Kind.PNG, file.getvalue()).page_count == 1


def test_a_picture_with_a_compressed_text_bomb_is_refused(reader):
    info = PngImagePlugin.PngInfo()
    info.add(b"zTXt", b"k\x00\x00" + zlib.compress(bytes(100_000_000)))
    assert refusal(reader, Kind.PNG, picture("PNG", pnginfo=info)).code is Reason.BROKEN


def test_a_tiff_shows_each_of_its_pages_and_too_many_are_refused(reader):
    file = io.BytesIO()
    small = Image.new("1", (30, 20))
    small.save(file, "TIFF", save_all=True, append_images=[small] * 2)
    found = reader.examine(Kind.TIFF, file.getvalue())
    assert (found.page_count, reader.examine(Kind.PDF, found.reading_copy).page_count) == (3, 3)
    small.save(file := io.BytesIO(), "TIFF", save_all=True, append_images=[small] * 200)
    assert refusal(reader, Kind.TIFF, file.getvalue()).code is Reason.TOO_LARGE


def test_a_picture_of_another_format_under_this_name_is_refused(reader):
    assert refusal(reader, Kind.PNG, picture("TIFF")).code is Reason.BROKEN


def test_base64_garbage_is_a_verdict_for_every_kind(reader):
    data = base64.b64encode(bytes(range(256)) * 40)
    for kind in (Kind.PDF, Kind.DOCX, Kind.ODT, Kind.PNG, Kind.JPEG, Kind.TIFF):
        assert refusal(reader, kind, data).code is Reason.BROKEN
