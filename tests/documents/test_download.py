"""Originals handed out: parts and wholes, HEAD, names, what ends a download, and never a byte before its entry."""

import json

import pytest

from hub.documents import deliver
from hub.documents.service import Wanted
from hub.errors import NotHere
from hub.people.model import SignedInSession
from storage.errors import Unavailable
from tests.documents.conftest import Desk, pdf

TEXT = b"".join(b"line %07d of an invented note\n" % number for number in range(60_000))


@pytest.fixture
def note(desk: Desk) -> str:
    document = desk.upload(TEXT, "note.txt").document
    desk.service.give_reason(desk.world.actor("probation"), document, "casework")
    return f"/documents/{document}/versions/1/original"


def fields(entry: object) -> dict:
    return json.loads(entry.leaf)["fields"]


def ends(desk: Desk) -> list[tuple[int, str]]:
    return [
        (fields(one)["delivered"], fields(one)["how"]) for one in desk.world.events("document.download_ended")
    ]


def test_a_whole_file_comes_as_it_was_sent_and_its_end_is_noted(desk: Desk, note: str) -> None:
    answer = desk.world.client("probation").get(note)
    assert answer.data == TEXT
    assert answer.headers["Content-Length"] == str(len(TEXT))
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert ends(desk) == [(len(TEXT), "complete")]


RANGES = [
    ("bytes=0-0", 0, 1),
    ("bytes=10-19", 10, 20),
    ("bytes=1048000-1049000", 1048000, 1049001),
    ("bytes=1000-", 1000, len(TEXT)),
    ("bytes=-100", len(TEXT) - 100, len(TEXT)),
    ("bytes=0-999999999999", 0, len(TEXT)),
]


def test_a_range_gives_exactly_its_bytes(desk: Desk, note: str) -> None:
    client = desk.world.client("probation")
    for header, first, stop in RANGES:
        answer = client.get(note, headers={"Range": header})
        assert (header, answer.status_code) == (header, 206)
        assert answer.data == TEXT[first:stop]
        assert answer.headers["Content-Range"] == f"bytes {first}-{stop - 1}/{len(TEXT)}"
        started = fields(desk.world.events("document.download_started")[-1])
        assert (started["first"], started["last"]) == (first, stop - 1)


def test_a_range_outside_the_file_is_416_without_a_byte(desk: Desk, note: str) -> None:
    client = desk.world.client("probation")
    for header in ("bytes=99999999-", "bytes=-0"):
        answer = client.get(note, headers={"Range": header})
        assert (header, answer.status_code, answer.data) == (header, 416, b"")
        assert answer.headers["Content-Range"] == f"bytes */{len(TEXT)}"
        assert fields(desk.world.events("document.download_started")[-1])["last"] == -1


@pytest.mark.parametrize(
    "header", ["bytes=5-2", "bytes=0-1,5-9", "lines=0-1", "bytes=a-b", "bytes=-", "bytes"]
)
def test_a_range_that_means_nothing_is_ignored(desk: Desk, note: str, header: str) -> None:
    answer = desk.world.client("probation").get(note, headers={"Range": header})
    assert (answer.status_code, len(answer.data)) == (200, len(TEXT))


def test_a_range_on_condition_is_ignored_since_there_is_nothing_to_compare(desk: Desk, note: str) -> None:
    headers = {"Range": "bytes=0-1", "If-Range": '"x"'}
    assert desk.world.client("probation").get(note, headers=headers).status_code == 200


def test_head_tells_the_size_and_is_recorded_as_asking_for_no_byte(desk: Desk, note: str) -> None:
    answer = desk.world.client("probation").head(note)
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(TEXT))
    assert fields(desk.world.events("document.download_started")[-1])["last"] == -1
    assert ends(desk) == []


def test_head_and_options_without_permission_tell_nothing(desk: Desk, note: str) -> None:
    for who, status in (("outsider", 404), ("governance", 404), (None, 303)):
        client = desk.world.client(who)
        assert client.head(note).status_code == status
        assert client.options(note).status_code in (status, 200)
        assert client.get(note).status_code == status
    assert desk.world.events("document.download_started") == []


def test_without_a_reason_the_question_comes_before_the_file(desk: Desk, note: str) -> None:
    answer = desk.world.client("police").get(note)
    assert answer.status_code == 303
    assert "/original" not in answer.location
    assert desk.world.events("document.download_started") == []


def test_a_pdf_leaves_with_the_readers_name_and_always_whole(desk: Desk) -> None:
    document = desk.prepared(pdf())
    client = desk.reader("probation", document)
    path = f"/documents/{document}/versions/1/original"
    answer = client.get(path, headers={"Range": "bytes=0-9"})
    assert answer.status_code == 200
    assert answer.data.startswith(b"%PDF-")
    assert answer.headers["Content-Length"] == str(len(answer.data))
    assert answer.headers["Accept-Ranges"] == "none"
    sequence = desk.world.events("document.download_started")[-1].sequence
    examined = desk.service._reader.examine("pdf", answer.data)
    text = " ".join(examined.pages)
    assert "Prue Bates-Fable" in text
    assert f"log entry {sequence}" in text
    head = client.head(path)
    assert (head.status_code, head.data) == (200, b"")
    assert "Content-Length" not in head.headers


def test_a_reader_who_goes_away_is_noted_with_what_they_got(desk: Desk, note: str) -> None:
    delivery = open_delivery(desk, note)
    first = next(delivery.body)
    delivery.body.close()
    delivery.body.close()
    assert ends(desk) == [(len(first), "cut by the reader")]


def test_a_reader_who_goes_away_before_the_first_byte_is_noted_too(desk: Desk, note: str) -> None:
    open_delivery(desk, note).body.close()
    assert ends(desk) == [(0, "cut by the reader")]


def open_delivery(desk: Desk, note: str, still: object = lambda: True):
    wanted = Wanted(document=note.split("/")[2], version=1)
    return desk.service.original(desk.world.actor("probation"), wanted, still)


def test_a_running_download_is_cut_when_the_person_is_excluded(
    desk: Desk, note: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "RECHECK_SECONDS", 0)
    delivery = open_delivery(desk, note)
    first = next(delivery.body)
    desk.world.exclude("probation")
    with pytest.raises(deliver.Cut):
        next(delivery.body)
    assert ends(desk) == [(len(first), "cut: no longer allowed")]


def test_a_running_download_is_cut_when_the_session_ends(
    desk: Desk, note: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "RECHECK_SECONDS", 0)
    world, answer = desk.world, None
    answer = world.client("probation").get(note, buffered=False)
    body = iter(answer.response)
    assert next(body)
    with world.hub.db.work() as work:
        work.session.get_one(SignedInSession, world.actor("probation").session).ended_at = world.clock()
        work.commit()
    with pytest.raises(deliver.Cut):
        next(body)
    answer.close()
    assert ends(desk)[-1][1] == "cut: no longer allowed"


def test_a_store_that_fails_is_noted_and_answered_with_503(
    desk: Desk, note: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> None:
        raise Unavailable("The store does not answer.")

    monkeypatch.setattr(desk.world.hub.vaults.store, "open", fail)
    assert desk.world.client("probation").get(note).status_code == 503
    assert ends(desk) == [(0, "failed")]


def test_a_file_name_survives_every_header(desk: Desk) -> None:
    document = desk.upload(b"words", 'Zoë "notes" 100%; übung.txt').document
    client = desk.reader("probation", document)
    disposition = client.get(f"/documents/{document}/versions/1/original").headers["Content-Disposition"]
    assert disposition.isascii()
    assert "filename*=UTF-8''Zo%C3%AB%20%22notes%22%20100%25%3B%20%C3%BCbung.txt" in disposition


def test_a_version_that_is_not_there_is_nothing(desk: Desk, note: str) -> None:
    wanted = Wanted(document=note.split("/")[2], version=2)
    with pytest.raises(NotHere):
        desk.service.original(desk.world.actor("probation"), wanted, lambda: True)
    assert desk.world.client("probation").get(note.replace("/1/", "/99999999999999/")).status_code == 404


def test_an_attendee_reads_pages_and_takes_no_file(desk: Desk, note: str) -> None:
    desk.world.join_team("attendee")
    assert desk.world.client("attendee").get(note).status_code == 404
