"""What is wrong with a file or a form is said in one sentence; nothing typed or sent is lost; nothing is a fault of ours."""

import io
import json
import re
from datetime import timedelta

import pikepdf
import pytest

from hub.documents import rules
from hub.errors import Closed
from hub.ids import new_id
from hub.statement.service import StatementService
from tests.documents.conftest import WORD, Desk, docx, pdf, zipped
from tests.world import csrf


def new(desk: Desk) -> str:
    return f"/cases/{desk.world.case}/documents/new"


def send(desk: Desk, data: bytes, name: str, who: str = "police", **more: object):
    client = desk.world.client(who)
    return desk.world.post(client, new(desk), desk.form(files=(io.BytesIO(data), name), **more))


def locked_pdf() -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf())) as document:
        document.save(out, encryption=pikepdf.Encryption(user="secret", owner="secret"))
    return out.getvalue()


REFUSED_AT_ONCE = {
    "empty": (b"", "empty.pdf", "This file is empty"),
    "unknown type": (b"MZ\x90\x00", "tool.exe", "Files that end in .exe are not taken"),
    "no extension": (b"words", "notes", "no ending"),
    "extension against content": (pdf(), "picture.png", "its content is a PDF"),
    "zip renamed docx": (zipped({"a.txt": b"words"}), "letter.docx", ""),
    "binary called text": (bytes(range(256)) * 8, "note.txt", "not text"),
}


def test_a_file_that_cannot_be_taken_is_refused_with_a_sentence_and_the_form_keeps_its_text(
    desk: Desk,
) -> None:
    for what, (data, name, sentence) in REFUSED_AT_ONCE.items():
        answer = send(desk, data, name, necessity="My long & careful reason")
        assert (what, answer.status_code) == (what, 400)
        assert sentence in answer.text
        assert name in answer.text
        assert "My long &amp; careful reason" in answer.text
    assert desk.service.staged(desk.world.actor("police"), desk.world.case) == []
    assert list(desk.world.hub.vaults.store.names()) == []


def test_one_bad_file_of_two_keeps_the_good_one_for_the_next_try(desk: Desk) -> None:
    world, client = desk.world, desk.world.client("police")
    files = [(io.BytesIO(pdf()), "good.pdf"), (io.BytesIO(b""), "empty.pdf")]
    answer = world.post(client, new(desk), desk.form(files=files))
    assert answer.status_code == 400
    (kept,) = desk.service.staged(world.actor("police"), world.case)
    assert kept.name == "good.pdf"
    assert kept.id in answer.text
    again = world.post(client, new(desk), desk.form(staged=kept.id))
    assert again.status_code == 303
    assert len(world.events("document.uploaded")) == 1


def test_leftovers_of_an_earlier_form_wait_unticked_and_make_nothing_unasked(desk: Desk) -> None:
    world, client = desk.world, desk.world.client("police")
    left = desk.stage(pdf("left from before"), "left.pdf")
    assert not ticked(client.get(new(desk)).text, left)
    files = [(io.BytesIO(pdf("of this form")), "now.pdf"), (io.BytesIO(b""), "empty.pdf")]
    answer = world.post(client, new(desk), desk.form(files=files))
    held = desk.service.staged(world.actor("police"), world.case)
    (now,) = [one.id for one in held if one.name == "now.pdf"]
    assert answer.status_code == 400
    assert (ticked(answer.text, now), ticked(answer.text, left)) == (True, False)
    assert "Received earlier, not used" in answer.text
    assert world.post(client, new(desk), desk.form(staged=now)).status_code == 303
    assert len(world.events("document.uploaded")) == 1


def ticked(page: str, staged: str) -> bool:
    (box,) = re.findall(rf'<input[^>]*name="staged"[^>]*value="{staged}"[^>]*>', page)
    return " checked" in box


def test_the_same_file_received_twice_is_pointed_out_once_and_not_to_others(desk: Desk) -> None:
    world, said = desk.world, "the same file was already received"
    data, path = pdf("twice"), f"/cases/{world.case}/documents/files"
    answers = [
        world.post(world.client(who), path, {"file": (io.BytesIO(data), "twice.pdf")}).get_json()["again"]
        for who in ("police", "police", "probation")
    ]
    assert answers == [False, True, False]
    assert world.client("police").get(new(desk)).text.count(said) == 1
    assert said not in world.client("probation").get(new(desk)).text


def test_a_file_over_the_limit_is_named_with_the_limit(desk: Desk) -> None:
    desk.service.max_upload = 1024 * 1024
    body = (
        b'--x\r\nContent-Disposition: form-data; name="necessity"\r\n\r\nTheir visits\r\n'
        b'--x\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n%s\r\n'
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="long.txt"\r\n\r\n%s\r\n--x--\r\n'
    )
    client = desk.world.client("police")
    body %= (csrf(client).encode(), b"words " * 200_000)
    answer = client.post(new(desk), data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400
    assert "“long.txt”: a file may have up to 1 MB." in answer.text
    assert "Their visits" in answer.text


def test_a_request_far_over_the_limit_is_413_and_names_the_limit(desk: Desk) -> None:
    client = desk.world.client("police")
    far = {
        "environ_overrides": {"CONTENT_LENGTH": str(10**10)},
        "content_type": "multipart/form-data; boundary=x",
    }
    answer = client.post(new(desk), data=b"--x", **far)
    assert answer.status_code == 413
    assert "a file may have up to 100 MB" in answer.text
    token = {"X-CSRF-Token": csrf(client)}
    told = client.post(new(desk).replace("/new", "/files"), data=b"--x", headers=token, **far)
    assert (told.status_code, "up to 100 MB" in told.json["error"]) == (413, True)


UNREADABLE = {
    "encrypted pdf": (locked_pdf(), "locked.pdf"),
    "broken pdf": (b"%PDF-1.7\n" + b"nothing that holds together " * 40, "broken.pdf"),
    "docx bomb": (docx(extra={"word/media/zeros.bin": bytes(300_000_000)}), "bomb.docx"),
    "xml entities": (
        zipped(
            {
                "[Content_Types].xml": b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
                "word/document.xml": b'<!DOCTYPE d [<!ENTITY a "aaaa">]><d>&a;</d>',
            }
        ),
        "entities.docx",
    ),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_file_that_cannot_be_read_is_refused_or_kept_with_a_clear_note(desk: Desk, what: str) -> None:
    data, name = UNREADABLE[what]
    answer = send(desk, data, name)
    if answer.status_code == 400:
        assert name in answer.text
        return
    assert answer.status_code == 303
    assert desk.service.prepare_waiting() == 1
    document = desk.world.events("document.uploaded")[-1].document_id
    page = desk.reader("police", document).get(f"/documents/{document}")
    assert page.status_code == 200
    assert "Not searchable: " in page.text
    assert "No page of this file can be shown." in page.text
    image = desk.world.client("police").get(f"/documents/{document}/versions/1/pages/1/image")
    assert image.status_code == 404


def test_an_unreadable_pdf_is_not_handed_out_unmarked(desk: Desk) -> None:
    document = desk.prepared(locked_pdf(), "locked.pdf")
    answer = desk.reader("police", document).get(f"/documents/{document}/versions/1/original")
    assert answer.status_code == 403
    assert "cannot be marked with your name" in answer.text
    ended = json.loads(desk.world.events("document.download_ended")[-1].leaf)["fields"]
    assert (ended["delivered"], ended["how"]) == (0, "failed")


HOSTILE = {
    "../../etc/passwd.txt": "passwd.txt",
    "C:\\Windows\\notes.txt": "notes.txt",
    "a\x00b\x7fc.txt": "abc.txt",
    "\u202etxt.exe\u202c.txt": "txt.exe.txt",
    "n" * 300 + ".txt": "n" * 146 + ".txt",
    "<img src=x onerror=alert(1)>.txt": "<img src=x onerror=alert(1)>.txt",
}


def test_a_hostile_file_name_is_cleaned_and_shown_as_text(desk: Desk) -> None:
    police, case = desk.world.actor("police"), desk.world.case
    for name, cleaned in HOSTILE.items():
        assert desk.service.receive(police, case, name, io.BytesIO(b"words")).name == cleaned
    page = desk.world.client("police").get(new(desk))
    assert page.status_code == 200
    assert "<img src=x" not in page.text


def test_a_hostile_title_is_text_on_every_page(desk: Desk) -> None:
    title = '"><img src=x onerror=alert(1)>\u202e'
    document = desk.prepared(pdf(), title=title)
    client = desk.reader("police", document)
    for path in ("", "/readers", "/edit", "/versions/new"):
        answer = client.get(f"/documents/{document}{path}")
        assert answer.status_code == 200
        assert "<img src=x" not in answer.text


def test_the_same_form_sent_twice_makes_one_document(desk: Desk) -> None:
    world, client = desk.world, desk.world.client("police")
    form = desk.form(staged=desk.stage(pdf()))
    first = world.post(client, new(desk), form)
    second = world.post(client, new(desk), form)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.location == second.location
    assert len(world.events("document.uploaded")) == 1


def test_files_sent_again_with_the_same_form_stay_received_and_make_nothing(desk: Desk) -> None:
    world, client, token = desk.world, desk.world.client("police"), new_id()
    for _ in range(2):
        form = desk.form(form_token=token, files=(io.BytesIO(pdf()), "twice.pdf"))
        assert world.post(client, new(desk), form).status_code == 303
    assert len(world.events("document.uploaded")) == 1


WRONG = [
    ("type", "", "Choose the type of document."),
    ("type", "poem", "Choose the type of document."),
    ("owner", "nobody", "Choose the agency that owns it."),
    ("dated-day", "31", ""),
    ("dated-year", "2031", "in the future"),
    ("necessity", "short", "Say in a sentence why"),
    ("necessity", "x" * 3000, "up to 2000 characters"),
    ("title", "t" * 300, "up to 200 characters"),
    ("form_code", "<script>", "A form code has up to 20"),
    ("audience_is", "chosen", "Choose at least one agency"),
    ("attested", "", "Confirm that it is marked OFFICIAL-SENSITIVE"),
    ("retention_class", "forever", "Choose how long it is kept."),
]


def test_each_wrong_answer_is_named_and_the_file_stays(desk: Desk) -> None:
    world, client = desk.world, desk.world.client("police")
    kept = desk.stage(pdf(), "kept.pdf")
    for field, value, sentence in WRONG:
        form = desk.form(staged=kept, **{field: value})
        if field == "dated-day":
            form["dated-month"] = "2"
        answer = world.post(client, new(desk), form)
        assert (field, answer.status_code) == (field, 400)
        assert sentence in answer.text
        assert "Error: " in answer.text
        assert kept in answer.text
    assert world.post(client, new(desk), desk.form(staged=kept)).status_code == 303


def test_a_form_without_a_file_says_so(desk: Desk) -> None:
    answer = desk.world.post(desk.world.client("police"), new(desk), desk.form())
    assert answer.status_code == 400
    assert "Choose a file to upload." in answer.text


def test_another_persons_received_file_is_not_taken(desk: Desk) -> None:
    staged = desk.stage(pdf(), who="police")
    answer = desk.world.post(desk.world.client("probation"), new(desk), desk.form(staged=staged))
    assert answer.status_code == 400
    path = f"/cases/{desk.world.case}/documents/files/{staged}/discard"
    assert desk.world.post(desk.world.client("probation"), path).status_code == 404
    assert desk.world.post(desk.world.client("police"), path).status_code == 303
    assert list(desk.world.hub.vaults.store.names()) == []


def test_a_closed_case_takes_nothing_and_says_so(desk: Desk) -> None:
    world = desk.world
    document = desk.prepared(pdf())
    staged = desk.stage(pdf(), "late.pdf")
    close_case(desk)
    with pytest.raises(Closed):
        desk.stage(pdf())
    client = world.client("police")
    for path in (new(desk), new(desk).replace("/new", "/files")):
        answer = world.post(client, path, desk.form(staged=staged, file=(io.BytesIO(pdf()), "x.pdf")))
        assert answer.status_code == 409
        assert "This case is closed" in answer.get_data(as_text=True)
    assert client.get(new(desk)).status_code == 409
    for what in ("withdraw", "restore"):
        assert world.post(client, f"/documents/{document}/{what}", {"seen": "1"}).status_code == 409
    assert desk.reader("police", document).get(f"/documents/{document}").status_code == 200


def close_case(desk: Desk) -> None:
    from hub.cases.model import Case

    with desk.world.hub.db.work() as work:
        work.session.get_one(Case, desk.world.case).state = "closed"
        work.commit()


NOTHING = [
    "/documents/short",
    "/documents/%2e%2e%2f",
    "/documents/AAAAAAAAAAAAAAAAAAAAAAAAAA",
    "/documents/{absent}",
    "/documents/{absent}/readers",
    "/documents/{absent}/edit",
    "/documents/{absent}/versions/1/original",
    "/documents/{absent}/versions/-1/original",
    "/documents/{absent}/versions/x/pages/1/image",
    "/documents/{document}/versions/1/pages/0/image",
    "/documents/{document}/versions/1/pages/99/image",
    "/documents/{document}/versions/99999999999999999999/pages/1/image",
    "/documents/{document}?page=99",
    "/documents/{document}?version=7",
    "/cases/{absent}/documents/new",
    "/cases/{case}/documents/receipts/{absent}",
]


def test_what_is_not_there_is_404_and_never_a_fault(desk: Desk) -> None:
    document = desk.prepared(pdf())
    client = desk.reader("police", document)
    for path in NOTHING:
        asked = path.format(absent=new_id(), document=document, case=desk.world.case)
        assert (path, client.get(asked).status_code) == (path, 404)


def test_a_query_that_means_nothing_shows_the_first_page(desk: Desk) -> None:
    document = desk.prepared(pdf())
    client = desk.reader("police", document)
    for query in ("?page=x", "?page=-1", "?page=0", "?version=x", "?page=9999999999", "?version="):
        assert (query, client.get(f"/documents/{document}{query}").status_code) == (query, 200)


def test_a_stale_token_keeps_text_and_files(desk: Desk) -> None:
    client = desk.world.client("police")
    form = desk.form(files=(io.BytesIO(pdf()), "kept.pdf"), csrf_token="stale")
    answer = client.post(new(desk), data=form)
    sent_again(desk, client, answer.location)


def test_an_ended_session_keeps_text_and_files(desk: Desk) -> None:
    world, client = desk.world, desk.world.client("police")
    world.clock.forward(hours=11)
    answer = world.post(client, new(desk), desk.form(files=(io.BytesIO(pdf()), "kept.pdf")))
    assert answer.status_code == 303
    assert "sign-in" in answer.location
    world.tokens.clear()
    (unsent,) = world.hub.people.unsent(world.actor("police"))
    sent_again(desk, world.client("police"), f"/unsent/{unsent}")


def test_a_new_statement_keeps_text_and_files(desk: Desk) -> None:
    world, client = desk.world, desk.world.client("police")
    coordinator, statement = world.actor("coordinator"), world.hub.statement
    assert isinstance(statement, StatementService)
    draft = statement.draft(coordinator)
    saved = statement.save(
        coordinator, confidentiality="New text.", equality="New text.", seen=draft.row_version
    )
    statement.publish(coordinator, reason="A test of a new version.", seen=saved.row_version)
    answer = world.post(client, new(desk), desk.form(files=(io.BytesIO(pdf()), "kept.pdf")))
    assert answer.status_code == 303
    police = world.actor("police")
    current = statement.current(police)
    from hub.statement.rules import PARTS

    statement.agree(police, version=current.id, parts=frozenset(PARTS))
    (unsent,) = world.hub.people.unsent(police)
    sent_again(desk, client, f"/unsent/{unsent}")


def sent_again(desk: Desk, client: object, path: str) -> None:
    """From the page of what was not sent, with everything in it."""
    world = desk.world
    unsent = path.rsplit("/", 1)[1]
    assert client.get(path).status_code == 200
    held = world.hub.people.unsent_form(world.actor("police"), unsent)
    assert dict(held.fields)["necessity"] == "The others plan the next visits with it."
    answer = world.post(client, held.path, {**dict(held.fields), "unsent": unsent})
    assert answer.status_code == 303
    assert "kept.pdf" in client.get(answer.location).text
    assert len(world.events("document.uploaded")) == 1


def test_a_person_without_the_case_leaves_no_file_behind_when_turned_away(desk: Desk) -> None:
    client = desk.world.client("outsider")
    client.post(new(desk), data=desk.form(files=(io.BytesIO(pdf()), "x.pdf"), csrf_token="stale"))
    assert list(desk.world.hub.vaults.store.names()) == []
    assert (
        desk.world.post(client, new(desk), desk.form(files=(io.BytesIO(pdf()), "x.pdf"))).status_code == 404
    )


def test_two_people_changing_one_document_both_keep_what_they_wrote(desk: Desk) -> None:
    world, document = desk.world, desk.prepared(pdf())
    path = f"/documents/{document}/edit"
    change = desk.form(seen="1")
    assert world.post(world.client("coordinator"), path, {**change, "title": "The first"}).status_code == 303
    answer = world.post(world.client("police"), path, {**change, "title": "The second"})
    assert answer.status_code == 409
    assert "Somebody else changed this document" in answer.text
    assert "The second" in answer.text
    assert (
        world.post(world.client("police"), path, {**change, "title": "The second", "seen": "2"}).status_code
        == 303
    )


def test_a_reason_outside_the_list_is_refused(desk: Desk) -> None:
    document = desk.prepared(pdf())
    client = desk.world.client("police")
    answer = desk.world.post(client, f"/documents/{document}/reason", {"reason": "curiosity"})
    assert answer.status_code == 400
    assert "Choose one of the reasons." in answer.text
    assert WORD not in client.get(f"/documents/{document}").text


def test_too_many_waiting_files_are_refused_with_a_sentence(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.documents.receive.MAX_STAGED", 1)
    desk.stage(pdf())
    answer = send(desk, pdf(), "more.pdf")
    assert answer.status_code == 400
    assert "files wait already" in answer.text


def test_a_script_is_told_in_json(desk: Desk) -> None:
    world, client = desk.world, desk.world.client("police")
    path = new(desk).replace("/new", "/files")
    good = world.post(client, path, {"file": (io.BytesIO(pdf()), "a.pdf")})
    assert (good.status_code, good.json["name"]) == (201, "a.pdf")
    gone = world.post(client, good.json["discard"], headers={"Accept": "application/json"})
    assert gone.json == {"discarded": good.json["id"]}
    assert desk.service.staged(world.actor("police"), world.case) == []
    bad = world.post(client, path, {"file": (io.BytesIO(b""), "a.pdf")})
    assert (bad.status_code, "is empty" in bad.json["error"]) == (400, True)
    assert world.post(client, path).status_code == 400


def test_rules_accept_what_the_form_offers(desk: Desk) -> None:
    possible = rules.Possible(
        owners=frozenset(desk.world.agencies.values()),
        audiences=frozenset(desk.world.agencies.values()),
        today=desk.details().dated + timedelta(days=1),
    )
    assert rules.faults(desk.details(), possible) == {}
