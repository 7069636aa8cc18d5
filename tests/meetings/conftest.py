"""What the tests of meetings share: a meeting to come, and documents without bytes."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest

from hub.cases.model import Case
from hub.documents.model import Document, DocumentAudience, DocumentVersion, StoredObject
from hub.documents.records import Said, seal_said
from hub.ids import new_id
from hub.ledger.events import PageViewed
from hub.meetings.rules import MeetingLevel
from hub.meetings.service import MeetingService, NewMeeting, When
from hub.statement.rules import PARTS, Part
from tests.world import World


@dataclass
class Table:
    """A hub around one meeting: `meeting` lists the world's case; attendee, chair and 'police' are invited."""

    world: World
    meeting: str = ""

    @property
    def service(self) -> MeetingService:
        return self.world.hub.meetings

    def when(self, **more: Any) -> When:
        values: dict[str, Any] = {
            "starts_at": self.world.clock() + timedelta(days=7),
            "level": MeetingLevel.TWO,
            "locality": "Northfen",
            "place": "Room 2",
            "chair": self.world.people["chair"],
        }
        return When(**(values | more))

    def new(self, **more: Any) -> NewMeeting:
        values: dict[str, Any] = {
            "form": new_id(),
            "when": self.when(),
            "cases": frozenset({self.world.case}),
            "invited": frozenset({self.world.people["attendee"], self.world.people["police"]}),
        }
        return NewMeeting(**(values | more))

    def document(self, title: str = "Zebrafinch minutes", kind: str = "minutes", **more: Any) -> str:
        case, narrowed = more.get("case", self.world.case), more.get("audience")
        document, stored, now = new_id(), new_id(), self.world.clock()
        uploader, owner = self.world.people["police"], self.world.agencies["police"]
        with self.world.hub.db.work() as work:
            vault = self.world.hub.vaults.of(work.session, work.session.get_one(Case, case))
            said = Said(title=title, author="", necessity="Needed for the plan.")
            work.session.add(
                StoredObject(
                    id=stored, case_id=case, kind="original", version=1, size=1, sha256=b"", sealed_size=1,
                    sealed_sha256="", wrapped_key=b"", name="", created_at=now,
                )
            )  # fmt: skip
            work.session.add(
                Document(
                    id=document, case_id=case, type=kind, owner_id=owner, uploader_id=uploader,
                    marking="OFFICIAL-SENSITIVE", dated=date(2026, 3, 1), retention_class="agency",
                    narrowed=narrowed is not None, form_code=None, sealed_details=seal_said(vault, document, said),
                    current=1, withdrawn_at=None, created_at=now, changed_at=now, form_token=document,
                )
            )  # fmt: skip
            work.session.flush()
            work.session.add(
                DocumentVersion(
                    document_id=document, number=1, kind="pdf", original_id=stored, sealed_file_name=b"",
                    uploaded_by=uploader, uploaded_at=now, pages=1, text_state="ready",
                )
            )  # fmt: skip
            work.session.add_all(
                DocumentAudience(document_id=document, agency_id=one) for one in narrowed or ()
            )
            work.commit()
        return document

    def affirm(self, who: str, meeting: str | None = None) -> None:
        actor = self.world.actor(who)
        version = self.world.hub.statement.current(actor).id
        self.service.affirm(actor, meeting or self.meeting, version=version, parts=frozenset[Part](PARTS))

    def open_page(self, who: str, document: str, *, form: str = "text") -> None:
        viewed = PageViewed(
            case=self.world.case, document=document, version=1, page=1, form=form, reason="meeting"
        )
        self.world.hub.db.record(self.world.actor(who), viewed)

    def begin(self) -> None:
        self.world.clock.forward(days=8)
        self.world.tokens.clear()


@pytest.fixture
def table(world: World) -> Table:
    made = Table(world)
    made.meeting = made.service.arrange(world.actor("coordinator"), made.new())
    return made
