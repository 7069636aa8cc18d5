"""The statement: drafted by two at once, published with a reason, agreed part by part, kept for ever."""

import hashlib
import threading

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from hub.errors import Conflict, Invalid, NotHere
from hub.statement.model import Acceptance, StatementVersion
from hub.statement.rules import PARTS, Part, statement_hash, tidy

EDITED = {"confidentiality": "New words on confidence.", "equality": "New words on equality."}


def publish(world, who="coordinator", reason="The law has changed."):
    statement, editor = world.hub.statement, world.actor(who)
    draft = statement.save(editor, **EDITED, seen=statement.draft(editor).row_version)
    return statement.publish(editor, reason=reason, seen=draft.row_version)


def test_the_hash_is_as_documented():
    by_hand = b"statement 3\n" + b"3\n" + "aé".encode() + b"1\n" + b"b"
    assert statement_hash(3, "aé", "b") == hashlib.sha256(by_hand).hexdigest()
    assert statement_hash(1, "ab", "c") != statement_hash(1, "a", "bc")
    assert statement_hash(1, "a", "b") != statement_hash(2, "a", "b")


def test_a_browsers_line_ends_do_not_change_the_hash():
    assert tidy("  a \r\nb\rc\n\n") == "a\nb\nc"


def test_draft_preview_and_publish_through_the_browser(world):
    client = world.client("coordinator")
    assert client.get("/statement/edit").status_code == 200
    saved = world.post(client, "/statement/edit", EDITED | {"seen": "0"})
    assert (saved.status_code, saved.location) == (303, "/statement/preview")
    assert b"New words on confidence." in client.get("/statement/preview").data
    assert b"New words" not in client.get("/statement/").data, "a draft is not in force"
    assert world.post(client, "/statement/publish", {"seen": "1", "reason": ""}).status_code == 400
    assert world.post(client, "/statement/publish", {"seen": "1", "reason": "short"}).status_code == 400
    done = world.post(client, "/statement/publish", {"seen": "1", "reason": "The law has changed."})
    assert done.status_code == 303
    page = client.get("/statement/agree").get_data(as_text=True)
    assert "New words on confidence." in page
    assert statement_hash(2, *EDITED.values()) in page
    assert [entry.event for entry in world.events()][-2:] == ["statement.drafted", "statement.published"]


def test_what_is_written_is_shown_as_words_never_as_markup(world):
    client = world.client("coordinator")
    hostile = "<script>alert(1)</script>\n\n* <img src=x onerror=alert(1)>"
    world.post(client, "/statement/edit", EDITED | {"equality": hostile, "seen": "0"})
    page = client.get("/statement/preview").get_data(as_text=True)
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;" in page


def test_of_two_who_edit_one_draft_the_second_is_told_and_keeps_the_words(world):
    first, second = world.client("coordinator"), world.client("other coordinator")
    assert world.post(first, "/statement/edit", EDITED | {"seen": "0"}).status_code == 303
    answer = world.post(
        second, "/statement/edit", {"confidentiality": "Mine.", "equality": "Mine too.", "seen": "0"}
    )
    assert answer.status_code == 409
    page = answer.get_data(as_text=True)
    assert "Mine too." in page
    assert "Somebody else saved this draft" in page
    with pytest.raises(Conflict):
        world.hub.statement.publish(world.actor("other coordinator"), reason="The law has changed.", seen=7)


def at_once(*calls):
    gate, ends = threading.Barrier(len(calls)), []

    def run(call):
        gate.wait()
        try:
            call()
            ends.append("done")
        except Exception as error:  # noqa: BLE001 - told by the caller's assertion
            ends.append(type(error).__name__)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(ends)


def test_two_first_drafts_at_once_make_one(world):
    editors = [world.actor("coordinator"), world.actor("other coordinator")]
    ends = at_once(
        *(lambda editor=editor: world.hub.statement.save(editor, **EDITED, seen=0) for editor in editors)
    )
    assert ends == ["Conflict", "done"]
    with world.hub.db.reading() as session:
        drafts = select(func.count()).where(StatementVersion.number.is_(None))
        assert session.scalar(drafts) == 1


def test_a_draft_published_twice_at_once_is_one_version(world):
    editors = [world.actor("coordinator"), world.actor("other coordinator")]
    draft = world.hub.statement.save(editors[0], **EDITED, seen=0)
    ends = at_once(
        *(
            lambda editor=editor: world.hub.statement.publish(
                editor, reason="The law has changed.", seen=draft.row_version
            )
            for editor in editors
        )
    )
    assert ends == ["Conflict", "done"]
    assert [version.number for version in world.hub.statement.versions(editors[0])] == [2, 1]


def test_an_agreement_sent_twice_at_once_counts_once_and_fails_nobody(world):
    version, reader = publish(world), world.actor("police")
    ends = at_once(
        *[lambda: world.hub.statement.agree(reader, version=version.id, parts=frozenset(PARTS))] * 3
    )
    assert ends == ["done"] * 3
    assert len(world.events("statement.agreed")) == 2


def test_each_part_is_agreed_for_itself_and_bound_to_the_hash(world):
    version, client = publish(world), world.client("police")
    first = world.post(client, "/statement/agree", {"version": version.id, "confidentiality": "y"})
    assert first.status_code == 400
    assert client.get("/").location == "/statement/agree"
    assert world.post(client, "/statement/agree", {"version": version.id, "equality": "y"}).status_code == 303
    assert client.get("/").status_code == 200
    with world.hub.db.reading() as session:
        rows = session.scalars(select(Acceptance).where(Acceptance.version_id == version.id)).all()
    assert {row.part for row in rows} == set(PARTS)
    assert {row.sha256 for row in rows} == {statement_hash(2, *EDITED.values())}


def test_agreeing_nothing_agrees_nothing(world):
    version, client = publish(world), world.client("police")
    assert world.post(client, "/statement/agree", {"version": version.id}).status_code == 400
    assert world.hub.statement.unagreed(world.actor("police")) == PARTS


def test_a_version_that_was_overtaken_cannot_be_agreed(world):
    client = world.client("police")
    old = world.hub.statement.current(world.actor("police")).id
    publish(world)
    both = {"confidentiality": "y", "equality": "y"}
    for version in (old, "", "a" * 26, "é"):
        assert world.post(client, "/statement/agree", both | {"version": version}).status_code == 409
    assert world.hub.statement.unagreed(world.actor("police")) == PARTS


def test_what_was_typed_survives_a_new_version(world):
    """The gate closes in the middle of a form; the words are there again once the statement is agreed."""
    client = world.client("coordinator")
    version = publish(world, "other coordinator")
    answer = world.post(client, f"/cases/{world.case}/close", {"reason": "Words that took an hour"})
    assert answer.location == "/statement/agree"
    world.post(client, "/statement/agree", {"version": version.id, "confidentiality": "y", "equality": "y"})
    held = world.hub.people.unsent(world.actor("coordinator"))
    assert len(held) == 1
    assert b"Words that took an hour" in client.get(f"/unsent/{held[0]}").data


def test_the_register_is_for_editors_and_information_governance(world):
    for who, status in (("coordinator", 200), ("governance", 200), ("police", 404), ("chair", 404),
                        ("attendee", 404), ("administrator", 404)):  # fmt: skip
        assert world.client(who).get("/statement/register").status_code == status, who
    page = world.client("governance").get("/statement/register").get_data(as_text=True)
    assert "Polly Sergeant-Fable" in page


def test_only_a_coordinator_edits(world):
    for who in ("police", "chair", "attendee", "governance", "administrator"):
        client = world.client(who)
        for path in ("/statement/edit", "/statement/preview"):
            assert client.get(path).status_code == 404
        assert world.post(client, "/statement/edit", EDITED | {"seen": "0"}).status_code == 404
        assert world.post(client, "/statement/publish", {"seen": "0", "reason": "x" * 20}).status_code == 404


@pytest.mark.parametrize("text", ["", "   \n ", "x" * 20_001])
def test_an_empty_or_endless_part_is_refused(world, text):
    with pytest.raises(Invalid):
        world.hub.statement.save(world.actor("coordinator"), confidentiality=text, equality="b", seen=0)


def test_an_absent_version_is_not_here(world):
    with pytest.raises(NotHere):
        world.hub.statement.version(world.actor("police"), 99)
    assert world.client("police").get("/statement/versions/99").status_code == 404
    assert world.client("police").get("/statement/versions/1").status_code == 200


def test_the_parts_have_names():
    assert [part.label for part in Part] == ["Confidentiality", "Equality and diversity"]


def test_a_published_version_cannot_be_edited_in_the_database(world):
    with world.hub.db.work() as work, pytest.raises(DBAPIError, match="never changed"):
        work.session.execute(text("UPDATE statement_version SET confidentiality = 'nothing'"))
    with world.hub.db.work() as work, pytest.raises(DBAPIError, match="never changed"):
        work.session.execute(text("DELETE FROM statement_version"))
