"""What an older or lesser reader could not read is taken up by a better one, once, and never becomes less."""

import threading

import pytest
from sqlalchemy import func, select

from hub import jobs
from hub.commands import documents as command
from hub.documents.model import DocumentVersion, StoredObject
from hub.documents.reader import VERSION, Examined, Kind, Reader, ReaderUnavailable, Reason, Refused
from hub.search.service import Request
from tests.documents.conftest import WORD, Desk, docx, pdf
from tests.documents.reader import made_scans

SEEN = "tesseract 9 eng"


class Better:
    """The shared reader on a machine where text in pictures is recognised, told what it sees."""

    def __init__(self, reader: Reader, sees: str | Exception = WORD, name: str = SEEN) -> None:
        self._reader, self.sees, self.name, self.asked = reader, sees, name, 0

    def examine(self, kind: Kind, document: int) -> Examined:
        return self._reader.examine(kind, document)

    def recogniser(self) -> str:
        return self.name

    def recognise(self, kind: Kind, document: int, pictures: int) -> Examined:
        self.asked += 1
        if isinstance(self.sees, Exception):
            raise self.sees
        plain = self._reader.examine(kind, document)
        pages = tuple(page or self.sees for page in plain.pages)
        return Examined(pages=pages, searchable=any(pages), reading_copy=plain.reading_copy)

    def interrupt(self) -> None:
        pass


def version(desk: Desk, document: str) -> DocumentVersion:
    with desk.world.hub.db.reading() as session:
        found = session.get_one(DocumentVersion, (document, 1))
        session.expunge(found)
        return found


def scan() -> bytes:
    return made_scans.pdf(made_scans.page("a picture"), made_scans.page("another"))


@pytest.fixture
def lesser(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk whose machine recognises nothing."""
    monkeypatch.setattr(desk.service, "_reader", Better(desk.service._reader, name=""))
    return desk


def install(desk: Desk, monkeypatch: pytest.MonkeyPatch, **better) -> Better:
    reader = desk.service._reader
    found = Better(reader._reader if isinstance(reader, Better) else reader, **better)
    monkeypatch.setattr(desk.service, "_reader", found)
    return found


def found_by_search(desk: Desk, word: str) -> list[str]:
    answer = desk.world.hub.search.search(desk.world.actor("police"), Request(text=word))
    return [one.document for one in answer.found]


def test_a_scan_says_that_it_has_no_text_until_something_recognises_it(lesser, monkeypatch):
    document = lesser.prepared(scan())
    row = version(lesser, document)
    assert (row.text_state, row.note) == ("no text", "Not searchable: no text could be found in it.")
    assert (row.reader, row.recogniser, row.unread, row.pages) == (VERSION, None, 2, 2)
    assert lesser.service.rereadable() == []
    install(lesser, monkeypatch)
    assert lesser.service.rereadable() == [(document, 1)]
    assert lesser.service.reread(document, 1) == "ready"
    row = version(lesser, document)
    assert (row.text_state, row.note, row.unread, row.recogniser, row.tried_at) == (
        "ready",
        None,
        0,
        SEEN,
        None,
    )
    assert lesser.service.rereadable() == []
    assert WORD in lesser.reader("police", document).get(f"/documents/{document}?page=2").text
    assert found_by_search(lesser, WORD) == [document]


def test_a_scan_can_be_read_at_once_and_its_words_come_later(desk, monkeypatch):
    install(desk, monkeypatch)
    woken = []
    monkeypatch.setattr(desk.service, "announce_scan", lambda: woken.append(True))
    document = desk.prepared(scan())
    row = version(desk, document)
    assert row.pages == 2
    assert row.note == "Not searchable yet: its pages are pictures, and their words are being made out."
    assert woken == [True]
    assert desk.service.rereadable() == [(document, 1)]


def test_another_recogniser_tries_again_what_the_last_one_missed_and_only_that(desk, monkeypatch):
    first = install(desk, monkeypatch, sees=Refused(Reason.TIME, "It takes too long."))
    document, whole = desk.prepared(scan()), desk.prepared(pdf())
    assert desk.service.reread(document, 1) == "no text"
    row = version(desk, document)
    assert (row.recogniser, row.unread, row.note) == (
        SEEN,
        2,
        "Not searchable: no text could be found in it.",
    )
    assert (desk.service.rereadable(), first.asked) == ([], 1)
    install(desk, monkeypatch, name="tesseract 10 eng")
    assert desk.service.rereadable() == [(document, 1)]
    assert version(desk, whole).unread == 0


@pytest.mark.parametrize("reader", [None, VERSION - 1])
def test_what_an_older_reader_could_not_read_is_taken_up(desk, monkeypatch, reader):
    document, whole = desk.prepared(docx(), "report.docx"), desk.prepared(pdf())
    with desk.world.hub.db.work() as work:
        for one in (document, whole):
            work.session.get_one(DocumentVersion, (one, 1)).reader = reader
        row = work.session.get_one(DocumentVersion, (document, 1))
        row.text_state, row.note, row.unread = "failed", "Not searchable: it was too hard.", None
        work.commit()
    assert desk.service.rereadable() == [(document, 1)]
    assert desk.service.reread(document, 1) == "ready"
    assert (version(desk, document).note, version(desk, document).reader) == (None, VERSION)
    assert desk.service.rereadable() == []


def test_what_was_had_before_is_never_lost_to_a_reader_that_refuses(lesser, monkeypatch):
    document = lesser.prepared(scan())
    before = version(lesser, document)
    better = install(lesser, monkeypatch)

    def refuse(*_arguments):
        raise Refused(Reason.BROKEN, "This file is damaged.")

    monkeypatch.setattr(better, "examine", refuse)
    assert lesser.service.reread(document, 1) == "no text"
    after = version(lesser, document)
    assert (after.text_id, after.pages, after.note) == (before.text_id, 2, before.note)


def test_what_it_replaces_is_left_to_the_sweep_and_the_rest_is_named_by_rows(lesser, monkeypatch):
    document = lesser.prepared(made_scans.png(made_scans.page("a")), "picture.png")
    install(lesser, monkeypatch)
    lesser.service.reread(document, 1)
    with lesser.world.hub.db.reading() as session:
        assert session.scalar(select(func.count()).select_from(StoredObject)) == 3
    since: dict = {}
    lesser.service.discard_orphans(since)
    lesser.world.clock.forward(minutes=61)
    assert lesser.service.discard_orphans(since) == 2
    assert len(list(lesser.world.hub.vaults.store.names())) == 3


def test_two_processes_do_not_read_one_scan_and_a_crash_leaves_it_to_the_next(lesser, monkeypatch):
    document = lesser.prepared(scan())
    better = install(lesser, monkeypatch)
    recognise, other = better.recognise, []

    def meanwhile(*arguments):
        other.append((lesser.service.rereadable(), lesser.service.reread(document, 1)))
        return recognise(*arguments)

    monkeypatch.setattr(better, "recognise", meanwhile)
    assert lesser.service.reread(document, 1) == "ready"
    assert other == [([], None)]


def test_an_error_leaves_it_for_a_while_and_an_interruption_does_not(lesser, monkeypatch):
    document = lesser.prepared(scan())
    better = install(lesser, monkeypatch, sees=RuntimeError("in the middle"))
    with pytest.raises(RuntimeError):
        lesser.service.reread(document, 1)
    assert lesser.service.rereadable() == []
    lesser.world.clock.forward(minutes=46)
    better.sees = ReaderUnavailable("Not now.")
    with pytest.raises(ReaderUnavailable):
        lesser.service.reread(document, 1)
    assert lesser.service.rereadable() == [(document, 1)]
    assert version(lesser, document).text_state == "no text"


def test_details_changed_meanwhile_are_indexed_with_the_words_that_were_recognised(lesser, monkeypatch):
    document = lesser.prepared(scan())
    better = install(lesser, monkeypatch)
    recognise = better.recognise

    def meanwhile(*arguments):
        with lesser.world.hub.db.work() as work:
            work.session.get_one(DocumentVersion, (document, 1)).text_state = "waiting"
            work.commit()
        return recognise(*arguments)

    monkeypatch.setattr(better, "recognise", meanwhile)
    lesser.service.reread(document, 1)
    assert version(lesser, document).text_state == "waiting"
    assert lesser.service.prepare(document, 1) == "ready"
    assert found_by_search(lesser, WORD) == [document]


def test_a_failed_commit_changes_nothing(lesser, monkeypatch):
    document = lesser.prepared(scan())
    install(lesser, monkeypatch)
    before = sorted(lesser.world.hub.vaults.store.names())

    def fail(*_arguments):
        raise RuntimeError("in the middle")

    monkeypatch.setattr(lesser.service._search, "index", fail)
    with pytest.raises(RuntimeError):
        lesser.service.reread(document, 1)
    assert version(lesser, document).text_state == "no text"
    assert sorted(lesser.world.hub.vaults.store.names()) == before


def test_the_background_reads_scans_while_no_other_process_does(lesser, monkeypatch):
    document = lesser.prepared(scan())
    install(lesser, monkeypatch)
    one = jobs.Rereader(lesser.world.config.home, lesser.service)
    other = jobs.Rereader(lesser.world.config.home, lesser.service)
    told, rereadable = [], lesser.service.rereadable

    def meanwhile():
        told.append(other.run_once()) if not told else None
        return rereadable()

    monkeypatch.setattr(lesser.service, "rereadable", meanwhile)
    assert one.run_once()
    assert told == [False]
    assert version(lesser, document).text_state == "ready"
    thread = threading.Thread(target=one.run)
    thread.start()
    one.stop()
    thread.join(60)
    assert not thread.is_alive()


def test_the_command_takes_up_one_case_and_says_what_came_of_it(lesser, monkeypatch, capsys):
    document = lesser.prepared(scan())
    install(lesser, monkeypatch)
    monkeypatch.setattr(command, "services", lambda: lesser.world.hub)
    monkeypatch.setattr(lesser.service, "close", lambda: None)
    assert command.documents(["reread", "--case", "NO-SUCH"]) == 0
    assert "Nothing is left" in capsys.readouterr().out
    assert command.documents(["reread", "--case", lesser.world.case]) == 0
    assert f"{document} version 1: can be searched\nRead again: 1 can be searched." in capsys.readouterr().out
    assert len(lesser.world.events("service.command_run")) == 2


def test_the_coordinator_has_a_list_of_what_search_misses(lesser):
    document, whole = lesser.prepared(scan()), lesser.prepared(pdf())
    lesser.prepared(b"%PDF-1.7 cut short", "cut.pdf")
    page = lesser.world.client("coordinator").get("/documents/unread")
    assert page.status_code == 200
    assert "no text could be found in it" in page.text
    assert "Not searchable: this PDF is damaged" in page.text
    assert f"/documents/{document}" in page.text
    assert f"/documents/{whole}" not in page.text
    assert "Search misses 2 documents of your cases" in lesser.world.client("coordinator").get("/").text
    assert lesser.world.client("police").get("/documents/unread").status_code == 404
    assert len(lesser.world.events("case.listed")) >= 1


def test_the_status_page_says_whether_scans_are_read(lesser, monkeypatch):
    monkeypatch.setattr(lesser.service._reader, "guards", lambda: (), raising=False)
    page = lesser.world.client("administrator").get("/status").text
    assert "Not recognised: Tesseract is not installed" in page
    install(lesser, monkeypatch)
    monkeypatch.setattr(lesser.service._reader, "guards", lambda: (), raising=False)
    assert f"Recognised by {SEEN}" in lesser.world.client("administrator").get("/status").text
