"""What was strange comes before information governance as one thing, is asked about, and is closed; nothing disappears."""

from datetime import timedelta

import pytest

from hub.documents.model import Document
from hub.documents.rules import DOCUMENT_TYPES
from hub.errors import Conflict, Invalid, NotHere
from hub.governance.model import AccessClass, ReviewItem, ReviewStep
from hub.governance.queue.service import Closing
from hub.governance.rules import Flag, State
from hub.governance.words import REASONS
from hub.ids import new_id
from hub.meetings.rules import MeetingLevel
from hub.meetings.service import NewMeeting, When
from tests.documents.conftest import Desk, pdf
from tests.governance.test_glass import break_glass

NOTE = "The sergeant confirms that they were asked."


def follow(world):
    world.hub.following.catch_up_wholly()


def items(world, **by):
    with world.hub.db.reading() as session:
        return session.query(ReviewItem).filter_by(**by).all()


def look_unexpectedly(world, times=3):
    """A practitioner of an agency that works the case, months after anything happened in it."""
    world.clock.forward(days=200)
    world.tokens.clear()
    for _ in range(times):
        world.client("police").get(f"/cases/{world.case}")
    follow(world)
    return items(world, about="case")


def test_many_unexpected_accesses_of_a_day_are_one_thing_to_look_at(world):
    (item,) = look_unexpectedly(world, 7)
    assert (item.accesses, item.unexpected, item.state) == (7, 7, "waiting")
    follow(world)
    assert len(items(world)) == 1


def test_what_was_expected_makes_no_review(world):
    world.client("coordinator").get(f"/cases/{world.case}")
    world.join_team("police")
    world.client("police").get(f"/cases/{world.case}")
    follow(world)
    assert items(world) == []
    with world.hub.db.reading() as session:
        assert {row.why for row in session.query(AccessClass)} == {"coordinator", "team"}


def test_the_person_is_asked_without_content_and_answers_in_their_words(world):
    (item,) = look_unexpectedly(world)
    queue, person = world.client("governance"), world.client("police")
    assert "Information governance asks" not in person.get("/").get_data(as_text=True)
    assert person.get(f"/reviews/{item.id}/answer").status_code == 404
    assert world.post(
        queue, f"/reviews/{item.id}/ask", {"question": "What did you open it for?", "seen": item.row_version}
    ).location.endswith(item.id)
    told = " ".join(path.read_text() for path in (world.config.home / "outbox").glob("*.eml"))
    assert f"{item.id}/answer" in told or "Sign in" in told
    assert "What did you open" not in told
    assert "Information governance asks" in person.get("/").get_data(as_text=True)
    page = person.get(f"/reviews/{item.id}/answer").get_data(as_text=True)
    assert "What did you open it for?" in page
    assert (
        world.post(person, f"/reviews/{item.id}/answer", {"answer": "A colleague asked me to."}).status_code
        == 303
    )
    page = queue.get(f"/reviews/{item.id}").get_data(as_text=True)
    assert "A colleague asked me to." in page
    with world.hub.db.reading() as session:
        assert all(b"colleague" not in step.sealed_text for step in session.query(ReviewStep))
    for other in ("probation", "coordinator"):
        assert world.client(other).get(f"/reviews/{item.id}/answer").status_code == 404


def test_a_question_tells_nothing_of_the_case_or_document_that_was_refused(world):
    document = Desk(world).upload(pdf("words"), "w.pdf", "police").document
    world.exclude("outsider")
    for reference in ("FEN-2026-0001", "FEN-2026-9999"):
        with pytest.raises(Invalid):
            break_glass(world, reference=reference)
    person, queue = world.client("outsider"), world.client("governance")
    for _ in range(5):
        assert person.get(f"/documents/{document}").status_code == 404
    follow(world)
    (item,) = items(world, about="person")
    form = {"question": "What did you look for?", "seen": item.row_version}
    assert world.post(queue, f"/reviews/{item.id}/ask", form).status_code == 303
    with world.hub.db.reading() as session:
        kind = DOCUMENT_TYPES[session.get_one(Document, document).type]
    for client, told in ((queue, True), (person, False)):
        path = f"/reviews/{item.id}" if told else f"/reviews/{item.id}/answer"
        page = client.get(path).get_data(as_text=True)
        assert ("FEN-2026-0001" in page) is told
        assert (kind in page) is told


def test_it_is_closed_with_a_coded_outcome_and_stays(world):
    (item,) = look_unexpectedly(world)
    client = world.client("governance")
    close = f"/reviews/{item.id}/close"
    assert (
        world.post(client, close, {"outcome": "nothing", "note": NOTE, "seen": item.row_version}).status_code
        == 400
    )
    answer = world.post(client, close, {"outcome": "explained", "note": NOTE, "seen": item.row_version})
    assert answer.location == "/reviews/"
    assert NOTE in client.get(f"/reviews/{item.id}").get_data(as_text=True)
    assert "Polly" in client.get("/reviews/?state=closed").get_data(as_text=True)
    assert [entry.actor_id for entry in world.events("review.closed")] == [world.people["governance"]]
    world.client("police").get(f"/cases/{world.case}")
    follow(world)
    assert sorted(one.state for one in items(world)) == ["closed", "waiting"]


def test_who_closes_what_has_grown_is_told_so(world):
    (item,) = look_unexpectedly(world)
    world.client("police").get(f"/cases/{world.case}")
    follow(world)
    with pytest.raises(Conflict):
        world.hub.reviews.close(
            world.actor("governance"), item.id, Closing(outcome="explained", note=NOTE, seen=item.row_version)
        )


def test_nobody_reviews_their_own_access(world):
    for _ in range(6):
        world.client("governance").get(f"/cases/{world.case}")
    follow(world)
    (item,) = items(world, account_id=world.people["governance"])
    client = world.client("governance")
    assert "for another to review" in client.get("/reviews/").get_data(as_text=True)
    assert client.get(f"/reviews/{item.id}").status_code == 404
    with pytest.raises(NotHere):
        world.hub.reviews.close(
            world.actor("governance"), item.id, Closing(outcome="explained", note=NOTE, seen=item.row_version)
        )


def test_what_waits_too_long_is_overdue_and_shown_on_the_home_page(world):
    look_unexpectedly(world)
    world.clock.forward(days=10)
    world.tokens.clear()
    client = world.client("governance")
    assert "1 overdue" in client.get("/").get_data(as_text=True)
    assert "Overdue" in client.get("/reviews/").get_data(as_text=True)


def test_a_break_glass_that_nobody_reviews_is_told_to_everybody_who_could_see_to_it(world):
    break_glass(world)
    follow(world)
    told = [
        ("coordinator", "/", "1 case of yours was opened by break-glass"),
        ("administrator", "/status", "1 open"),
    ]
    told += [("governance", "/", "within 2 working days"), ("governance", "/status", "1 open")]
    for who, path, words in told:
        page = world.client(who).get(path).get_data(as_text=True)
        assert words in page
        assert "overdue" not in page
    world.clock.forward(days=6)
    world.tokens.clear()
    told = [("coordinator", "/", "1 overdue"), ("coordinator", "/break-glass/coordinated", "Overdue")]
    told += [
        ("governance", "/", "1 break-glass to review, 1 overdue"),
        ("governance", "/reviews/?about=glass", "Overdue"),
    ]
    told += [(who, "/status", "1 overdue, 1 open") for who in ("governance", "administrator")]
    for who, path, words in told:
        assert words in world.client(who).get(path).get_data(as_text=True), path
    (item,) = items(world, about="glass")
    closing = Closing(outcome="explained", note=NOTE, seen=item.row_version)
    world.hub.reviews.close(world.actor("governance"), item.id, closing)
    for who, path in (("coordinator", "/"), ("governance", "/"), ("administrator", "/status")):
        page = world.client(who).get(path).get_data(as_text=True)
        assert "overdue" not in page
        assert "opened by break-glass" not in page


def test_the_reviews_of_one_person_and_of_one_kind_are_found(world):
    break_glass(world)
    look_unexpectedly(world)
    client = world.client("governance")
    glass = client.get("/reviews/?about=glass").get_data(as_text=True)
    assert "Howie Singh-Fable" in glass
    assert "Polly" not in glass
    theirs = client.get(f"/reviews/?person={world.people['police']}").get_data(as_text=True)
    assert "Polly" in theirs
    assert "Howie" not in theirs
    assert f"/reviews/?person={world.people['police']}" in client.get(
        f"/log/people/{world.people['police']}"
    ).get_data(as_text=True)


def test_a_review_shows_the_reason_that_was_given_for_opening(world):
    document = Desk(world).upload(pdf("words"), "w.pdf", "police").document
    world.clock.forward(days=200)
    world.tokens.clear()
    world.hub.documents.give_reason(world.actor("probation"), document, "risk")
    world.client("probation").get(f"/documents/{document}")
    follow(world)
    (item,) = items(world, about="case")
    page = world.client("governance").get(f"/reviews/{item.id}").get_data(as_text=True)
    assert f"Reason given: {REASONS['risk']}" in page


def test_a_break_glass_is_overdue_after_two_working_days_and_gathers_what_was_opened(world):
    break_glass(world)
    world.client("outsider").get(f"/cases/{world.case}")
    follow(world)
    (item,) = items(world, about="glass")
    assert (item.due - item.day).days == 2
    assert item.accesses == 1
    page = world.client("governance").get(f"/reviews/{item.id}").get_data(as_text=True)
    assert "immediate risk" in page.lower()
    assert "break-glass" in page


def test_a_break_glass_gathers_what_an_invitation_would_explain_too(world):
    when = When(
        starts_at=world.clock() + timedelta(days=7),
        level=MeetingLevel(2),
        locality="Northfen",
        place="The invented room",
        chair=world.people["chair"],
    )
    invited = frozenset({world.people["outsider"]})
    meeting = NewMeeting(form=new_id(), when=when, cases=frozenset({world.case}), invited=invited)
    world.hub.meetings.arrange(world.actor("coordinator"), meeting)
    break_glass(world)
    world.client("outsider").get(f"/cases/{world.case}")
    follow(world)
    (item,) = items(world, about="glass")
    assert (item.accesses, item.unexpected) == (1, 0)
    assert Flag.GLASS in Flag(item.flags)


def test_nobody_else_sees_the_queue(world):
    for who in ("police", "coordinator", "chair", "attendee", "administrator"):
        assert world.client(who).get("/reviews/").status_code == 404


def test_every_look_at_a_review_is_on_record(world):
    (item,) = look_unexpectedly(world)
    before = len(world.events("log.read"))
    world.client("governance").get(f"/reviews/{item.id}")
    world.client("governance").get("/reviews/")
    assert len(world.events("log.read")) == before + 2


def test_a_question_needs_a_sentence(world):
    (item,) = look_unexpectedly(world)
    with pytest.raises(Invalid):
        world.hub.reviews.ask(world.actor("governance"), item.id, "  ", item.row_version)
    assert items(world)[0].state == State.WAITING
