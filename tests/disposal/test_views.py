"""The pages of holds and disposal, and every other page once a case is gone."""

import pytest

from hub.documents.model import Document
from tests.disposal.conftest import NAME, WHY, WORD
from tests.world import csrf


def see(client, path, status=200):
    answer = client.get(path)
    assert answer.status_code == status, (path, answer.status_code)
    return answer.get_data(as_text=True)


@pytest.fixture
def paths(world):
    return f"/disposal/cases/{world.case}", f"/cases/{world.case}/disposal"


def test_the_whole_way_through_the_pages(world, registry, paths):
    oversight, own = paths
    registry.close()
    coordinator, governance = world.client("coordinator"), world.client("governance")
    assert own in see(coordinator, f"/cases/{world.case}")
    assert "Ask for destruction" in see(coordinator, own)
    sent = world.post(coordinator, own, {"code": "ordered", "reason": WHY})
    assert (sent.status_code, sent.location) == (303, own)
    assert "Withdraw the request" in see(coordinator, own)
    assert "Destruction asked for" in see(coordinator, f"/cases/{world.case}")
    assert "A court or the Information Commissioner ordered it" in see(governance, "/disposal/")
    page = see(governance, oversight)
    assert WHY in page
    assert NAME not in page
    assert world.post(governance, f"{oversight}/approve", {"approve-reason": WHY}).status_code == 303
    assert "approved" in see(governance, oversight)
    world.post(governance, f"{oversight}/refuse", {"refuse-reason": WHY})
    assert "Nobody asks" in see(governance, "/disposal/")


def test_a_hold_is_set_and_lifted_through_the_pages(world, registry, paths):
    oversight, own = paths
    governance = world.client("governance")
    form = see(governance, oversight).split('name="hold-form" value="')[1][:26]
    sent = {"hold-form": form, "hold-reason": "A court asked for it to be kept."}
    assert world.post(governance, f"{oversight}/hold", sent).status_code == 303
    page = see(governance, oversight)
    hold = page.split('name="lift-hold" value="')[1][:26]
    assert "A court asked for it" in page
    assert "Legal hold" in see(world.client("coordinator"), f"/cases/{world.case}")
    assert "A court asked" not in see(world.client("coordinator"), own)
    refused = world.post(governance, f"{oversight}/lift", {"lift-hold": hold, "lift-reason": "no"})
    assert refused.status_code == 400
    assert "Say why, in a sentence." in refused.text
    assert 'href="#lift-reason"' in refused.text
    assert 'id="lift-reason"' in refused.text
    lifted = world.post(
        governance, f"{oversight}/lift", {"lift-hold": hold, "lift-reason": "The court is done with it."}
    )
    assert lifted.status_code == 303


def test_a_refusal_is_told_on_the_page_and_nothing_typed_is_lost(world, registry, paths):
    oversight, own = paths
    registry.close()
    registry.hold()
    coordinator, governance = world.client("coordinator"), world.client("governance")
    wrong = world.post(coordinator, own, {"reason": "A sentence that was typed with care."})
    assert wrong.status_code == 400
    assert "Choose why it is to be destroyed." in wrong.text
    assert "A sentence that was typed with care." in wrong.text
    registry.ask()
    barred = world.post(governance, f"{oversight}/approve", {"approve-reason": WHY})
    assert barred.status_code == 403
    assert "A legal hold stands on this case" in barred.text
    again = world.post(coordinator, own, {"code": "ordered", "reason": WHY})
    assert again.status_code == 403
    assert "asked for already" in again.text
    assert world.post(coordinator, f"{own}/withdraw").status_code == 303
    assert world.post(coordinator, f"{own}/withdraw").status_code == 403
    nowhere = world.post(governance, f"{oversight}/lift", {"lift-hold": "nonsense", "lift-reason": WHY})
    assert nowhere.status_code == 400


def test_every_list_shows_that_it_is_gone_and_never_a_name(world, registry, meeting, paths):
    oversight = paths[0]
    clients = {who: world.client(who) for who in ("coordinator", "police", "chair", "governance", "attendee")}
    seen_before = see(clients["coordinator"], "/cases/?state=closed")
    assert NAME in seen_before
    registry.shred()
    for who in ("coordinator", "police"):
        page = see(clients[who], "/cases/?state=closed&sort=name")
        assert "Destroyed on 2 March 2026" in page
        assert f'href="/cases/{world.case}"' not in page
    for who, client in clients.items():
        for path in ("/", "/cases/?state=all", "/meetings/", f"/meetings/{meeting}", "/disposal/", "/disposal/certificates", oversight,
                     "/log/", f"/log/documents/{registry.documents[0]}", f"/log/people/{world.people['police']}"):  # fmt: skip
            answer = client.get(path)
            assert answer.status_code in (200, 404), (who, path)
            assert NAME not in answer.text, (who, path)
            assert WORD not in answer.text, (who, path)
    assert "Destroyed on 2 March 2026" in see(clients["coordinator"], f"/meetings/{meeting}")
    assert see(clients["coordinator"], f"/meetings/{meeting}/readers")
    assert world.client("police").get(f"/documents/{registry.documents[0]}/readers").status_code == 200
    certificate = clients["governance"].get(f"{oversight}/certificate.pdf")
    assert certificate.content_type == "application/pdf"
    assert certificate.data.startswith(b"%PDF")
    assert clients["governance"].get(f"{oversight}/certificate.txt").text.startswith("OFFICIAL-SENSITIVE")


@pytest.fixture
def meeting(world, registry):
    """One at which both of the case's documents were issued, before it was closed."""
    from datetime import timedelta

    from hub.ids import new_id
    from hub.meetings.rules import Issue, MeetingLevel
    from hub.meetings.service import NewMeeting, When

    registry.fill()
    who = world.actor("coordinator")
    when = When(
        starts_at=world.clock() + timedelta(days=7), level=MeetingLevel(2), locality="Northfen", place="Room 4",
        chair=world.people["chair"],
    )  # fmt: skip
    new = NewMeeting(
        form=new_id(), when=when, cases=frozenset({world.case}), invited=frozenset({world.people["attendee"]})
    )
    arranged = world.hub.meetings.arrange(who, new)
    world.hub.meetings.issue(who, arranged, Issue.PAPERS, frozenset(registry.documents))
    registry.close()
    registry.ask()
    registry.approve()
    return arranged


def test_who_stood_to_it_is_told_it_is_gone_and_all_others_that_there_is_nothing(world, registry):
    registry.ready()
    document = registry.documents[0]
    registry.shred()
    routes = (
        f"/cases/{world.case}", f"/cases/{world.case}/timeline", f"/documents/{document}", f"/documents/{document}/versions/1/original",
        f"/documents/{document}/versions/1/pages/1/image",
    )  # fmt: skip
    for path in routes[:3]:
        for who in ("coordinator", "police", "probation"):
            page = see(world.client(who), path, 410)
            assert "This was destroyed" in page
            assert "Information governance can say when and why" in page
    for path in routes:
        absent = path.replace(world.case, "a" * 26).replace(document, "a" * 26)
        for who in ("outsider", "excluded", "other coordinator", "governance", "administrator"):
            client = world.client(who)
            csrf(client)
            there, nothing = client.get(path), client.get(absent)
            assert there.status_code == nothing.status_code == 404, (who, path)
            strip = [answer.data.replace(answer.request.path.encode(), b"") for answer in (there, nothing)]
            assert strip[0] == strip[1]


def test_search_finds_and_suggests_nothing_of_it(world, registry):
    from hub.search.service import Request

    registry.ready()
    who = world.actor("police")
    assert world.hub.search.search(who, Request(text=WORD)).total == 2
    registry.shred()
    answer = world.hub.search.search(who, Request(text=WORD))
    assert (answer.total, answer.found, answer.by_type) == (0, (), {})
    assert world.hub.search.search(who, Request(text=WORD[:-2])).sentence.count(WORD) == 0


def test_what_is_kept_in_the_row_is_codes_and_dates(world, registry):
    registry.ready()
    registry.shred()
    with world.hub.db.reading() as session:
        document = session.get_one(Document, registry.documents[0])
        assert (document.type, document.retention_class, document.marking) == (
            "risk-assessment",
            "agency",
            "OFFICIAL-SENSITIVE",
        )
        assert document.sealed_details == b""
