"""Following the log: as of the time of the access, once each, in figures that agree with the log itself."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, update

from hub.governance.model import (
    AccessClass,
    CaseReader,
    DocumentReader,
    Followed,
    ListedCase,
    LogDay,
    PersonDay,
    ReviewItem,
)
from hub.governance.rules import Flag
from hub.ledger.model import LogEntry
from hub.people.model import Account, Area
from tests.documents.conftest import Desk, pdf


def follow(world, at_most=500):
    while world.hub.following.catch_up(at_most):
        pass


def classes(world):
    with world.hub.db.reading() as session:
        return session.scalars(select(AccessClass).order_by(AccessClass.sequence)).all()


def look(world, who, case=None):
    assert world.client(who).get(f"/cases/{case or world.case}").status_code in (200, 404)


def set_area(world, **settings):
    with world.hub.db.work() as work:
        work.session.execute(update(Area).values(settings={"review": settings}))
        work.commit()


def test_an_access_is_classed_as_things_stood_when_it_was_made(world):
    """Each is followed only at the end, when all has changed."""
    cases, cora = world.hub.cases, world.actor("coordinator")
    world.clock.forward(days=30)
    world.tokens.clear()
    cora = world.actor("coordinator")
    look(world, "police")
    cases.add_member(cora, world.case, world.people["police"], "supervises")
    look(world, "police")
    cases.remove_member(cora, world.case, world.people["police"])
    look(world, "police")
    follow(world)
    assert [row.why for row in classes(world) if row.account_id == world.people["police"]] == [
        "agency only",
        "team",
        "agency only",
    ]


def test_following_late_or_at_once_comes_to_the_same(world):
    world.clock.forward(days=30)
    world.tokens.clear()
    cora = world.actor("coordinator")
    told = []
    for step in range(2):
        case = world.case if step else world.make_case()
        look(world, "probation", case)
        if step:
            follow(world)
        world.hub.cases.add_member(cora, case, world.people["probation"], "supervises")
        look(world, "probation", case)
        if step:
            follow(world)
        world.hub.cases.remove_agency(cora, case, world.agencies["probation"])
        follow(world)
        told.append(
            [
                row.why
                for row in classes(world)
                if row.case_id == case and row.kind == "case" and row.account_id == world.people["probation"]
            ]
        )
    assert told[0] == told[1] == ["agency only", "team"]


def test_each_entry_is_taken_once_however_it_is_cut(world):
    document = Desk(world).upload(pdf("words"), "w.pdf", "police").document
    world.hub.documents.give_reason(world.actor("police"), document, "risk")
    for _ in range(4):
        world.client("police").get(f"/documents/{document}")
        world.client("police").get("/cases/")
        look(world, "outsider")
        follow(world, at_most=3)
    follow(world)
    with world.hub.db.reading() as session:
        entries = session.scalar(select(func.count()).select_from(LogEntry))
        assert session.scalar(select(func.sum(LogDay.entries))) == entries
        assert session.scalar(select(Followed.sequence)) == entries
        reader = session.scalars(select(DocumentReader)).one()
        viewed = session.scalar(
            select(func.count()).where(
                LogEntry.event == "document.page_viewed", LogEntry.document_id == document
            )
        )
        assert reader.pages == viewed >= 4
        assert session.scalars(select(CaseReader)).one().pages == viewed
        person = session.scalars(
            select(PersonDay).where(PersonDay.account_id == world.people["outsider"])
        ).one()
        assert person.refusals == 4
        assert session.scalar(select(func.count()).select_from(ListedCase)) == 4


def test_an_access_never_waits_for_it_nor_fails_with_it(world, monkeypatch):
    set_area(world, glass_hours="nonsense")
    with pytest.raises(ValueError, match=r".+"):
        world.client("police").get(f"/cases/{world.case}")
        follow(world)
    look(world, "police")
    set_area(world)
    follow(world)
    assert len(classes(world)) == 2


@pytest.mark.parametrize(("hour", "flagged"), [(12, False), (23, True)])
def test_out_of_hours(world, hour, flagged):
    world.clock.now = datetime(2026, 3, 3, hour, tzinfo=UTC)
    look(world, "coordinator")
    follow(world)
    (row,) = classes(world)
    assert bool(row.flags & Flag.OUT_OF_HOURS) is flagged
    with world.hub.db.reading() as session:
        assert len(session.scalars(select(ReviewItem)).all()) == flagged


def test_in_bulk_also_across_two_runs(world):
    set_area(world, bulk_cases=3)
    cases = [world.make_case() for _ in range(6)]
    for case in cases:
        look(world, "coordinator", case)
        follow(world)
    assert [bool(row.flags & Flag.BULK) for row in classes(world)] == [False] * 3 + [True] * 3


def test_a_new_device_or_address(world):
    look(world, "coordinator")
    with world.hub.db.work() as work:
        account = work.session.get_one(Account, world.people["coordinator"])
        token, _ = world.hub.sessions.start(work, account, address="203.0.113.9", device="another")
        work.commit()
    world.clock.forward(seconds=1)
    world.tokens["coordinator"] = token
    look(world, "coordinator")
    follow(world)
    assert [bool(row.flags & Flag.NEW_PLACE) for row in classes(world)] == [False, True]


def test_who_is_suspended_leaves_the_weeks_before_to_be_looked_at(world):
    look(world, "police")
    follow(world)
    world.hub.people.suspend(world.actor("administrator"), world.people["police"])
    follow(world)
    (row,) = classes(world)
    assert row.flags & Flag.LEFT
    with world.hub.db.reading() as session:
        item = session.scalars(select(ReviewItem).where(ReviewItem.about == "left")).one()
        assert item.accesses == 1


def test_repeated_refusals_are_one_thing_to_look_at(world):
    for _ in range(7):
        look(world, "outsider", world.make_case())
    follow(world)
    with world.hub.db.reading() as session:
        item = session.scalars(select(ReviewItem)).one()
        assert (item.about, item.refusals, Flag(item.flags)) == ("person", 3, Flag.REFUSALS)


def test_an_old_log_is_classed_and_counted_and_buries_nobody(world):
    world.clock.forward(days=100)
    world.tokens.clear()
    look(world, "police")
    world.clock.forward(days=60)
    follow(world)
    assert not classes(world)[0].expected
    with world.hub.db.reading() as session:
        assert session.scalars(select(ReviewItem)).all() == []


def test_the_program_itself_is_not_classed(world):
    Desk(world).upload(pdf("words"), "w.pdf", "police")
    follow(world)
    assert {row.account_id for row in classes(world)} <= set(world.people.values())


def test_replace_keeps_the_actor_frozen(world):
    """The glass of a request cannot be added to in place."""
    with pytest.raises(AttributeError):
        world.actor("police").glass = frozenset({world.case})  # type: ignore[misc]
    assert replace(world.actor("police"), glass=frozenset({"x"})).glass == {"x"}
