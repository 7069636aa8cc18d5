"""Every document of the plan is built once, and opened with a parser of its kind."""

import email
import email.policy
import hashlib
import io
import os
import subprocess
import sys
import zipfile
from datetime import date

import pypdfium2
import pytest
from lxml import etree

from hub.demo.plan import DemoPlan, make_plan
from hub.documents.reader.kinds import HEAD_BYTES, clean_file_name, identify

TODAY = date(2026, 3, 18)
_DIGEST = (
    "import hashlib; from datetime import date; from hub.demo.plan import make_plan\n"
    "digest = hashlib.sha256()\n"
    "for document in make_plan('a fixed seed', date(2026, 3, 18)).documents[::10]: digest.update(document.build())\n"
    "print(digest.hexdigest())"
)


@pytest.fixture(scope="module")
def plan() -> DemoPlan:
    return make_plan("a fixed seed", TODAY)


@pytest.fixture(scope="module")
def built(plan) -> list[tuple]:
    return [(document, document.build()) for document in plan.documents]


def _surname(plan: DemoPlan, document) -> str:
    return next(case for case in plan.cases if case.key == document.case).nominal.name.rsplit(
        " ", maxsplit=1
    )[1]


def _of(built, *forms: str) -> list[tuple]:
    chosen = [(document, data) for document, data in built if document.form in forms]
    assert chosen
    return chosen


def test_the_same_bytes_come_again_in_another_process_time_zone_and_hash_seed(built):
    digest = hashlib.sha256()
    for _, data in built[::10]:
        digest.update(data)
    surroundings = {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "TZ": "Pacific/Auckland",
        "PYTHONHASHSEED": "7",
        "LC_ALL": "C",
    }
    other = subprocess.run(
        [sys.executable, "-c", _DIGEST], env=surroundings, capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == digest.hexdigest()


def test_no_two_documents_are_the_same_file(built):
    assert len({hashlib.sha256(data).digest() for _, data in built}) == 250


def test_written_pdfs_open_with_several_pages_that_name_the_nominal(plan, built):
    for document, data in _of(built, "pdf"):
        pdf = pypdfium2.PdfDocument(data)
        text = "".join(page.get_textpage().get_text_range() for page in pdf)
        assert 2 <= len(pdf) <= 12, document.key
        assert _surname(plan, document) in text.replace("\r\n", " ")
        assert "OFFICIAL-SENSITIVE" in text
        pdf.close()


def test_scanned_pdfs_open_as_pictures_without_text(built):
    for document, data in _of(built, "scan"):
        pdf = pypdfium2.PdfDocument(data)
        assert 2 <= len(pdf) <= 12, document.key
        assert "".join(page.get_textpage().get_text_range() for page in pdf) == ""
        assert all(any(True for _ in page.get_objects()) for page in pdf)
        pdf.close()


@pytest.mark.parametrize(("form", "part"), [("docx", "word/document.xml"), ("odt", "content.xml")])
def test_office_files_are_sound_archives_whose_every_part_is_xml(plan, built, form, part):
    for document, data in _of(built, form):
        archive = zipfile.ZipFile(io.BytesIO(data))
        assert archive.testzip() is None
        for name in archive.namelist():
            if name != "mimetype":
                etree.fromstring(archive.read(name))
        words = "".join(etree.fromstring(archive.read(part)).itertext())
        assert _surname(plan, document) in words
        assert len(words.split()) > 400


def test_an_odt_begins_with_its_type_uncompressed(built):
    for _, data in _of(built, "odt"):
        assert data[30:77] == b"mimetypeapplication/vnd.oasis.opendocument.text"


def test_e_mails_parse_without_a_defect(plan, built):
    for document, data in _of(built, "eml"):
        message = email.message_from_bytes(data, policy=email.policy.default)
        assert message.defects == []
        assert message["Date"].datetime.date() == document.dated
        assert message["From"].addresses[0].domain.endswith(".fenmarch.example")
        assert _surname(plan, document) in message.get_content()


def test_text_files_are_long_utf_8(plan, built):
    for document, data in _of(built, "txt"):
        assert _surname(plan, document) in data.decode()
        assert len(data.split()) > 350


def test_no_sentence_keeps_an_unfilled_brace(plan):
    for document in plan.documents:
        words = " ".join(p for section in document.text().sections for p in section.paragraphs)
        assert "{" not in words
        assert "}" not in words


def test_minutes_have_the_sections_that_may_not_be_empty(plan):
    minutes = [document.text() for document in plan.documents if document.type == "minutes"]
    for page in minutes:
        sections = {section.heading: section for section in page.sections}
        for heading in (
            "Confidentiality, equality and diversity",
            "Voice of the child",
            "Decisions and reasons",
        ):
            assert sections[heading].paragraphs
        assert len(sections["Attendance"].table) > 3
        assert len(sections["Actions"].table) > 3
    assert minutes


def test_plans_have_every_mandatory_section(plan):
    wanted = {
        "Supervision", "Monitoring and control", "Interventions and treatment", "Victim safety", "Contingency plans",
        "Licence conditions",
    }  # fmt: skip
    plans = [document.text() for document in plan.documents if document.type == "risk-management-plan"]
    assert all(wanted <= {section.heading for section in page.sections} for page in plans)
    assert len(plans) >= 40


def test_the_hub_s_own_door_takes_every_file_under_its_own_name(built):
    for document, data in built:
        kind = "pdf" if document.form == "scan" else document.form
        assert identify(document.file_name, data[:HEAD_BYTES], io.BytesIO(data)).value == kind
        assert clean_file_name(document.file_name) == document.file_name
