"""The pages of cases: what is typed survives, what is forbidden looks absent, and nothing ends in a fault."""

import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from hub.cases.model import Case
from hub.ids import new_id
from tests.world import World

WHY = "The risk was assessed again at the core group."
VOLATILE = re.compile(
    r'name="csrf_token" value="[^"]*"|<time datetime="[^"]*">[^<]*</time>|data-session-seconds="\d+"'
)


def body(answer: Any) -> str:
    return VOLATILE.sub("", answer.get_data(as_text=True))


def fixed(answer: Any) -> list[tuple[str, str]]:
    """All headers but the form cookie, which carries the time it was made."""
    return [(name, value) for name, value in answer.headers if name != "Set-Cookie"]


def seen(world: World) -> str:
    with world.hub.db.reading() as session:
        return str(session.get_one(Case, world.case).row_version)


def opening(world: World, **more: Any) -> dict[str, Any]:
    return {
        "form": new_id(),
        "name": "Ulla Invented-Fable",
        "aliases": "U. Fable\n\nUllie",
        "born-day": "3",
        "born-month": "2",
        "born-year": "1981",
        "visor": "",
        "category": "2",
        "route": "sentence",
        "level": "2",
        "criteria": ["high risk", "several agencies"],
        "reason": WHY,
        "locality": "Northfen",
        "lead_agency": world.agencies["probation"],
        "agencies": [world.agencies["police"]],
    } | more


PAGES = ("", "/timeline", "/team", "/close", "/change/level", "/change/reopen", "/change/nothing")


def test_a_forbidden_case_answers_with_the_bytes_of_an_absent_one(world: World) -> None:
    for who in ("outsider", "other coordinator", "chair", "attendee", "governance", "administrator"):
        client = world.client(who)
        client.get("/")
        for page in PAGES:
            forbidden, absent = (client.get(f"/cases/{case}{page}") for case in (world.case, new_id()))
            assert (
                (forbidden.status_code, body(forbidden))
                == (absent.status_code, body(absent))
                == (404, body(absent))
            )
            assert fixed(forbidden) == fixed(absent)


def test_a_forbidden_change_answers_with_the_bytes_of_an_absent_one(world: World) -> None:
    for path in ["/change/level", "/close", "/team/exclude", "/team/add-agency", "/change/coordinator"]:
        for who in ("police", "other coordinator"):
            client = world.client(who)
            data = {
                "level": "1",
                "reason": WHY,
                "agency": world.agencies["housing"],
                "person": world.people["attendee"],
            }
            answers = [world.post(client, f"/cases/{case}{path}", data) for case in (world.case, new_id())]
            assert [answer.status_code for answer in answers] == [404, 404]
            assert body(answers[0]) == body(answers[1])
    assert not world.events("case.changed") + world.events("case.team_changed")


def test_an_attempt_at_someone_elses_case_is_in_the_log(world: World) -> None:
    world.client("outsider").get(f"/cases/{world.case}")
    refused = world.events("access.refused")[-1]
    assert (refused.actor_id, refused.case_id, refused.outcome) == (
        world.people["outsider"],
        world.case,
        "refused",
    )


@pytest.mark.parametrize("who", ["police", "coordinator"])
def test_a_case_page_shows_the_nominal_and_who_works_the_case(world: World, who: str) -> None:
    world.join_team("probation")
    text = unescape(world.client(who).get(f"/cases/{world.case}").get_data(as_text=True))
    for words in (
        "Norman Nominal-Fable",
        "Nobby Fable",
        "29 February 1980",
        "FEN-2026-0001",
        "Prue Bates-Fable",
    ):
        assert words in text
    assert ("Close the case" in text) == (who == "coordinator")


def test_the_list_keeps_its_state_in_the_address(world: World) -> None:
    client = world.client("police")
    page = client.get("/cases/?level=2&sort=-name&q=2026&page=1")
    assert page.status_code == 200
    assert "Norman Nominal-Fable" in page.text
    assert 'aria-sort="descending"' in page.text
    assert "No case you may read fits" in client.get("/cases/?level=3").text


NONSENSE = [
    "category=9&level=x&locality=Nowhere&lead=%00&review=never&state=odd&sort=%00&page=-1",
    "q=%00%27%22%25_&page=999999",
    "q=" + "x" * 5000,
    "page=99999999999999999999&sort=-",
]


def test_a_nonsense_address_gives_a_list_and_no_fault(world: World) -> None:
    client = world.client("police")
    for query in NONSENSE:
        assert client.get(f"/cases/?{query}").status_code == 200, query


def test_opening_a_case_leads_to_its_page_and_twice_to_the_same(world: World) -> None:
    client, data = world.client("coordinator"), opening(world)
    first, second = (world.post(client, "/cases/new", data) for _ in range(2))
    assert first.status_code == second.status_code == 303
    assert first.location == second.location
    page = unescape(client.get(first.location).text)
    assert "Ulla Invented-Fable" in page
    assert "U. Fable, Ullie" in page


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"category": "3", "route": "referral", "level": "1"}, "Category 3 is never level 1"),
    ({"criteria": ["high risk"]}, "Level 2 needs both"),
    ({"level": "3"}, "Level 3 needs one thing more"),
    ({"name": ""}, "Enter the person's name"),
    ({"born-month": "13"}, "Enter a real date"),
    ({"lead_agency": ""}, "Choose the lead agency"),
    ({"lead_agency": "elsewhere"}, "valid choice"),
    ({"criteria": ["invented"]}, "valid choice"),
    ({"form": ""}, "Open the page again"),
    ({"route": "referral"}, "Only category 3"),
]


def test_a_form_refused_shows_the_sentence_and_everything_typed(world: World) -> None:
    client = world.client("coordinator")
    for more, sentence in REFUSED:
        answer = world.post(client, "/cases/new", opening(world, **more))
        text = unescape(answer.text)
        assert answer.status_code == 400, more
        for words in (sentence, WHY, "Ullie"):
            assert words in text


def test_an_empty_form_is_refused_and_no_fault(world: World) -> None:
    client = world.client("coordinator")
    for path in (
        "/cases/new",
        *(f"/cases/{world.case}/change/{what}" for what in ("category", "level", "review", "nominal")),
    ):
        assert world.post(client, path).status_code == 400, path


def test_two_people_editing_one_case_lose_nothing(world: World) -> None:
    client, path, old = world.client("coordinator"), f"/cases/{world.case}/change/level", seen(world)
    both = ["high risk", "several agencies"]
    first = world.post(client, path, {"seen": old, "level": "1", "reason": WHY})
    assert first.status_code == 303
    typed = "Written by the slower of the two."
    second = world.post(client, path, {"seen": old, "level": "2", "criteria": both, "reason": typed})
    assert second.status_code == 409
    assert "after you opened it" in second.text
    assert typed in second.text
    assert f'name="seen" value="{seen(world)}"' in second.text
    third = world.post(client, path, {"seen": seen(world), "level": "2", "criteria": both, "reason": typed})
    assert third.status_code == 303


def test_a_form_without_its_version_is_a_conflict_and_no_fault(world: World) -> None:
    client, path = world.client("coordinator"), f"/cases/{world.case}/change/level"
    for version in ("", "x", "-1", "99999999999999999999", "\u0663"):
        assert world.post(client, path, {"seen": version, "level": "1", "reason": WHY}).status_code == 409


def test_each_change_has_a_page_that_sends(world: World) -> None:
    client = world.client("coordinator")

    def change(what: str, **data: Any) -> int:
        page = client.get(f"/cases/{world.case}/change/{what}")
        assert page.status_code == 200, what
        return int(
            world.post(
                client, f"/cases/{world.case}/change/{what}", {"seen": seen(world), "reason": WHY, **data}
            ).status_code
        )

    assert change("category", category="2") == 303
    assert change("review", **{"review-day": "1", "review-month": "4", "review-year": "2026"}) == 303
    assert change("lead-agency", lead_agency=world.agencies["housing"]) == 303
    assert change("nominal", name="Norma Nominal-Fable", aliases="", visor="V/1") == 303
    assert change("close", exit="licence expired") == 303
    assert client.get(f"/cases/{world.case}/change/level").status_code == 409
    assert change("reopen") == 303
    timeline = unescape(client.get(f"/cases/{world.case}/timeline").text)
    for words in (
        "Category 1 to category 2",
        "Next review due 1 April 2026",
        "Closed: Licence expired",
        "Opened again",
    ):
        assert words in timeline
    assert change("coordinator", coordinator=world.people["other coordinator"]) == 303
    assert client.get(f"/cases/{world.case}").status_code == 404


def test_a_review_beyond_the_levels_last_day_is_refused_at_its_field(world: World) -> None:
    data = {"seen": seen(world), "reason": WHY, "review-day": "1", "review-month": "4", "review-year": "2027"}
    answer = world.post(world.client("coordinator"), f"/cases/{world.case}/change/review", data)
    assert answer.status_code == 400
    assert "due by 22 June 2026 at the latest" in answer.text


def test_the_team_page_puts_people_on_and_keeps_people_off(world: World) -> None:
    client, path = world.client("coordinator"), f"/cases/{world.case}/team"

    def send(what: str, **data: str) -> int:
        return int(world.post(client, f"{path}/{what}", data).status_code)

    attendee = world.people["attendee"]
    assert send("add-agency", agency=world.agencies["housing"]) == 303
    assert send("remove-agency", agency=world.agencies["housing"]) == 303
    assert send("add-member", person=attendee, duty="Nurse") == 303
    assert send("remove-member", person=attendee) == 303
    assert send("exclude", person=attendee, reason="A neighbour of the family.") == 303
    assert "A neighbour of the family." in client.get(path).text
    assert send("lift", person=attendee, reason="No longer a neighbour.") == 303
    assert send("add-member", person=attendee, duty="") == 400
    assert send("remove-member", person="\x00") == 400
    assert send("lift", person=attendee, reason="") == 400
    assert send("exclude", person=world.people["coordinator"], reason="I know the family well.") == 400
    assert send("nothing") == 404


def test_a_refused_staffing_form_keeps_what_was_typed(world: World) -> None:
    answer = world.post(
        world.client("coordinator"),
        f"/cases/{world.case}/team/exclude",
        {"person": world.people["coordinator"], "reason": "I know the family well."},
    )
    assert answer.status_code == 400
    assert "I know the family well." in answer.text
    assert "Hand it to another coordinator" in answer.text


def pages(client: FlaskClient, world: World) -> list[str]:
    return [
        client.get(path).text for path in ("/cases/", f"/cases/{world.case}", f"/cases/{world.case}/timeline")
    ]


def test_html_in_a_name_stays_text(world: World) -> None:
    world.make_case(name="<img src=x onerror=alert(1)>")
    text = world.client("police").get("/cases/").text
    assert "<img" not in text
    assert "&lt;img src=x" in text


def test_a_statement_not_agreed_keeps_every_page_of_cases_shut(world: World) -> None:
    coordinator = world.actor("other coordinator")
    service = world.hub.statement
    draft = service.draft(coordinator)
    saved = service.save(
        coordinator,
        confidentiality=draft.confidentiality + "\nMore.",
        equality=draft.equality,
        seen=draft.row_version,
    )
    service.publish(coordinator, reason="A test of the gate.", seen=saved.row_version)
    for text in pages(world.client("police"), world):
        assert "Nominal-Fable" not in text
