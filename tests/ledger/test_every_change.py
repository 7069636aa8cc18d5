"""Every POST that `url_map` has is sent once, in the order of one story: what it changed is in the log, exactly as declared."""

import io

import pyotp
import pytest
from sqlalchemy import select

from hub.cases.model import Case
from hub.documents.model import Document
from hub.governance.model import ReviewItem
from hub.ids import new_id
from hub.ledger.events import REGISTRY
from hub.meetings.model import Meeting
from hub.people.model import Account
from hub.people.sessions import session_id
from hub.statement.service import current_version
from tests.conftest import ENGINES
from tests.documents.conftest import Desk, one_reader, pdf  # noqa: F401 - fixtures
from tests.ledger import ways as w
from tests.world import PASSWORD, TOTP_SECRET

WHY = "As was decided at the meeting."
PASS = "a long pass phrase 99"


@pytest.fixture(params=ENGINES)
def there(request, one_reader, tmp_path_factory):  # noqa: F811 - the fixture of that name
    with w.furnished(request, tmp_path_factory, one_reader) as made:
        yield made


class Story:
    """Sends one form after another and holds the log to what each declared."""

    def __init__(self, ways):
        self.ways, self.world, self.sent = ways, ways.world, set()
        self.rules = {rule.endpoint: rule for rule in ways.rules("POST")}
        self.desk, self.clients = Desk(ways.world), {}

    def client(self, who):
        if who not in self.clients:
            self.clients[who] = self.world.client(who)
        return self.clients[who]

    def send(self, endpoint, who, events, data=None, **arguments):
        self.sent.add(endpoint)
        self.ways.newest()
        path = self.ways.path(self.rules[endpoint], **arguments)
        given = data() if callable(data) else data
        answer = self.world.post(self.client(who), path, given)
        told = (endpoint, answer.status_code, [entry.event for entry in self.ways.newest()])
        assert (told[0], told[1] < 400, told[2]) == (endpoint, True, events), told
        answer.close()
        return answer

    def seen(self, table, id_):
        with self.world.hub.db.reading() as session:
            return str(session.get_one(table, id_).row_version)

    def file(self, mark):
        return (io.BytesIO(pdf(f"Invented {mark}")), f"{mark}.pdf")


def test_every_change_is_in_the_log_exactly_as_declared(there):
    story = Story(there)
    for part in (_door, _people, _cases, _documents, _meetings, _oversight, _disposal, _statement):
        part(story)
    assert {rule.endpoint for rule in there.rules("POST")} == story.sent
    assert {entry.event for entry in there.world.events()} <= set(REGISTRY)


def _code(world, secret=TOTP_SECRET):
    return pyotp.TOTP(secret).at(int(world.clock.now.timestamp()))


def _door(story):
    world = story.world
    email = "probation@fenmarch.example"
    story.send("people.send_password", None, [], {"email": email, "password": PASSWORD})
    story.send("people.send_code", None, ["session.signed_in"], {"code": _code(world)})
    story.clients.pop(None)
    wrong = {"email": email, "password": "another pass phrase 1"}
    story.send("people.send_password", None, [], wrong)
    story.ways.newest()
    answer = world.post(story.client(None), "/sign-in/code", {"code": "000000"})
    assert (answer.status_code, [one.event for one in story.ways.newest()]) == (
        400,
        ["session.sign_in_failed"],
    )
    story.clients.pop(None)
    token = story.ways.own["people.enrol", "token"]
    secret = world.hub.people.enrolment(token).secret
    chosen = {"password": PASS, "again": PASS, "code": _code(world, secret)}
    story.send("people.send_enrolment", None, ["account.enrolled", "session.signed_in"], chosen)
    story.clients.pop(None)
    story.send("web.extend_session", "police", [])
    another = _another_session(world, "police")
    story.send("people.end_session", "police", ["session.signed_out"], session_id=another)
    story.send("people.discard_unsent", "police", ["form.erased"])
    _stale(story)
    story.send("people.sign_out", "excluded", ["session.signed_out"])


def _another_session(world, who):
    with world.hub.db.work() as work:
        account = work.session.get_one(Account, world.people[who])
        token, _ = world.hub.sessions.start(work, account, address="192.0.2.8", device="tests")
        work.commit()
    return session_id(token)


def _stale(story):
    """A form whose token is stale is kept, and the log says so."""
    story.ways.newest()
    path = f"/cases/{story.ways.values['case']}/documents/new"
    answer = story.world.client("police").post(path, data={"csrf_token": "stale", "necessity": "typed"})
    assert (answer.status_code, [one.event for one in story.ways.newest()]) == (303, ["form.kept"])


def _people(story):
    world, leaver = story.world, story.world.people["other coordinator"]
    new = {
        "email": "n@fenmarch.example",
        "name": "N New-Fable",
        "role": "attendee",
        "agency": world.agencies["health"],
    }
    story.send("people.invite", "administrator", ["account.created"], new)
    with world.hub.db.reading() as session:
        account = session.scalars(select(Account.id).where(Account.email == new["email"])).one()
    story.send("people.invite_again", "administrator", ["account.changed"], account=account)
    for endpoint in ("people.suspend", "people.restore"):
        story.send(endpoint, "administrator", ["account.changed"], account=leaver)


def _cases(story):
    world, case = story.world, story.ways.values["case"]
    new = {
        "form": new_id(), "name": "Newton Newcase-Fable", "category": "1", "route": "sentence", "level": "1", "reason": WHY,
        "locality": "Northfen", "lead_agency": world.agencies["police"],
    }  # fmt: skip
    story.send("cases.open_case", "coordinator", ["case.opened"], new)
    review = {
        "review-day": "1",
        "review-month": "5",
        "review-year": "2026",
        "reason": WHY,
        "seen": story.seen(Case, case),
    }
    story.send("cases.send_change", "coordinator", ["case.viewed", "case.changed"], review, what="review")
    chair = {"person": world.people["chair"], "duty": "chairs it"}
    story.send("cases.send_team", "coordinator", ["case.team_changed"], chair, what="add-member")


def _documents(story):
    ways, desk = story.ways, story.desk
    story.send("documents.stage", "police", ["document.received"], {"file": story.file("one")})
    story.send("documents.discard", "police", ["document.received_discarded"])
    whole = {**desk.form(), "files": story.file("two")}
    story.send("documents.send_upload", "police", ["document.received", "document.uploaded"], whole)
    document = ways.values["document"]
    story.send("documents.give_reason", "coordinator", [], {"reason": "meeting"})
    edited = {**desk.form(title="Another title"), "seen": story.seen(Document, document)}
    story.send("documents.send_edit", "police", ["document.changed"], edited)
    second = {"file": story.file("three"), "form_token": new_id(), "seen": story.seen(Document, document)}
    story.send("documents.send_version", "police", ["document.received", "document.superseded"], second)
    for endpoint in ("documents.withdraw", "documents.restore"):
        story.send(endpoint, "police", ["document.changed"], {"seen": story.seen(Document, document)})
    story.send("search.ask", "police", [], {"q": w.TEXT})
    story.send("search.save", "police", [], {"q": w.TEXT, "name": "Again and again"})
    story.send("search.again", "police", [])
    story.send("search.unsave", "police", [])


def _meetings(story):
    world, case = story.world, story.ways.values["case"]
    when = {
        "level": "2", "day-day": "20", "day-month": "3", "day-year": "2026", "time": "9:30", "locality": "Northfen",
        "place": "Another room", "chair": world.people["chair"],
    }  # fmt: skip
    viewed = ["meeting.viewed", "case.listed", "case.listed"]
    made = story.send(
        "meetings.arrange", "coordinator", ["case.listed", "meeting.arranged", *["meeting.invited"] * 3, "meeting.case_listed"],
        {"form": new_id(), "cases": case, "invited": world.people["police"], **when},
    )  # fmt: skip
    meeting = made.location.rsplit("/", 1)[1]
    with world.hub.db.reading() as session:
        version = current_version(session, world.area).id
    agreed = {"version": version, "confidentiality": "y", "equality": "y"}
    story.send("meetings.affirm", "police", ["statement.affirmed"], agreed, meeting=meeting)
    moved = {**when, "place": "A third room", "seen": story.seen(Meeting, meeting)}
    story.send("meetings.send_change", "coordinator", [*viewed, "meeting.arranged"], moved, meeting=meeting)
    person = {"person": world.people["attendee"]}
    story.send(
        "meetings.send_agenda", "coordinator", ["meeting.invited"], person, meeting=meeting, what="invite"
    )
    papers = {"what": "papers", "documents": story.ways.plain}
    events = ["meeting.viewed", "case.listed", "meeting.issued"]
    story.send("meetings.send_issue", "coordinator", events, papers, meeting=meeting)
    seen = {"seen": story.seen(Meeting, meeting)}
    story.send("meetings.cancel", "coordinator", ["meeting.arranged"], seen, meeting=meeting)


def _oversight(story):
    world, review = story.world, story.ways.values["review"]
    case = world.make_case()
    with world.hub.db.reading() as session:
        reference = session.get_one(Case, case).reference
    asked = {"reference": reference, "reason": "on duty", "why": "Called by the duty officer tonight."}
    story.send("glass.send", "outsider", ["glass.asked", "glass.opened"], asked)
    story.send("glass.give_back", "outsider", ["glass.ended"], case=case)
    again = {"question": "And why again?", "seen": story.seen(ReviewItem, review)}
    story.send("reviews.ask", "governance", ["review.asked"], again)
    story.send(
        "reviews.send_answer", "outsider", ["review.answered"], {"answer": "I was on call that night."}
    )
    closing = {"outcome": "explained", "note": "On call that night.", "seen": story.seen(ReviewItem, review)}
    story.send("reviews.close", "governance", ["review.closed"], closing)
    story.send("bundles.send", "governance", ["log.bundled"], {"case": story.ways.values["case"]})


def _disposal(story):
    case = story.ways.values["case"]
    story.send(
        "disposal.set_hold", "governance", ["disposal.hold_set"], {"hold-reason": WHY, "hold-form": new_id()}
    )
    hold = story.world.hub.disposal.one(story.world.actor("governance"), case).holds[0].id
    story.send(
        "disposal.lift_hold", "governance", ["disposal.hold_lifted"], {"lift-reason": WHY, "lift-hold": hold}
    )
    closed = {"exit": "registration ended", "reason": WHY, "seen": story.seen(Case, case)}
    story.send("cases.send_close", "coordinator", ["case.viewed", "case.changed"], closed)
    asked = {"code": "review decided", "reason": WHY}
    for endpoint, who, event, data in (
        ("disposal.withdraw", "coordinator", "disposal.withdrawn", {}),
        ("disposal.refuse", "governance", "disposal.refused", {"refuse-reason": WHY}),
        ("disposal.approve", "governance", "disposal.approved", {"approve-reason": WHY}),
    ):
        story.send("disposal.send_request", "coordinator", ["disposal.requested"], asked)
        story.send(endpoint, who, [event], data)


def _statement(story):
    world = story.world
    draft = world.hub.statement.draft(world.actor("coordinator"))
    texts = {"confidentiality": "New text, " * 20, "equality": "And this, " * 20}
    saved = {**texts, "seen": draft.row_version}
    story.send("statement.save", "coordinator", ["statement.drafted"], saved)
    published = {"reason": "The guidance changed this spring.", "seen": draft.row_version + 1}
    story.send("statement.publish", "coordinator", ["statement.published"], published)
    with world.hub.db.reading() as session:
        version = current_version(session, world.area).id
    agreed = {"version": version, "confidentiality": "y", "equality": "y"}
    story.send("statement.send_agreement", "police", ["statement.agreed", "statement.agreed"], agreed)
