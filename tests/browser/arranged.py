"""What is there before a test begins, made through the hub's own services."""

import io
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select

from hub.documents.rules import Details
from hub.governance.glass.service import Asked
from hub.governance.model import ReviewItem
from hub.governance.rules import GlassReason
from hub.ids import new_id
from hub.meetings.rules import Issue, MeetingLevel
from hub.meetings.service import NewMeeting, When
from tests.browser.files import pdf
from tests.browser.server import Login, Server

TITLE = "Assessment of March"
REFERENCE = "FEN-2026-0001"
"""Of the world's case."""
WORD = "Larkspurling"
PAGES = ("First page of an invented assessment.", f"The second page alone names {WORD}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    document: str
    receipt: str


def document(server: Server, *, title: str = TITLE, pages: tuple[str, ...] = PAGES) -> Filed:
    """Uploaded by police to the world's case, and prepared."""
    hub, who, receipt = server.hub, server.world.actor("police"), new_id()
    details = Details(
        title=title,
        type="risk-assessment",
        owner=server.world.agencies["police"],
        dated=date(2024, 3, 1),
        audience=None,
        necessity="The others plan the next visits with it.",
        attested=True,
        retention_class="agency",
    )
    staged = hub.documents.receive(who, server.case, "assessment.pdf", io.BytesIO(pdf(*pages)))
    line = hub.documents.upload(who, server.case, details, [staged.id], receipt)[0]
    hub.documents.prepare(line.document, 1)
    return Filed(document=line.document, receipt=receipt)


def meeting(server: Server, document: str, *invited: Login) -> str:
    """Of the world's case, next week, with the document issued to it."""
    world, who = server.world, server.world.actor("coordinator")
    when = When(
        starts_at=datetime.now(UTC) + timedelta(days=7),
        level=MeetingLevel(2),
        locality="Northfen",
        place="The invented room",
        chair=world.people["chair"],
    )
    new = NewMeeting(
        form=new_id(), when=when, cases=frozenset({server.case}), invited=frozenset(one.id for one in invited)
    )
    arranged = server.hub.meetings.arrange(who, new)
    server.hub.meetings.issue(who, arranged, Issue.PAPERS, frozenset({document}))
    return arranged


def question(server: Server, who: str) -> str:
    """A review whose person is asked: they broke the glass of the world's case, and it is open to them still."""
    hub, world, person = server.hub, server.world, server.world.actor(who)
    reason, why = GlassReason.RISK, "An invented call from the duty sergeant."
    hub.glass.break_glass(person, Asked(reference=REFERENCE, reason=reason, why=why))
    hub.cases.show(replace(person, glass=frozenset({server.case})), server.case)
    hub.following.catch_up_wholly()
    with hub.db.reading() as session:
        query = select(ReviewItem).where(ReviewItem.about == "glass", ReviewItem.account_id == person.account)
        review = session.scalars(query).one()
    hub.reviews.ask(
        world.actor("governance"), review.id, "Which call was that, and who took it?", review.row_version
    )
    return review.id
