"""Text in pictures: what is recognised, page by page, and that its reader is held as every other."""

import errno
import io
import threading
import time
from email.message import EmailMessage

import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from hub.documents.reader import Kind, Limits, Reader, ReaderUnavailable, TooCostly
from hub.documents.reader.client import _Descriptor, _Task
from hub.documents.reader.scans import MOST, Scans
from tests.documents.reader import made, made_scans
from tests.documents.reader.conftest import HOSTILE_JOBS

WORDS = ("Zebrafinch met the panel on Thursday.", "The next visit is in December.")


def words(text: str) -> str:
    return " ".join(text.split())


# What needs no recogniser


def test_a_scan_is_counted_and_shown_where_nothing_recognises_it(reader):
    found = reader.examine(Kind.PDF, made_scans.pdf(made_scans.page("a"), made_scans.page("b")))
    assert (found.pages, found.searchable, found.unread) == (("", ""), False, 2)


def test_an_empty_page_and_a_page_of_text_are_no_scans(reader):
    assert reader.examine(Kind.PDF, made.pdf("", "a page of text")).unread == 0


def test_a_page_of_text_with_an_emblem_is_no_scan_and_a_stamped_picture_is(reader):
    assert reader.examine(Kind.PDF, stamped(share=0.1)).unread == 0
    assert reader.examine(Kind.PDF, stamped(share=1)).unread == 1


def stamped(share: float) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(595, 842))
    picture = ImageReader(made_scans.page(*WORDS))
    canvas.drawImage(picture, 0, 842 * (1 - share), 595 * share, 842 * share)
    canvas.drawString(500, 20, "Page 1")
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def test_time_and_number_are_shared_out_and_the_rest_is_counted():
    looked = []

    def look(picture):
        looked.append(picture)
        return "seen"

    scans = Scans(look, time.process_time() + 1000)
    assert [scans.text(lambda: Image.new("L", (1, 1))) for _ in range(MOST + 2)][-3:] == ["seen", "", ""]
    assert (len(looked), scans.unread) == (MOST, 2)
    late = Scans(look, time.process_time())
    assert (late.text(lambda: Image.new("L", (1, 1))), late.unread) == ("", 1)
    given_up = Scans(lambda _: None, time.process_time() + 1000)
    assert (given_up.text(lambda: Image.new("L", (1, 1))), given_up.unread) == ("", 1)


def test_words_broken_at_the_end_of_a_recognised_line_are_whole():
    scans = Scans(lambda _: "the assess-\nment of 2025-\n26 and Anne-\nMarie", time.process_time() + 1000)
    assert scans.text(lambda: Image.new("L", (1, 1))) == "the assessment of 2025-\n26 and Anne-\nMarie"


@pytest.mark.parametrize("languages", ["", "none_such"])
def test_without_a_recogniser_it_says_so_and_reads_on(languages):
    with Reader(languages=languages) as reader:
        assert reader.recogniser() == ""
        with pytest.raises(ReaderUnavailable):
            reader.recognise(Kind.PDF, made.pdf("x"), 1)
        assert reader._started == {}


# What needs one


def test_a_scan_is_read_page_by_page(seeing):
    data = made_scans.pdf(made_scans.page(*WORDS), made_scans.page("Second page of the scan, about apples."))
    found = seeing.recognise(Kind.PDF, data, 2)
    assert [words(page) for page in found.pages] == [
        " ".join(WORDS),
        "Second page of the scan, about apples.",
    ]
    assert (found.searchable, found.unread, found.note) == (True, 0, None)


def test_what_is_text_already_stays_and_a_stamp_stands_before_its_picture(seeing):
    found = seeing.recognise(Kind.PDF, stamped(share=1), 1)
    assert words(found.pages[0]).startswith(f"Page 1 {' '.join(WORDS)}")


def test_a_page_that_lies_on_its_side_is_read(seeing):
    lines = [f"Line {number}: {WORDS[number % 2]}" for number in range(8)]
    found = seeing.recognise(Kind.PDF, made_scans.pdf(made_scans.page(*lines, turned=90)), 1)
    assert WORDS[0] in words(found.pages[0])


def test_a_fax_of_two_pages_and_a_picture_are_read_and_shown(seeing):
    fax = seeing.recognise(
        Kind.TIFF, made_scans.tiff(made_scans.page(WORDS[0]), made_scans.page(WORDS[1])), 2
    )
    assert [words(page) for page in fax.pages] == list(WORDS)
    assert seeing.examine(Kind.PDF, fax.reading_copy).page_count == 2
    picture = seeing.recognise(Kind.PNG, made_scans.png(made_scans.page(*WORDS)), 1)
    assert words(picture.pages[0]) == " ".join(WORDS)


def test_a_picture_without_words_has_been_read(seeing):
    file = io.BytesIO()
    Image.effect_noise((500, 400), 90).save(file, "PNG")
    found = seeing.recognise(Kind.PNG, file.getvalue(), 1)
    assert (found.pages, found.searchable, found.unread) == (("",), False, 0)


def test_scans_attached_to_an_email_are_read_where_they_stand(seeing):
    message = EmailMessage()
    message["Subject"] = "Two scans"
    message.set_content("before")
    scan = made_scans.pdf(made_scans.page(WORDS[0]))
    message.add_attachment(scan, maintype="a", subtype="b", filename="a.pdf")
    message.add_attachment(
        made_scans.png(made_scans.page(WORDS[1])), maintype="a", subtype="b", filename="b.png"
    )
    assert seeing.examine(Kind.EML, message.as_bytes()).unread == 2
    found = seeing.recognise(Kind.EML, message.as_bytes(), 2)
    text = words("\n".join(found.pages))
    assert (
        text.index("before") < text.index(WORDS[0]) < text.index("Attachment: b.png") < text.index(WORDS[1])
    )
    assert found.unread == 0


@pytest.fixture(scope="module")
def taken_over(seeing):
    """The process that recognises, with jobs that misbehave."""
    with Reader(extra_jobs=HOSTILE_JOBS) as reader:
        assert reader.recogniser()
        yield reader


def told(reader, job, **arguments):
    limits = Limits(memory=128 * 1024 * 1024, cpu=1, wall=2.5)
    task = _Task(job=job, arguments=arguments, limits=limits, recognising=True)
    with _Descriptor.reading(b"input") as source:
        return reader._try(task, source.fd)[0]


@pytest.mark.parametrize("job", ["connect", "make_socket_pair", "run_program", "fork"])
def test_its_children_have_no_network_no_programs_and_no_processes(taken_over, job):
    assert told(taken_over, job) == {"error": "PermissionError", "errno": errno.EPERM}


def test_its_children_open_no_file_and_see_no_secret(taken_over, tmp_path):
    (tmp_path / "there").write_text("kept")
    assert told(taken_over, "read_file", path=str(tmp_path / "there"))["errno"] == errno.EPERM
    assert told(taken_over, "write_file", path=str(tmp_path / "new"))["errno"] == errno.EPERM
    assert "HUB_SECRET" not in told(taken_over, "environment")["environment"]


@pytest.mark.parametrize("job", ["spin", "allocate"])
def test_its_children_end_at_their_limits(taken_over, job):
    with pytest.raises(TooCostly):
        told(taken_over, job)


def test_what_is_being_recognised_can_be_interrupted(seeing):
    lines = ["word " * 12] * 30
    data = made_scans.pdf(*[made_scans.page(*lines)] * 30)
    ended = []

    def recognise():
        try:
            seeing.recognise(Kind.PDF, data, 30)
        except ReaderUnavailable as error:
            ended.append(error)

    work = threading.Thread(target=recognise)
    work.start()
    while work.is_alive():
        seeing.interrupt()
        work.join(0.05)
    assert len(ended) == 1
    assert seeing.recognise(Kind.PDF, made_scans.pdf(made_scans.page(*WORDS)), 1).searchable
