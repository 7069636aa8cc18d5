"""The pages of meetings, as browsers meet them."""

import re
from html import unescape
from typing import Any

from hub.ids import new_id
from hub.meetings.rules import Issue
from tests.meetings.conftest import Table

VOLATILE = re.compile(
    r'name="csrf_token" value="[^"]*"|<time datetime="[^"]*">[^<]*</time>|data-session-seconds="\d+"'
)
WHEN = {
    "level": "2",
    "day-day": "30",
    "day-month": "3",
    "day-year": "2026",
    "time": "9:30",
    "locality": "Northfen",
    "place": "Room 9",
}


def body(answer: Any) -> str:
    return VOLATILE.sub("", answer.get_data(as_text=True))


def when(table: Table, **more: Any) -> dict[str, Any]:
    return {**WHEN, "chair": table.world.people["chair"], **more}


def test_a_forbidden_meeting_answers_with_the_bytes_of_an_absent_one(table: Table) -> None:
    for who in ("outsider", "other coordinator", "probation", "governance"):
        client = table.world.client(who)
        client.get("/")
        for page in ("", "/issue", "/readers", "/arrange", "/change"):
            answers = [client.get(f"/meetings/{meeting}{page}") for meeting in (table.meeting, new_id())]
            assert [answer.status_code for answer in answers] == [404, 404], (who, page)
            assert body(answers[0]) == body(answers[1])
        for page in ("/affirm", "/cancel", "/arrange/invite", "/issue", "/change"):
            answers = [
                table.world.post(client, f"/meetings/{meeting}{page}")
                for meeting in (table.meeting, new_id())
            ]
            assert [answer.status_code for answer in answers] == [404, 404], (who, page)
            assert body(answers[0]) == body(answers[1])


def test_an_attendee_affirms_and_finds_the_minutes(table: Table) -> None:
    table.service.issue(
        table.world.actor("coordinator"), table.meeting, Issue.PAPERS, frozenset({table.document()})
    )
    client, path = table.world.client("attendee"), f"/meetings/{table.meeting}"
    page = client.get(path).text
    assert "Zebrafinch" not in page
    assert "Nominal-Fable" not in page
    assert "1 document waits" in page
    version = re.search(r'name="version" value="([^"]+)"', page)
    assert version is not None
    half = table.world.post(client, f"{path}/affirm", {"version": version[1], "confidentiality": "y"})
    assert half.status_code == 400
    assert "Tick the equality and diversity part" in half.text
    stale = table.world.post(
        client, f"{path}/affirm", {"version": "old", "confidentiality": "y", "equality": "y"}
    )
    assert stale.status_code == 409
    both = table.world.post(
        client, f"{path}/affirm", {"version": version[1], "confidentiality": "y", "equality": "y"}
    )
    assert both.status_code == 303
    page = client.get(path).text
    assert "Zebrafinch minutes" in page
    assert "Norman Nominal-Fable" in page
    assert "1 not opened" in client.get("/meetings/").text


def test_a_coordinator_arranges_changes_and_cancels(table: Table) -> None:
    client, people = table.world.client("coordinator"), table.world.people
    assert client.get("/meetings/new").status_code == 200
    data = when(table, form=new_id(), cases=[table.world.case], invited=[people["police"]])
    first, second = (table.world.post(client, "/meetings/new", data) for _ in range(2))
    assert (first.status_code, first.location) == (303, second.location)
    page = client.get(first.location).text
    assert "30 March 2026 at 9:30am" in page
    changed = table.world.post(client, f"{first.location}/change", when(table, seen="1", place="Room 10"))
    assert changed.status_code == 303
    stale = table.world.post(client, f"{first.location}/change", when(table, seen="1", place="Room 11"))
    assert stale.status_code == 409
    assert 'value="Room 11"' in stale.text
    assert client.get(f"{first.location}/change").status_code == 200
    assert table.world.post(client, f"{first.location}/cancel", {"seen": "1"}).status_code == 409
    assert table.world.post(client, f"{first.location}/cancel", {"seen": "2"}).status_code == 303
    assert "This meeting was cancelled" in client.get(first.location).text


def test_a_form_refused_shows_the_sentence_and_everything_typed(table: Table) -> None:
    client = table.world.client("coordinator")
    wrong = [
        ({"time": "25:00"}, "such as 9:30"),
        ({"time": "1:30", "day-day": "29"}, "does not exist"),
        ({"day-year": "2025"}, "must be in the future"),
        ({"day-month": "13"}, "Enter a real date"),
        ({"chair": ""}, "Choose the chair"),
        ({"level": "1"}, "valid choice"),
        ({"cases": ["elsewhere"]}, "valid choice"),
    ]
    for more, sentence in wrong:
        answer = table.world.post(client, "/meetings/new", when(table, form=new_id(), **more))
        assert answer.status_code == 400, more
        assert sentence in unescape(answer.text)
        assert 'value="Room 9"' in answer.text
    assert table.world.post(client, "/meetings/new").status_code == 400
    assert table.world.post(client, f"/meetings/{table.meeting}/change").status_code == 400
    assert table.world.post(client, f"/meetings/{table.meeting}/issue").status_code == 400


def test_cases_and_people_are_put_on_and_taken_off(table: Table) -> None:
    client, path = table.world.client("coordinator"), f"/meetings/{table.meeting}/arrange"
    second, outsider = table.world.make_case(name="Second Fable"), table.world.people["outsider"]
    assert client.get(path).status_code == 200

    def send(what: str, **data: str) -> int:
        return int(table.world.post(client, f"{path}/{what}", data).status_code)

    assert [send("add-case", case=second), send("remove-case", case=second)] == [303, 303]
    assert [send("invite", person=outsider), send("withdraw", person=outsider)] == [303, 303]
    assert [send("add-case", case="\x00"), send("invite", person="")] == [400, 400]
    assert send("withdraw", person=table.world.people["chair"]) == 400
    assert send("nothing") == 404


def test_documents_are_chosen_and_issued(table: Table) -> None:
    document, client = table.document(), table.world.client("coordinator")
    page = client.get(f"/meetings/{table.meeting}/issue").text
    assert "FEN-2026-0001: Zebrafinch minutes (Minutes)" in page
    early = table.world.post(
        client, f"/meetings/{table.meeting}/issue", {"what": "minutes", "documents": [document]}
    )
    assert early.status_code == 400
    assert "once the meeting has begun" in early.text
    for _ in range(2):
        sent = table.world.post(
            client, f"/meetings/{table.meeting}/issue", {"what": "papers", "documents": [document]}
        )
        assert sent.status_code == 303
    assert "Zebrafinch minutes" in client.get(f"/meetings/{table.meeting}/readers").text
    assert len(table.world.events("meeting.issued")) == 1


def test_the_case_page_leads_to_the_next_meeting(table: Table) -> None:
    assert (
        f'href="/meetings/{table.meeting}"'
        in table.world.client("police").get(f"/cases/{table.world.case}").text
    )
    page = table.world.client("probation").get(f"/cases/{table.world.case}").text
    assert "level 2, Northfen" in page
    assert table.meeting not in page
