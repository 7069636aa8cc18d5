"""One case of canary words with two documents, and a person of each role in each relation to it."""

import itertools

from hub.access.permissions import Role
from hub.ids import new_id
from hub.meetings.model import Meeting, MeetingCase, MeetingInvitee, MeetingIssue
from hub.people.model import Account
from hub.statement.model import Acceptance
from hub.statement.rules import PARTS
from hub.statement.service import current_version
from tests.documents.conftest import Desk, pdf
from tests.world import PASSWORD, QUICK, START

RELATIONS = ("none", "excluded", "on case", "coordinates", "invited")
NAME, FIRST, SECOND = "Canaryperson", "Canaryfirst", "Canarysecond"
FURNITURE = ("canary", "documents", "staged", "meeting", "held")
"""What `furnish` tells of the world, by attribute."""


def furnish(shared):
    """One case of canary words with two documents, the first issued to a meeting; a person of each role and relation."""
    for role, relation in itertools.product(Role, RELATIONS):
        if relation != "coordinates":
            _person(
                shared,
                f"{role}, {relation}",
                role,
                "police" if relation in ("on case", "excluded") else "housing",
            )
        else:
            shared.people[f"{role}, {relation}"] = shared.people["coordinator"]
    for role in Role:
        _person(shared, f"{role}, unagreed", role, "police", agreed=False)
    shared.canary = shared.make_case(name=NAME)
    for role in Role:
        shared.join_team(f"{role}, on case", shared.canary)
        shared.join_team(f"{role}, excluded", shared.canary)
        shared.join_team(f"{role}, unagreed", shared.canary)
        shared.exclude(f"{role}, excluded", shared.canary)
    desk = Desk(shared)
    shared.documents = [
        desk.upload(
            pdf(f"{word} assessment"),
            f"{word}.pdf",
            "police",
            case=shared.canary,
            title=word,
            necessity=f"{word} it is",
        ).document
        for word in (FIRST, SECOND)
    ]
    shared.staged = desk.stage(pdf(NAME), f"{NAME}.pdf", "police", shared.canary)
    _meeting(shared)
    shared.held = shared.hub.people.hold_form(
        shared.people["police"], path=f"/cases/{shared.canary}/close", fields=[("reason", NAME)]
    )
    return shared


def _person(world, who, role, kind, *, agreed=True):
    with world.hub.db.work() as work:
        account = Account(
            id=new_id(), area_id=world.area, agency_id=world.agencies[kind], email=f"{new_id()}@fenmarch.example",
            name=f"Person {who}", role=role, state="active", password_hash=QUICK.hash(PASSWORD), totp_last_step=0,
            created_at=START,
        )  # fmt: skip
        work.session.add(account)
        work.session.flush()
        current = current_version(work.session, world.area)
        for part in PARTS if agreed else ():
            work.session.add(
                Acceptance(
                    account_id=account.id, version_id=current.id, part=part, at=START, sha256=current.sha256
                )
            )
        work.commit()
    world.people[who] = account.id


def _meeting(world):
    with world.hub.db.work() as work:
        meeting = Meeting(
            id=new_id(), area_id=world.area, level=2, locality="Northfen", starts_at=START, place="Room", state="planned",
            chair_id=world.people["chair"], coordinator_id=world.people["other coordinator"], created_at=START, row_version=1,
        )  # fmt: skip
        work.session.add(meeting)
        work.session.flush()
        version = current_version(work.session, world.area)
        for role, relation in itertools.product(Role, ("invited", "excluded")):
            work.session.add(
                MeetingInvitee(
                    meeting_id=meeting.id, account_id=world.people[f"{role}, {relation}"], invited_at=START,
                    affirmed_at=START, affirmed_version_id=version.id,
                )
            )  # fmt: skip
        work.session.add(MeetingCase(meeting_id=meeting.id, case_id=world.canary, position=1))
        work.session.add(
            MeetingIssue(
                meeting_id=meeting.id, document_id=world.documents[0], what="papers", issued_at=START,
                issued_by=world.people["other coordinator"],
            )
        )  # fmt: skip
        work.commit()
    world.meeting = meeting.id
