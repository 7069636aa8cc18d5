"""What search misses of a document is said on it, page by page, and stands in its coordinator's list."""

import io

import pytest
from pypdfium2 import PdfDocument

from hub.documents.rules import Had, search_note
from hub.search import length
from tests.documents.conftest import WORD, docx, pdf
from tests.documents.reader import made_scans
from tests.documents.test_rereading import Better, found_by_search, install, version

LIST = "/documents/unread"


@pytest.fixture
def unaided(desk, monkeypatch):
    """A desk whose machine recognises nothing."""
    monkeypatch.setattr(desk.service, "_reader", Better(desk.service._reader, name=""))
    return desk


def together(*files):
    """One PDF of the pages of several."""
    made = PdfDocument.new()
    for data in files:
        with PdfDocument(data) as part:
            made.import_pages(part)
    file = io.BytesIO()
    made.save(file)
    made.close()
    return file.getvalue()


def listed(desk):
    return desk.world.client("coordinator").get(LIST).text


@pytest.mark.parametrize(
    ("had", "said"),
    [
        ({}, None),
        ({"unread": 1, "pages": 5, "without": (3,)}, "page 3 of 5 has no text"),
        ({"unread": 2, "pages": 5, "without": (3, 5)}, "pages 3 and 5 of 5 have no text"),
        ({"unread": 7, "pages": 9, "without": (1, 2, 3, 4, 5, 6, 7)}, "pages 1, 2, 3, 4, 5 and 2 more of 9 have no text"),
        ({"unread": 2, "pages": 5}, "no text could be had of 2 scanned pages or pictures"),
        ({"unread": 1, "pages": 5, "without": (3,), "pending": True}, "the words of page 3 of 5 are still being made out"),
        ({"first_words": 400_000}, "only its first 400,000 words are found"),
        (
            {"unread": 1, "pages": 5, "without": (3,), "first_words": 400_000},
            "page 3 of 5 has no text, and only its first 400,000 words are found",
        ),
    ],
)  # fmt: skip
def test_the_sentence_says_what_is_missed(had, said):
    assert search_note(Had(searchable=True, **had)) == (said and f"Searchable in part: {said}.")


def test_a_page_without_text_is_named_and_listed(unaided, monkeypatch):
    scanned = made_scans.pdf(made_scans.page("a picture"))
    document = unaided.prepared(together(pdf(f"{WORD} one", "two"), scanned, pdf("four", "five")))
    row = version(unaided, document)
    assert (row.text_state, row.unread, row.note) == (
        "ready",
        1,
        "Searchable in part: page 3 of 5 has no text.",
    )
    assert "page 3 of 5 has no text" in listed(unaided)
    assert "page 3 of 5 has no text" in unaided.reader("police", document).get(f"/documents/{document}").text
    install(unaided, monkeypatch)
    assert unaided.service.reread(document, 1) == "ready"
    assert document not in listed(unaided)


def test_beside_an_empty_page_which_ones_is_not_guessed(unaided):
    scanned = made_scans.pdf(made_scans.page("a picture"))
    document = unaided.prepared(together(pdf(WORD, " "), scanned))
    assert version(unaided, document).note == (
        "Searchable in part: no text could be had of 1 scanned page or picture."
    )


def test_a_reason_goes_on_from_our_sentence_in_small_letters(unaided):
    document = unaided.upload(pdf(), "damaged.pdf").document
    original = unaided.service._reader.examine

    def refuse(kind, file):
        from hub.documents.reader import Reason, Refused

        original(kind, file)
        raise Refused(Reason.BROKEN, "This PDF is damaged.")

    unaided.service._reader.examine = refuse
    unaided.service.prepare(document, 1)
    assert version(unaided, document).note == "Not searchable: this PDF is damaged."
    assert "Not searchable: this PDF is damaged." in listed(unaided)


def test_words_beyond_the_limit_are_not_found_and_it_says_so(unaided, monkeypatch):
    monkeypatch.setattr(length, "MOST_WORDS", 6)
    document = unaided.prepared(pdf("one two three four", f"five {WORD} beyondword", "lastword"))
    row = version(unaided, document)
    assert (row.unread, row.note) == (1, "Searchable in part: only its first 6 words are found.")
    assert "only its first 6 words are found" in listed(unaided)
    for word, found in ((WORD, [document]), ("beyondword", []), ("lastword", [])):
        assert found_by_search(unaided, word) == found
        unaided.world.hub.search.rebuild(unaided.world.case)
        assert found_by_search(unaided, word) == found, "made anew it is the same"
    whole = unaided.prepared(pdf("one two three four", "five six"))
    assert (version(unaided, whole).note, version(unaided, whole).unread) == (None, 0)


@pytest.mark.parametrize(
    ("pages", "kept"),
    [
        (("a b c", "d e f"), ("a b c", "d e f")),
        (("a b c d", "e f g"), ("a b c d", "e f")),
        (("a-b.c/d e", "f g", "h"), ("a-b.c/d e", "f", "")),
        (("a b c d e f g", "h"), ("a b c d e f", "")),
        (("a b c d e f  ...", "  "), ("a b c d e f  ...", "  ")),
    ],
)
def test_as_many_pages_stay_and_the_first_words_of_them(monkeypatch, pages, kept):
    monkeypatch.setattr(length, "MOST_WORDS", 6)
    assert length.bounded(pages) == kept
    assert length.is_whole(kept)
    assert length.is_whole(pages) == (pages == kept)


def test_what_only_words_are_beyond_is_read_again_once_by_a_better_reader(unaided, monkeypatch):
    """Or the thread that reads scans would never come to an end with it."""
    monkeypatch.setattr(length, "MOST_WORDS", 3)
    document = unaided.prepared(docx(f"{WORD} two three four five"), "report.docx")
    install(unaided, monkeypatch)
    assert unaided.service.rereadable() == [(document, 1)]
    assert unaided.service.reread(document, 1) == "ready"
    assert unaided.service.rereadable() == []
