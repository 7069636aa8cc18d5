"""What is there before a test begins, made through the hub's own services."""

import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from hub.documents.rules import Details
from hub.ids import new_id
from hub.meetings.rules import Issue, MeetingLevel
from hub.meetings.service import NewMeeting, When
from tests.browser.files import pdf
from tests.browser.server import Login, Server

TITLE = "Assessment of March"
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
