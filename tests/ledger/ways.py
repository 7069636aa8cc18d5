"""Every way into the hub that `url_map` has: a hub in which each leads somewhere, and who goes it.

Content of a case is told by canary words: they are in nothing but the sealed fields, files and rooms of these cases.
"""

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select

from hub.access.permissions import Role
from hub.cases.rules import ExitReason
from hub.cases.service import Decision
from hub.governance.glass.service import Asked
from hub.governance.model import ReviewItem
from hub.governance.rules import GlassReason
from hub.ids import new_id
from hub.ledger.model import LogEntry
from hub.meetings.rules import Issue, MeetingLevel
from hub.meetings.service import NewMeeting, When
from tests import world as worlds
from tests.documents.conftest import Desk, docx, pdf
from tests.world import World

NAME, TITLE, FILE, TEXT, ROOM, NEED = (
    "Canaryperson", "Canarytitle", "Canaryfile", "Canarytext", "Canaryroom", "Canaryneed",
)  # fmt: skip
GONE_NAME, HELD, WHY = "Canarygone", "Canarytyped", "Canarywhy"
WORDS = (NAME, TITLE, FILE, TEXT, ROOM, NEED, GONE_NAME, HELD, WHY)
KINDS = {"pdf": (pdf, "pdf"), "docx": (docx, "docx")}


@dataclass
class Ways:
    """`values`: what stands for each argument of a rule, by endpoint where it matters; `last`: the newest entry seen."""

    world: World
    values: dict[str, str | int]
    own: dict[tuple[str, str], str] = field(default_factory=dict)
    last: int = 0

    def rules(self, method):
        found = [rule for rule in self.world.app.url_map.iter_rules() if method in rule.methods]
        return sorted(found, key=lambda rule: rule.rule)

    def path(self, rule, **more):
        known = {name: self.own.get((rule.endpoint, name), self.values.get(name)) for name in rule.arguments}
        return self.world.app.url_map.bind("localhost").build(rule.endpoint, known | more)

    def newest(self):
        """Entries written since this was asked last, oldest first."""
        query = select(LogEntry).where(LogEntry.sequence > self.last).order_by(LogEntry.sequence)
        with self.world.hub.db.reading() as session:
            found = list(session.scalars(query))
        self.last = found[-1].sequence if found else self.last
        return found


def shows(answer):
    """The canary words in the answer, its headers included; a zip or PDF is packed, so any byte of one counts."""
    told = answer.data + repr(list(answer.headers)).encode()
    packed = answer.mimetype in (
        "application/pdf",
        "application/zip",
        "image/png",
        "image/jpeg",
        "image/webp",
    )
    return [word for word in WORDS if word.encode() in told] + (
        [answer.mimetype] if packed and answer.data else []
    )


def furnish(world, reader):
    """A hub in which every GET of the `url_map` has something to show to somebody."""
    world.hub.documents._reader = reader
    desk, hub = Desk(world), world.hub
    gone, case = _destroyed(world), world.make_case(name=NAME)
    world.join_team("attendee", case)
    kept = desk.prepared(
        pdf(f"{TEXT} of an invented person."), f"{FILE}.pdf", case=case, title=TITLE, necessity=NEED
    )
    plain = desk.prepared(docx(TEXT), f"{FILE}.docx", case=case, title=f"{TITLE} two", necessity=NEED)
    receipt = new_id()
    staged = desk.stage(pdf(TEXT), f"{FILE}-second.pdf", case=case)
    desk.service.upload(
        world.actor("police"), case, desk.details(title=TITLE, necessity=NEED), [staged], receipt
    )
    values = {
        "case": case, "document": kept, "version": 1, "page": 1, "number": 1, "name": "hub.css", "account": world.people["police"],
        "agency": world.agencies["police"], "what": "level", "session_id": "0" * 64, "token": receipt,
        "staged": desk.stage(pdf(TEXT), f"{FILE}-staged.pdf", case=case),
        "meeting": _meeting(world, case, kept), "held": _held(world, case),
        "asked": hub.search.keep(world.actor("police"), [("q", TEXT)]),
        "saved": _saved(world),
    }  # fmt: skip
    hub.search.renew()
    for document in (kept, plain):
        for who in ("police", "probation", "attendee"):
            desk.service.give_reason(world.actor(who), document, "risk")
        desk.service.read(world.actor("probation"), document)
    ways = Ways(world, values)
    ways.own["people.enrol", "token"] = ways.own["people.send_enrolment", "token"] = _invited(world)
    ways.own["people.confirm", "what"] = "suspend"
    for endpoint in ("disposal.pdf", "disposal.text"):
        ways.own[endpoint, "case"] = gone
    ways.values["review"] = _reviewed(world, case)
    hub.statement.save(
        world.actor("coordinator"), confidentiality="A draft, " * 20, equality="Another, " * 20, seen=0
    )
    ways.plain, ways.gone = plain, gone
    ways.newest()
    return ways


def _meeting(world, case, document):
    who = world.actor("coordinator")
    when = When(
        starts_at=world.clock() + timedelta(days=7), level=MeetingLevel(2), locality="Northfen", place=ROOM,
        chair=world.people["chair"],
    )  # fmt: skip
    invited = frozenset(world.people[one] for one in ("police", "attendee"))
    made = world.hub.meetings.arrange(
        who, NewMeeting(form=new_id(), when=when, cases=frozenset({case}), invited=invited)
    )
    world.hub.meetings.issue(who, made, Issue.PAPERS, frozenset({document}))
    return made


def _saved(world):
    who = world.actor("police")
    world.hub.search.save(who, "Often", [("q", TEXT)])
    return world.hub.search.saved(who)[0].id


def _held(world, case):
    return world.hub.people.hold_form(
        world.people["police"], path=f"/cases/{case}/documents/new", fields=[("necessity", HELD)]
    )


def _invited(world):
    return world.hub.people.invite(
        world.actor("administrator"), email=f"{new_id()}@fenmarch.example", name="Nova Comer-Fable", role=Role.PRACTITIONER,
        agency=world.agencies["housing"],
    )  # fmt: skip


def _destroyed(world):
    case = world.make_case(name=GONE_NAME)
    who, disposal = world.actor("coordinator"), world.hub.disposal
    seen = world.hub.cases.for_change(who, case).seen
    world.hub.cases.close(
        who, case, ExitReason.REGISTRATION, Decision(reason="The registration ended.", seen=seen)
    )
    disposal.ask(who, case, "review decided", "Nothing in it is needed.")
    disposal.approve(world.actor("governance"), case, "Nothing in it is needed.")
    world.hub.shredding.shred(world.hub.shredding.find(case))
    return case


def _reviewed(world, case):
    """A break-glass by the outsider, whose review asks them something."""
    with world.hub.db.reading() as session:
        from hub.cases.model import Case

        reference = session.get_one(Case, case).reference
    world.hub.glass.break_glass(
        world.actor("outsider"),
        Asked(reference=reference, reason=GlassReason.RISK, why=f"{WHY}: called by the duty officer."),
    )
    world.hub.following.catch_up()
    with world.hub.db.reading() as session:
        found = session.scalars(
            select(ReviewItem).where(ReviewItem.account_id == world.people["outsider"])
        ).first()
        seen = found.row_version
    world.hub.reviews.ask(world.actor("governance"), found.id, "What did you open it for?", seen)
    return found.id


@contextmanager
def furnished(request, tmp_path_factory, reader):
    """`furnish`ed for a module on the database that `request.param` names."""
    home, url = tmp_path_factory.mktemp("ways") / "home", ""
    worlds.copy_home(request.getfixturevalue(f"{request.param}_template"), home)
    if request.param == "postgresql":
        server, name = request.getfixturevalue("postgres"), f"ways_{new_id()}"
        url = server.database(name, template="template_world")
    world = worlds.open_world(home, url)
    own = world.hub.documents._reader
    try:
        yield furnish(world, reader)
    finally:
        world.hub.documents._reader = own
        world.hub.documents.close()
        world.hub.db.engine.dispose()
        if url:
            server.drop(name)
