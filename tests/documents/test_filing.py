"""Documents over time: superseded, changed, withdrawn, restored; who may, and who sees what."""

import io

import pytest
from sqlalchemy import event, select, update

from hub.cases.model import Case
from hub.documents.access import load_document
from hub.documents.model import Document
from hub.errors import Conflict, NotHere
from hub.ids import new_id
from hub.meetings.model import Meeting, MeetingInvitee, MeetingIssue
from hub.search.service import Request
from tests.cases.counting import GUARDS
from tests.documents.conftest import WORD, Desk, pdf


def found(desk: Desk, who: str, word: str = WORD) -> list[str]:
    answer = desk.world.hub.search.search(desk.world.actor(who), Request(text=word))
    return [one.document for one in answer.found]


def seen(desk: Desk, document: str) -> int:
    with desk.world.hub.db.reading() as session:
        return session.get_one(Document, document).row_version


def lines(desk: Desk, who: str) -> list:
    with desk.world.hub.db.reading() as session:
        case = session.get_one(Case, desk.world.case)
        vault = desk.world.hub.vaults.of(session, case)
        return list(desk.service.in_case(session, desk.world.actor(who), vault, case).rows)


def test_a_new_version_takes_the_place_of_the_old_which_stays_readable(desk: Desk) -> None:
    world, document = desk.world, desk.prepared(pdf(f"{WORD} old words"))
    client = desk.reader("police", document)
    form = {"form_token": new_id(), "seen": str(seen(desk, document))}
    path = f"/documents/{document}/versions/new"
    sent = world.post(client, path, {**form, "file": (io.BytesIO(pdf("Quokka new words")), "second.pdf")})
    assert sent.status_code == 303
    assert desk.service.prepare_waiting() == 1
    assert "Quokka new words" in client.get(f"/documents/{document}").text
    old = client.get(f"/documents/{document}?version=1").text
    assert "old words" in old
    assert "Superseded" in old
    assert (found(desk, "police"), found(desk, "police", "quokka")) == ([], [document])
    again = world.post(client, path, {**form, "file": (io.BytesIO(pdf()), "second.pdf")})
    assert again.status_code == 303
    assert len(world.events("document.superseded")) == 1


def test_a_list_tells_the_uploader_which_current_versions_are_their_own(desk: Desk) -> None:
    desk.prepared(pdf())
    assert [[one.own for one in lines(desk, who)] for who in ("police", "probation")] == [[True], [False]]


def test_the_question_for_a_reason_names_the_case_and_leads_back_to_it(desk: Desk) -> None:
    world, document = desk.world, desk.prepared(pdf())
    page = world.client("police").get(f"/documents/{document}").text
    assert "Why are you opening this document?" in page
    assert f'href="/cases/{world.case}"' in page
    assert "Case FEN-" in page
    assert "Assessment of March" not in page


def test_a_new_version_on_an_older_reading_is_a_conflict_and_the_file_stays(desk: Desk) -> None:
    world, document = desk.world, desk.prepared(pdf())
    client = world.client("police")
    form = {"form_token": new_id(), "seen": "77", "file": (io.BytesIO(pdf("other")), "second.pdf")}
    answer = world.post(client, f"/documents/{document}/versions/new", form)
    assert answer.status_code == 409
    (kept,) = desk.service.staged(world.actor("police"), world.case)
    assert kept.id in answer.text
    assert (
        world.post(
            client, f"/documents/{document}/versions/new", {"form_token": new_id(), "seen": "1"}
        ).status_code
        == 400
    )


def test_a_withdrawn_document_is_gone_for_others_and_comes_back(desk: Desk) -> None:
    world, document = desk.world, desk.prepared(pdf())
    reader = desk.reader("probation", document)
    police = world.client("police")
    assert found(desk, "probation") == [document]
    assert (
        world.post(police, f"/documents/{document}/withdraw", {"seen": str(seen(desk, document))}).status_code
        == 303
    )
    for path in ("", "/versions/1/pages/1/image", "/versions/1/original"):
        assert reader.get(f"/documents/{document}{path}").status_code == 404
    assert found(desk, "probation") == []
    assert lines(desk, "probation") == []
    assert [line.withdrawn for line in lines(desk, "police")] == [True]
    with pytest.raises(Conflict):
        desk.service.withdraw(world.actor("police"), document, seen=seen(desk, document))
    assert (
        world.post(police, f"/documents/{document}/restore", {"seen": str(seen(desk, document))}).status_code
        == 303
    )
    desk.service.prepare_waiting()
    assert found(desk, "probation") == [document]
    assert reader.get(f"/documents/{document}").status_code == 200


def test_only_the_owner_the_uploader_and_the_coordinator_may_change_it_or_see_who_read_it(desk: Desk) -> None:
    world, document = desk.world, desk.prepared(pdf())
    for who, status in (
        ("police", 200),
        ("coordinator", 200),
        ("probation", 404),
        ("outsider", 404),
        ("excluded", 200),
    ):
        client = world.client(who)
        assert (who, client.get(f"/documents/{document}/readers").status_code) == (who, status)
        assert (who, client.get(f"/documents/{document}/edit").status_code) == (who, status)
    world.exclude("excluded")
    assert world.client("excluded").get(f"/documents/{document}/readers").status_code == 404


def test_a_narrowed_audience_shuts_others_out_and_keeps_the_uploader_in(desk: Desk) -> None:
    world = desk.world
    audience = frozenset({world.agencies["probation"]})
    document = desk.prepared(pdf(), owner=world.agencies["probation"], audience=audience)
    assert desk.reader("police", document).get(f"/documents/{document}").status_code == 200
    changed = desk.details(owner=world.agencies["probation"], audience=audience)
    desk.service.change(world.actor("coordinator"), document, changed, seen=seen(desk, document))
    assert world.client("police").get(f"/documents/{document}").status_code == 404
    assert found(desk, "police") == []
    assert '"what":"audience"' in world.events("document.changed")[-1].leaf


def test_a_changed_title_is_found_after_indexing_again(desk: Desk) -> None:
    world, document = desk.world, desk.prepared(pdf())
    details = desk.details(title="Wombat summary")
    desk.service.change(world.actor("police"), document, details, seen=seen(desk, document))
    assert desk.service.prepare_waiting() == 1
    assert found(desk, "probation", "wombat") == [document]


def test_the_list_shows_what_load_document_gives_with_as_many_queries_for_many(desk: Desk) -> None:
    world, counts = desk.world, []
    desk.upload(pdf(), title="First of these")
    for number in range(3):
        counts.append(queries(desk))
        desk.upload(pdf(), title=f"Another {number}", audience=frozenset({world.agencies["police"]}))
    assert len(set(counts)) == 1
    with world.hub.db.reading() as session:
        every = list(session.scalars(select(Document.id)))
        for who in ("police", "probation", "coordinator", "outsider", "chair", "excluded"):
            listed = {line.id for line in lines(desk, who)}
            assert (who, listed) == (who, {one for one in every if readable(session, desk, who, one)})


def readable(session: object, desk: Desk, who: str, document: str) -> bool:
    try:
        load_document(session, desk.world.actor(who), "document:read", document)
    except NotHere:
        return False
    return True


def queries(desk: Desk) -> int:
    statements: list[str] = []
    engine = desk.world.hub.db.engine
    desk.world.actor("police")

    def note(*arguments: object) -> None:
        if not any(table in str(arguments[2]) for table in GUARDS):
            statements.append(str(arguments[2]))

    event.listen(engine, "before_cursor_execute", note)
    lines(desk, "police")
    event.remove(engine, "before_cursor_execute", note)
    return len(statements)


def test_readers_name_those_it_was_issued_to_who_have_not_opened_it(desk: Desk) -> None:
    world, document = desk.world, desk.prepared(pdf())
    with world.hub.db.work() as work:
        meeting = Meeting(
            id=new_id(), area_id=world.area, level=2, locality="Northfen", starts_at=world.clock(), place="Hall",
            chair_id=world.people["chair"], coordinator_id=world.people["coordinator"], state="planned",
            created_at=world.clock(), row_version=1,
        )  # fmt: skip
        work.session.add(meeting)
        work.session.flush()
        for who in ("attendee", "probation"):
            work.session.add(
                MeetingInvitee(
                    meeting_id=meeting.id,
                    account_id=world.people[who],
                    invited_at=world.clock(),
                    affirmed_at=world.clock(),
                )
            )
        work.session.add(
            MeetingIssue(
                meeting_id=meeting.id,
                document_id=document,
                what="papers",
                issued_at=world.clock(),
                issued_by=world.people["chair"],
            )
        )
        work.commit()
    desk.reader("probation", document).get(f"/documents/{document}")
    opened = {line.name: line.times for line in desk.service.readers(world.actor("police"), document).lines}
    assert opened == {"Prue Bates-Fable": 1, "Hetty Alford-Fable": 0}
    asked = world.client("attendee").get(f"/documents/{document}").text
    assert ("Back to my meetings" in asked, "Back to case" in asked) == (True, False)
    page = desk.reader("attendee", document).get(f"/documents/{document}")
    assert page.status_code == 200
    assert "Back to case" not in page.text
    assert "Download the original" not in page.text


def test_changes_at_the_same_moment_are_a_conflict_and_never_a_fault(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, document = desk.world, desk.prepared(pdf())
    stale = type(desk.service)._load_to_change

    def overtaken(self: object, work: object, actor: object, *rest: object) -> object:
        loaded = stale(self, work, actor, *rest)
        work.session.execute(
            update(Document)
            .where(Document.id == document)
            .values(row_version=99)
            .execution_options(synchronize_session=False)
        )
        return loaded

    monkeypatch.setattr(type(desk.service), "_load_to_change", overtaken)
    client = world.client("police")
    for path, form in (
        ("edit", desk.form(seen="1")),
        ("withdraw", {"seen": "1"}),
        ("versions/new", {"seen": "1", "form_token": new_id(), "staged": desk.stage(pdf("other"))}),
    ):
        answer = world.post(client, f"/documents/{document}/{path}", form)
        assert (path, answer.status_code) == (path, 409)
