"""The two ways of asking who may see what, held to each other on many random cases: row by row, and as SQL."""

import random
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from hub.access.actor import Actor
from hub.access.permissions import Permission, Role
from hub.access.policy import Standing
from hub.cases.access import load_case, visible_cases
from hub.cases.model import Case, CaseAgency, CaseExclusion, CaseMember
from hub.documents.access import load_document, visible_documents
from hub.documents.model import Document, DocumentAudience
from hub.errors import NotHere
from hub.ids import new_id
from hub.meetings.model import Meeting, MeetingInvitee, MeetingIssue
from hub.people.founding import found_area
from hub.people.model import Account, Agency
from tests.world import START

CASES, DOCUMENTS_EACH, MEETINGS = 22, 3, 16


@pytest.fixture(scope="module")
def populated(shared):
    dice = random.Random(17)
    with shared.hub.db.work() as work:
        accounts = [*shared.people.values(), *_another_area(work.session, shared)]
        documents = [id_ for _ in range(CASES) for id_ in _case(work.session, shared, accounts, dice)]
        work.session.flush()
        for _ in range(MEETINGS):
            _meeting(work.session, shared, accounts, documents, dice)
        work.commit()
    return shared


def _another_area(session, world):
    area = found_area(session, world.clock, world.hub.vaults, name="Elsewhere", localities=["East"])
    agency = Agency(id=new_id(), area_id=area.id, name="Elsewhere Police (fictional)", kind="police")
    session.add(agency)
    session.flush()
    made = []
    for role in Role:
        account = Account(
            id=new_id(), area_id=area.id, agency_id=agency.id, email=f"{role}@elsewhere.example", name="E", role=role,
            state="active", totp_last_step=0, created_at=START,
        )  # fmt: skip
        session.add(account)
        made.append(account.id)
    session.flush()
    return made


def _some(dice, things, most):
    things = list(things)
    return dice.sample(things, dice.randint(0, min(most, len(things))))


def _case(session, world, accounts, dice):
    people, agencies = world.people, world.agencies
    case = Case(
        id=new_id(), area_id=world.area, reference=f"R{new_id()[:12]}", category=1, level=1, locality="Northfen",
        lead_agency_id=agencies["police"], entry_route="sentence", state="open", opened_at=START,
        coordinator_id=people[dice.choice(["coordinator", "other coordinator"])],
        key_version=1, key_wrapped=b"x", row_version=1, sealed_nominal=b"",
    )  # fmt: skip
    session.add(case)
    session.flush()
    for agency in _some(dice, agencies.values(), 3):
        session.add(CaseAgency(case_id=case.id, agency_id=agency, added_at=START))
    for account in _some(dice, accounts, 4):
        session.add(CaseMember(case_id=case.id, account_id=account, duty="m", added_at=START))
    for account in _some(dice, accounts, 3):
        session.add(CaseExclusion(case_id=case.id, account_id=account, sealed_reason=b"", added_at=START))
    return [_document(session, world, case.id, dice) for _ in range(DOCUMENTS_EACH)]


def _document(session, world, case, dice):
    narrowed = dice.random() < 0.5
    row = Document(
        id=new_id(), case_id=case, type="minutes", owner_id=dice.choice(list(world.agencies.values())),
        uploader_id=world.people["police"], marking="OFFICIAL", dated=date(2026, 1, 1), retention_class="agency",
        narrowed=narrowed, sealed_details=b"", current=1, created_at=START, changed_at=START, form_token=new_id(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    for agency in _some(dice, world.agencies.values(), 3) if narrowed else ():
        session.add(DocumentAudience(document_id=row.id, agency_id=agency))
    return row.id


def _meeting(session, world, accounts, documents, dice):
    state = dice.choice(["planned", "planned", "held", "cancelled"])
    row = Meeting(
        id=new_id(), area_id=world.area, level=2, locality="Northfen", starts_at=START, place="P", state=state,
        chair_id=world.people["chair"], coordinator_id=world.people["coordinator"], created_at=START, row_version=1,
    )  # fmt: skip
    session.add(row)
    session.flush()
    for account in _some(dice, accounts, 6):
        affirmed = START if dice.random() < 0.6 else None
        session.add(
            MeetingInvitee(
                meeting_id=row.id,
                account_id=account,
                invited_at=START,
                affirmed_at=affirmed,
                affirmed_version_id=None,
            )
        )
    for document in dice.sample(documents, 8):
        session.add(
            MeetingIssue(
                meeting_id=row.id,
                document_id=document,
                what="papers",
                issued_at=START,
                issued_by=world.people["chair"],
            )
        )


def actors(world):
    """Everyone of both areas, each also as every other role, with broken glass, and as nobody at all."""
    with world.hub.db.reading() as session:
        rows = session.scalars(select(Account)).all()
        half = frozenset(session.scalars(select(Case.id).order_by(Case.id)).all()[::2])
    for row in rows:
        own = Actor(area=row.area_id, account=row.id, agency=row.agency_id, role=row.role_, name=row.name)
        yield own
        if row.area_id == world.area:
            yield replace(own, role=None)
            yield from (replace(own, role=role, glass=half) for role in Role)
            yield from (replace(own, role=role) for role in (Role.COORDINATOR, Role.ATTENDEE))
        else:
            yield replace(own, role=Role.PRACTITIONER, agency=world.agencies["police"])
    yield Actor(
        area=world.area, account=None, agency=world.agencies["police"], role=Role.PRACTITIONER, name=""
    )


def loads(load, session, actor, permission, id_):
    try:
        load(session, actor, permission, id_)
    except NotHere:
        return False
    return True


def test_the_listed_cases_are_exactly_those_that_can_be_loaded(populated):
    some, none = 0, 0
    with populated.hub.db.reading() as session:
        every = list(session.scalars(select(Case.id)))
        for actor in actors(populated):
            listed = set(session.scalars(select(Case.id).where(visible_cases(actor))))
            loaded = {id_ for id_ in every if loads(load_case, session, actor, Permission.CASE_READ, id_)}
            assert listed == loaded, actor
            some, none = some + len(listed), none + len(every) - len(listed)
    assert some > 100
    assert none > 200


def test_the_listed_documents_are_exactly_those_that_can_be_loaded(populated):
    some, none = 0, 0
    with populated.hub.db.reading() as session:
        every = list(session.scalars(select(Document.id)))
        listing = select(Document.id).join(Case, Case.id == Document.case_id)
        for actor in actors(populated):
            listed = list(session.scalars(listing.where(visible_documents(actor))))
            loaded = {
                id_ for id_ in every if loads(load_document, session, actor, Permission.DOCUMENT_READ, id_)
            }
            assert sorted(listed) == sorted(loaded), actor
            some, none = some + len(listed), none + len(every) - len(listed)
    assert some > 100
    assert none > 200


def test_somebody_of_another_area_sees_nothing_whatever_was_issued_to_them(populated):
    listing = select(Document.id).join(Case, Case.id == Document.case_id)
    with populated.hub.db.reading() as session:
        strangers = [actor for actor in actors(populated) if actor.area != populated.area]
        invited = set(session.scalars(select(MeetingInvitee.account_id)))
        assert any(actor.account in invited for actor in strangers)
        every = list(session.scalars(select(Document.id)))
        for actor in strangers:
            assert session.scalars(listing.where(visible_documents(actor))).all() == []
            assert session.scalars(select(Case.id).where(visible_cases(actor))).all() == []
            assert not any(
                loads(load_document, session, actor, Permission.DOCUMENT_READ, id_) for id_ in every
            )


def test_absent_and_forbidden_differ_in_the_log_and_nowhere_else(populated):
    outsider = populated.actor("outsider")
    with populated.hub.db.reading() as session:
        for load, permission, there in (
            (load_case, Permission.CASE_READ, populated.case),
            (load_document, Permission.DOCUMENT_READ, _unreadable(session, outsider)),
        ):
            told = {}
            for id_ in (there, new_id()):
                with pytest.raises(NotHere) as caught:
                    load(session, outsider, permission, id_)
                told[id_] = caught.value
            assert {error.sentence for error in told.values()} == {"There is nothing here for you."}
            assert sorted(error.why for error in told.values()) == ["absent", f"forbidden: {Standing.NONE}"]


def _unreadable(session, actor):
    query = select(Document.id).join(Case, Case.id == Document.case_id)
    on_team = select(CaseMember.case_id).where(CaseMember.account_id == actor.account)
    on_agency = select(CaseAgency.case_id).where(CaseAgency.agency_id == actor.agency)
    excluded = select(CaseExclusion.case_id).where(CaseExclusion.account_id == actor.account)
    apart = ~Case.id.in_(on_team) & ~Case.id.in_(on_agency) & ~Case.id.in_(excluded)
    return session.scalars(query.where(~visible_documents(actor), apart).limit(1)).one()


@pytest.mark.parametrize("kind", ["case", "document"])
def test_absent_takes_as_many_queries_as_forbidden(populated, kind):
    from sqlalchemy import event

    outsider = populated.actor("outsider")
    with populated.hub.db.reading() as session:
        there = populated.case if kind == "case" else _unreadable(session, outsider)
        narrowed = kind == "document" and session.get_one(Document, there).narrowed
    load, permission = (
        (load_case, Permission.CASE_READ) if kind == "case" else (load_document, Permission.DOCUMENT_READ)
    )
    counts = []
    for id_ in (there, new_id()):
        seen = []

        def count(*_, seen=seen):
            seen.append(1)

        with populated.hub.db.reading() as session:
            event.listen(populated.hub.db.engine, "before_cursor_execute", count)
            assert not loads(load, session, outsider, permission, id_)
            event.remove(populated.hub.db.engine, "before_cursor_execute", count)
        counts.append(len(seen))
    assert counts[0] - narrowed == counts[1]
