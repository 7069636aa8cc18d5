"""The certificate: what it says, that it is the same each time, and that a screen reader can read it."""

import io
import json
import re

import pikepdf
import pypdfium2
import pytest

from hub.disposal.certificate import Certificate, made_of
from hub.disposal.certificate_pdf import pdf_of
from hub.disposal.model import Disposal
from hub.errors import NotHere, Refused
from tests.disposal.conftest import NAME, WHY, WORD


def squeezed(text):
    """Without spaces, nor what stands at the head and foot of each page."""
    return re.sub(r"OFFICIAL-SENSITIVE(Page\d+)?", "", re.sub(r"\s+", "", text))


@pytest.fixture
def certificate(registry):
    registry.ready()
    return registry.shred()


def words(data):
    document = pypdfium2.PdfDocument(data)
    return " ".join(" ".join(page.get_textpage().get_text_bounded() for page in document).split())


def test_it_says_who_asked_who_approved_what_went_and_where_that_is_proved(world, certificate):
    text = certificate.text
    for said in (
        "FEN-2026-0001", world.case, "A retention review decided not to keep it any longer", "Cora Dinsdale-Fable", "Ingrid Gove-Fable",
        "Documents: 2", "Files received that were part of no document: 1", "Unsent forms that spoke of the case: 1",
        "extracted text: 2", "knows of no backup", "Asked for in entry: ", "Approved in entry: ", "Keys destroyed in entry: ",
        "under the area's key", "OFFICIAL-SENSITIVE",
    ):  # fmt: skip
        assert said in " ".join(text.split()), said
    (shredded,) = world.events("case.shredded")
    assert f"Keys destroyed in entry: {shredded.sequence}" in text
    assert json.loads(shredded.leaf)["fields"]["key"] in text


def test_it_names_neither_the_nominal_nor_why_in_anybodys_words(certificate):
    for word in (NAME, "Nobby", WHY, WORD):
        assert word not in certificate.text
        assert word not in words(certificate.pdf)


def test_the_pdf_says_what_the_text_says(certificate):
    """Each sentence whole and in order; what breaks over lines or pages is read on past the running head and foot."""
    told, at = squeezed(words(certificate.pdf)), 0
    for block in certificate.blocks:
        said = squeezed(f"{block.label}: {block.text}" if block.label else block.text)
        found = told.find(said, at)
        assert found >= at, block
        at = found + len(said)
    assert squeezed(certificate.data["found"]["keys"]["key_wrapped"]) in told


def test_it_is_made_again_byte_for_byte(world, certificate):
    again = Certificate(data=json.loads(json.dumps(certificate.data)))
    assert again.pdf == certificate.pdf
    with world.hub.db.reading() as session:
        row = session.get_one(Disposal, world.case)
        assert made_of(row).sha256 == row.sha256
        assert made_of(row).text_sha256 == row.text_sha256


def test_the_pdf_is_tagged_titled_and_has_its_fonts_in_it(certificate):
    with pikepdf.open(io.BytesIO(certificate.pdf)) as pdf:
        assert bool(pdf.Root.MarkInfo.Marked)
        assert str(pdf.Root.Lang) == "en-GB"
        assert bool(pdf.Root.ViewerPreferences.DisplayDocTitle)
        assert str(pdf.docinfo["/Title"]) == "Disposal certificate"
        (document,) = pdf.Root.StructTreeRoot.K
        tags = [str(element.S) for element in document.K]
        assert tags[0] == "/H1"
        assert tags.count("/H2") == 6
        assert set(tags) == {"/H1", "/H2", "/P"}
        for page in pdf.pages:
            for font in page.Resources.Font.values():
                if "/FontDescriptor" in font:
                    assert "/FontFile2" in font.FontDescriptor
        marked = b"".join(page.Contents.read_bytes() for page in pdf.pages).count(b"BDC")
        assert marked == len(tags)


def test_a_long_certificate_goes_over_pages_and_stays_tagged():
    long = [("pair", f"Backup {number}", "folder:/srv/backups/" + "x" * 300) for number in range(60)]
    with pikepdf.open(io.BytesIO(pdf_of("Long", "OFFICIAL-SENSITIVE", long))) as pdf:
        assert len(pdf.pages) > 2
        elements = pdf.Root.StructTreeRoot.K[0].K
        assert {
            int(element.K) for element in elements if element.Pg.objgen == pdf.pages[1].obj.objgen
        } == set(range(sum(element.Pg.objgen == pdf.pages[1].obj.objgen for element in elements)))


def test_information_governance_downloads_it_and_that_is_logged(world, certificate):
    who = world.actor("governance")
    name, data = world.hub.disposal.certificate(who, world.case, "pdf")
    assert (name, data) == ("disposal-FEN-2026-0001", certificate.pdf)
    assert world.hub.disposal.certificate(who, world.case, "text")[1].decode() == certificate.text
    read = [json.loads(entry.leaf)["fields"] for entry in world.events("disposal.certificate_read")]
    assert [(one["form"], one["sha256"]) for one in read] == [
        ("pdf", certificate.sha256), ("text", certificate.text_sha256),
    ]  # fmt: skip


def test_one_that_is_drawn_otherwise_than_it_was_is_not_passed_off_as_the_same(world, certificate):
    with world.hub.db.work() as work:
        work.session.get_one(Disposal, world.case).sha256 = "0" * 64
        work.commit()
    who = world.actor("governance")
    with pytest.raises(Refused, match="other form"):
        world.hub.disposal.certificate(who, world.case, "pdf")
    assert world.hub.disposal.certificate(who, world.case, "text")[1].decode() == certificate.text


def test_there_is_none_before_it_is_complete(world, registry):
    registry.ready()
    with pytest.raises(NotHere):
        world.hub.disposal.certificate(world.actor("governance"), world.case, "pdf")
