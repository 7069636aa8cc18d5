"""Page images and marked PDFs: the watermark is there, the text stays, nothing starts by itself."""

import io
import os

import pikepdf
import pytest
from PIL import Image, ImageChops

from hub.documents.reader import Kind, Reason, Refused
from tests.documents.reader import made
from tests.documents.reader.made import LINES

ACTIONS = (pikepdf.Name.JavaScript, pikepdf.Name.Launch, pikepdf.Name.SubmitForm, pikepdf.Name.GoTo)


def opened(rendered) -> Image.Image:
    image = Image.open(io.BytesIO(rendered.data))
    assert image.size == (rendered.width, rendered.height)
    assert image.get_format_mimetype() == rendered.media_type
    return image.convert("L")


def scanned(*, pages=1) -> bytes:
    file = io.BytesIO()
    sheets = [Image.effect_noise((1240, 1754), 80) for _ in range(pages)]
    sheets[0].save(file, "PDF", resolution=150, save_all=True, append_images=sheets[1:])
    return file.getvalue()


def test_a_page_is_as_wide_as_asked_and_as_high_as_its_paper(reader):
    plain = reader.render_page(made.pdf("x"), 1)
    assert (plain.media_type, plain.width, plain.height) == ("image/png", 1240, 1755)
    assert reader.render_page(made.pdf("x"), 1, width=620).width == 620


def test_a_scanned_page_comes_as_jpeg(reader):
    assert reader.render_page(scanned(), 1, watermark=LINES).media_type == "image/jpeg"


def test_the_watermark_reaches_every_part_of_the_page_and_the_text_stays(reader):
    data = made.pdf("the words of the page")
    plain, marked = opened(reader.render_page(data, 1)), opened(reader.render_page(data, 1, watermark=LINES))
    assert marked.height > plain.height
    page = marked.crop((0, 0, *plain.size))
    for across in range(4):
        for down in range(4):
            box = (across * 310, down * 438, across * 310 + 310, down * 438 + 438)
            assert ImageChops.difference(plain.crop(box), page.crop(box)).getbbox() is not None
    assert plain.getextrema()[0] < 20
    assert page.getextrema()[0] < 20
    ink = plain.point([255 if grey < 60 else 0 for grey in range(256)]).getbbox()
    assert page.crop((0, 0, 1240, 90)).getextrema()[0] > 180
    assert page.crop(ink).getextrema()[0] < 60


def test_the_strip_names_what_it_was_given(reader):
    data = made.pdf("x")
    one = reader.render_page(data, 1, watermark=LINES)
    other = reader.render_page(data, 1, watermark=(*LINES[:-1], "log entry 48214"))
    top = one.height - 70
    strips = [opened(image).crop((0, top, 1240, one.height)) for image in (one, other)]
    assert ImageChops.difference(*strips).getbbox() is not None


@pytest.mark.parametrize(
    "lines", [("only one",), ("a" * 400, "b" * 4000), ("", ""), ("\u4e2d\u6587 \u202e", "\x00")]
)
def test_any_watermark_lines_can_be_drawn(reader, lines):
    data = made.pdf("x")
    assert reader.render_page(data, 1, watermark=lines).width == 1240
    assert reader.watermark_pdf(data, lines).startswith(b"%PDF-")


@pytest.mark.parametrize("page", [0, -1, 2, 10**12])
def test_a_page_that_is_not_there_is_refused(reader, page):
    with pytest.raises(Refused) as refusal:
        reader.render_page(made.pdf("x"), page)
    assert refusal.value.code is Reason.NO_SUCH_PAGE


@pytest.mark.parametrize(
    "box", [(14_400, 14_400), (1e9, 1e9), (14_400, 1), (1, 14_400), (0.001, 0.001), (595, 1e30), (-595, -842)]
)
def test_a_page_of_absurd_size_gets_an_image_of_bounded_size(reader, box):
    rendered = reader.render_page(sized(box), 1, watermark=LINES)
    assert rendered.width <= 1240
    assert rendered.width * rendered.height < 13_000_000
    assert reader.watermark_pdf(sized(box), LINES).startswith(b"%PDF-")


def sized(box) -> bytes:
    file = io.BytesIO()
    with pikepdf.open(io.BytesIO(made.pdf("x"))) as document:
        text = " ".join(f"{side:f}" for side in (0, 0, *box))
        document.pages[0].obj["/MediaBox"] = pikepdf.Object.parse(f"[{text}]".encode())
        document.save(file)
    return file.getvalue()


def test_a_marked_pdf_keeps_its_text_and_says_who_has_it_on_each_page(reader):
    marked = reader.examine(Kind.PDF, reader.watermark_pdf(made.pdf("first", "second"), LINES))
    assert marked.page_count == 2
    for page, text in zip(marked.pages, ("first", "second"), strict=True):
        assert text in page
        for line in LINES:
            assert line in page


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_on_a_turned_page_the_strip_is_at_the_foot_as_it_is_read(reader, turned):
    file = io.BytesIO()
    with pikepdf.open(io.BytesIO(made.pdf("", size=(400, 800)))) as document:
        document.pages[0].obj["/Rotate"] = turned
        document.save(file)
    image = opened(reader.render_page(reader.watermark_pdf(file.getvalue(), LINES), 1))
    dark = image.point([255 if grey < 60 else 0 for grey in range(256)]).getbbox()
    assert dark is not None
    assert dark[1] > image.height * 0.9


def test_a_marked_pdf_starts_nothing_by_itself(reader):
    file = io.BytesIO()
    with pikepdf.open(io.BytesIO(made.pdf("x"))) as document:
        script = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))
        document.Root["/OpenAction"] = script
        document.Root["/AA"] = pikepdf.Dictionary(WC=script)
        document.Root["/Names"] = pikepdf.Dictionary(
            JavaScript=pikepdf.Dictionary(Names=pikepdf.Array(["a", script]))
        )
        document.pages[0].obj["/AA"] = pikepdf.Dictionary(O=script)
        links = [
            pikepdf.Dictionary(Subtype=pikepdf.Name.Link, A=pikepdf.Dictionary(S=kind)) for kind in ACTIONS
        ]
        document.pages[0].obj["/Annots"] = pikepdf.Array([*links, 5])
        document.save(file)
    with pikepdf.open(io.BytesIO(reader.watermark_pdf(file.getvalue(), LINES))) as marked:
        assert "/OpenAction" not in marked.Root
        assert "/AA" not in marked.Root
        assert "/AA" not in marked.pages[0].obj
        assert "/JavaScript" not in marked.Root.get("/Names", {})
        assert ["/A" in note for note in list(marked.pages[0].obj["/Annots"])[:4]] == [
            False,
            False,
            False,
            True,
        ]


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7\n", b"no pdf at all"])
def test_what_is_no_pdf_is_neither_rendered_nor_marked(reader, data):
    for job in (lambda: reader.render_page(data, 1), lambda: reader.watermark_pdf(data, LINES)):
        with pytest.raises(Refused) as refusal:
            job()
        assert refusal.value.code is Reason.BROKEN


def test_a_pdf_with_a_password_is_neither_rendered_nor_marked(reader):
    data = made.encrypted_pdf()
    for job in (lambda: reader.render_page(data, 1), lambda: reader.watermark_pdf(data, LINES)):
        with pytest.raises(Refused) as refusal:
            job()
        assert refusal.value.code is Reason.ENCRYPTED


def test_a_hundred_megabytes_are_marked_and_shown_within_the_limits(reader):
    data = heavy(100_000_000)
    marked = reader.watermark_pdf(data, LINES)
    assert len(marked) > 100_000_000
    assert reader.render_page(marked, 1).width == 1240


def heavy(size: int) -> bytes:
    file = io.BytesIO()
    with pikepdf.open(io.BytesIO(made.pdf("heavy"))) as document:
        document.pages[0].obj["/Attached"] = document.make_stream(os.urandom(size))
        document.save(file, compress_streams=False)
    return file.getvalue()
