"""What people can do with cases, on both databases."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hub.cases.listing import CaseFilters, Sort
from hub.cases.model import Case, CaseChange, CaseExclusion, CaseMember
from hub.cases.rules import Category, Criterion, EntryRoute, ExitReason, Level, Review, State
from hub.cases.sealed import Nominal
from hub.cases.service import Decision, NewCase
from hub.errors import Closed, Conflict, Invalid, NotHere
from hub.ids import new_id
from tests.cases.counting import statements
from tests.world import World

WHY = "The risk was assessed again at the core group."
BOTH = frozenset({Criterion.HIGH_RISK, Criterion.SEVERAL_AGENCIES})


def seen(world: World, case: str | None = None) -> int:
    with world.hub.db.reading() as session:
        return session.get_one(Case, case or world.case).row_version


def decision(world: World, **more: Any) -> Decision:
    return replace(Decision(reason=WHY, seen=seen(world)), **more)


def new_case(world: World, **more: Any) -> NewCase:
    values: dict[str, Any] = {
        "form": new_id(),
        "nominal": Nominal(name="Ulla Invented-Fable", aliases=("U. Fable",), born=date(1981, 2, 3)),
        "category": Category.VIOLENT,
        "level": Level.SEVERAL_AGENCIES,
        "criteria": BOTH,
        "reason": WHY,
        "route": EntryRoute.SENTENCE,
        "locality": "Northfen",
        "lead_agency": world.agencies["probation"],
        "agencies": frozenset({world.agencies["police"]}),
    }
    return NewCase(**(values | more))


# --- opening ---------------------------------------------------------------------------------


def test_a_new_case_has_a_reference_a_review_and_its_coordinator(world: World) -> None:
    coordinator = world.actor("coordinator")
    case = world.hub.cases.open_case(coordinator, new_case(world))
    page = world.hub.cases.show(coordinator, case)
    assert page.head.reference == "FEN-2026-0002"
    assert page.head.review_due == date(2026, 3, 2) + timedelta(weeks=16)
    assert page.head.coordinator.id == world.people["coordinator"]
    assert page.head.nominal.name == "Ulla Invented-Fable"
    assert {agency.id for agency in page.agencies} == {world.agencies["police"], world.agencies["probation"]}
    opened = world.events("case.opened")
    assert [(entry.case_id, entry.operation) for entry in opened] == [(case, "collection")]


def test_a_form_sent_twice_opens_one_case(world: World) -> None:
    new = new_case(world)
    first, second = (world.hub.cases.open_case(world.actor("coordinator"), new) for _ in range(2))
    assert first == second
    assert world.hub.cases.open_case(world.actor("other coordinator"), new) != first
    assert len(world.events("case.opened")) == 2


def test_a_reference_taken_at_the_same_moment_is_not_given_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hub.cases import service

    taken, real = iter(["FEN-2026-0001", "FEN-2026-0001"]), service._next_reference
    monkeypatch.setattr(service, "_next_reference", lambda *given: next(taken, None) or real(*given))
    case = world.hub.cases.open_case(world.actor("coordinator"), new_case(world))
    assert world.hub.cases.show(world.actor("coordinator"), case).head.reference == "FEN-2026-0002"


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"category": Category.DANGEROUS, "route": EntryRoute.REFERRAL, "level": Level.ORDINARY}, "level"),
    ({"criteria": frozenset()}, "criteria"),
    ({"route": EntryRoute.REFERRAL}, "route"),
    ({"reason": "short"}, "reason"),
    ({"locality": "Elsewhere"}, "locality"),
    ({"lead_agency": new_id()}, "lead_agency"),
    ({"lead_agency": "\x00"}, "lead_agency"),
    ({"nominal": Nominal(name=" ")}, "name"),
    ({"nominal": Nominal(name="Ann\u202egnp.exe")}, "name"),
    ({"nominal": Nominal(name="x" * 121)}, "name"),
    ({"nominal": Nominal(name="Ann Fable", born=date(2026, 3, 3))}, "born"),
]


def test_what_breaks_a_rule_is_refused_at_its_field(world: World) -> None:
    for more, field in BROKEN:
        with pytest.raises(Invalid) as refused:
            world.hub.cases.open_case(world.actor("coordinator"), new_case(world, **more))
        assert refused.value.field == field
    assert not world.events("case.opened")


def test_only_coordinators_open_cases(world: World) -> None:
    for who in ("police", "attendee", "chair", "governance", "administrator"):
        with pytest.raises(NotHere):
            world.hub.cases.open_case(world.actor(who), new_case(world))


# --- reading ---------------------------------------------------------------------------------


def test_a_case_that_is_not_theirs_is_like_none(world: World) -> None:
    for who in ("outsider", "other coordinator", "attendee", "governance", "administrator", "chair"):
        for case in (world.case, new_id()):
            with pytest.raises(NotHere):
                world.hub.cases.show(world.actor(who), case)
            with pytest.raises(NotHere):
                world.hub.cases.timeline(world.actor(who), case)
        assert not world.events("case.viewed")


@pytest.mark.parametrize("who", ["police", "probation", "coordinator"])
def test_a_reading_is_recorded(world: World, who: str) -> None:
    world.hub.cases.show(world.actor(who), world.case)
    assert [(entry.case_id, entry.actor_id) for entry in world.events("case.viewed")] == [
        (world.case, world.people[who])
    ]


def test_the_list_names_in_the_log_exactly_what_it_showed(world: World) -> None:
    world.make_case(agencies=("housing",), coordinator="other coordinator")
    page = world.hub.cases.list(world.actor("police"), CaseFilters())
    assert [line.id for line in page.rows] == [world.case]
    assert '"cases":["' + world.case + '"]' in world.events("case.listed")[-1].leaf


def test_filters_and_sorting_agree_with_the_cases(world: World) -> None:
    cases = {
        "low": world.make_case(name="Zed Fable", level=1, category=2, review_due=date(2026, 3, 1)),
        "high": world.make_case(
            name="Abe Fable", level=3, category=4, review_due=date(2026, 3, 20), locality="Southmarch"
        ),
        "closed": world.make_case(
            name="Moe Fable", state="closed", review_due=None, closed_at=world.clock(), exit_reason="transfer"
        ),
    }
    names = {**{case: name for name, case in cases.items()}, world.case: "first"}

    def found(filters: CaseFilters, sort: Sort = Sort.REFERENCE, *, down: bool = False) -> list[str]:
        page = world.hub.cases.list(world.actor("police"), filters, sort, down=down)
        assert page.total == len(page.rows)
        return [names[line.id] for line in page.rows]

    assert found(CaseFilters()) == ["first", "low", "high"]
    assert found(CaseFilters(state=None)) == ["first", "low", "high", "closed"]
    assert found(CaseFilters(state=State.CLOSED)) == ["closed"]
    assert found(CaseFilters(review=Review.OVERDUE)) == ["low"]
    assert found(CaseFilters(review=Review.SOON)) == ["high"]
    assert found(CaseFilters(category=Category.TERRORIST)) == ["high"]
    assert found(CaseFilters(level=Level.ORDINARY)) == ["low"]
    assert found(CaseFilters(locality="Southmarch")) == ["high"]
    assert found(CaseFilters(lead_agency=world.agencies["housing"])) == []
    assert found(CaseFilters(text="2026-0003")) == ["high"]
    assert found(CaseFilters(text="%")) == found(CaseFilters(text="_")) == []
    assert found(CaseFilters(), Sort.NAME) == ["high", "first", "low"]
    assert found(CaseFilters(), Sort.NAME, down=True) == ["low", "first", "high"]
    assert found(CaseFilters(), Sort.REVIEW) == ["low", "high", "first"]
    assert found(CaseFilters(), Sort.LEVEL, down=True) == ["high", "first", "low"]
    world.hub.cases.change_review(world.actor("coordinator"), world.case, date(2026, 4, 1), decision(world))
    assert found(CaseFilters(), Sort.CHANGED, down=True)[0] == "first"


@pytest.mark.parametrize("sort", list(Sort))
def test_the_list_takes_as_many_queries_for_thirty_cases_as_for_two(world: World, sort: Sort) -> None:
    world.make_case()
    actor = world.actor("police")

    def listed() -> Any:
        return world.hub.cases.list(actor, CaseFilters(), sort)

    listed()
    few = statements(world, listed)
    for _ in range(28):
        world.make_case()
    assert statements(world, listed) == few
    assert len(listed().rows) == 25


def test_the_case_page_takes_as_many_queries_with_a_long_history(world: World) -> None:
    actor, coordinator = world.actor("police"), world.actor("coordinator")
    world.hub.cases.show(actor, world.case)
    world.hub.cases.change_review(coordinator, world.case, date(2026, 4, 1), decision(world))

    def shown() -> None:
        world.hub.cases.show(actor, world.case)

    few = statements(world, shown)
    for day in range(2, 20):
        world.hub.cases.change_review(coordinator, world.case, date(2026, 4, day), decision(world))
    for who in ("attendee", "chair", "probation"):
        world.hub.cases.add_member(coordinator, world.case, world.people[who], "team member")
    assert statements(world, shown) == few


def test_new_since_the_last_visit_stays_for_a_whole_visit(world: World) -> None:
    cases, first = world.hub.cases, world.actor("police")
    assert cases.show(first, world.case).news is None
    world.clock.forward(hours=1)
    cases.change_review(world.actor("coordinator"), world.case, date(2026, 4, 1), decision(world))
    assert cases.show(first, world.case).news is None
    del world.tokens["police"]
    second = world.actor("police")
    world.clock.forward(minutes=1)
    cases.change_review(world.actor("coordinator"), world.case, date(2026, 4, 2), decision(world))
    for _ in range(2):
        news = cases.show(second, world.case).news
        assert news is not None
        assert [(one.what, one.after) for one in news.rows] == [("review", "2026-04-02")]


def test_what_the_reader_did_is_not_new_to_them_and_at_most_five_lines_are_shown(world: World) -> None:
    cases = world.hub.cases
    cases.show(world.actor("coordinator"), world.case)
    cases.show(world.actor("police"), world.case)
    world.clock.forward(hours=1)
    world.tokens.clear()
    for day in range(1, 8):
        cases.change_review(world.actor("coordinator"), world.case, date(2026, 4, day), decision(world))
    world.clock.forward(minutes=1)
    world.tokens.clear()
    own, others = (cases.show(world.actor(who), world.case).news for who in ("coordinator", "police"))
    assert own is not None
    assert (own.total, list(own.rows)) == (0, [])
    assert others is not None
    assert (others.total, len(others.rows)) == (7, 5)


# --- changing --------------------------------------------------------------------------------


def test_a_level_change_moves_the_review_and_keeps_reason_and_criteria_sealed(world: World) -> None:
    coordinator = world.actor("coordinator")
    criteria = BOTH | {Criterion.MEDIA_INTEREST}
    world.hub.cases.change_level(coordinator, world.case, Level.SENIOR, decision(world, criteria=criteria))
    head, page = world.hub.cases.timeline(coordinator, world.case)
    assert (head.level, head.review_due) == (Level.SENIOR, date(2026, 4, 27))
    change = next(one for one in page.rows if one.what == "level")
    assert (change.before, change.after, change.reason, set(change.criteria)) == ("2", "3", WHY, criteria)
    with world.hub.db.reading() as session:
        assert all(WHY.encode() not in row.sealed_reason for row in session.scalars(select(CaseChange)))
    assert [entry.case_id for entry in world.events("case.changed")] == [world.case] * 2


def test_a_change_made_on_an_older_reading_is_refused(world: World) -> None:
    coordinator, old = world.actor("coordinator"), decision(world)
    world.hub.cases.change_review(coordinator, world.case, date(2026, 4, 1), old)
    with pytest.raises(Conflict, match="after you opened it"):
        world.hub.cases.change_review(coordinator, world.case, date(2026, 4, 2), old)
    assert len(world.events("case.changed")) == 1


@pytest.mark.parametrize("who", ["police", "other coordinator", "chair", "governance"])
def test_only_its_coordinator_changes_a_case(world: World, who: str) -> None:
    actor, cases, made = world.actor(who), world.hub.cases, decision(world)
    attempts = [
        lambda: cases.change_category(actor, world.case, Category.VIOLENT, made),
        lambda: cases.change_level(actor, world.case, Level.ORDINARY, made),
        lambda: cases.close(actor, world.case, ExitReason.TRANSFER, made),
        lambda: cases.add_agency(actor, world.case, world.agencies["health"]),
        lambda: cases.exclude(actor, world.case, world.people["police"], WHY),
        lambda: cases.team(actor, world.case),
        lambda: cases.for_change(actor, world.case),
    ]
    for attempt in attempts:
        with pytest.raises(NotHere):
            attempt()
    assert not world.events("case.changed") + world.events("case.team_changed")


def test_category_3_is_refused_while_the_case_is_at_level_1(world: World) -> None:
    case, coordinator = world.make_case(level=1, category=2), world.actor("coordinator")
    with pytest.raises(Invalid, match="never level 1"):
        world.hub.cases.change_category(
            coordinator, case, Category.DANGEROUS, Decision(reason=WHY, seen=seen(world, case))
        )


def test_a_case_is_closed_by_a_way_out_of_its_category_and_opened_again(world: World) -> None:
    cases, coordinator = world.hub.cases, world.actor("coordinator")
    with pytest.raises(Invalid, match="way out"):
        cases.close(coordinator, world.case, ExitReason.NO_RISK, decision(world))
    cases.close(coordinator, world.case, ExitReason.REGISTRATION, decision(world))
    head = cases.show(coordinator, world.case).head
    assert (head.state, head.exit_reason, head.review_due) == (State.CLOSED, ExitReason.REGISTRATION, None)
    cases.reopen(coordinator, world.case, decision(world))
    head = cases.show(coordinator, world.case).head
    assert (head.state, head.exit_reason, head.review_due) == (State.OPEN, None, date(2026, 6, 22))


def test_a_closed_case_takes_nothing_but_an_exclusion(world: World) -> None:
    cases, coordinator = world.hub.cases, world.actor("coordinator")
    cases.close(coordinator, world.case, ExitReason.TRANSFER, decision(world))
    made = decision(world)
    refused = [
        lambda: cases.change_category(coordinator, world.case, Category.VIOLENT, made),
        lambda: cases.change_level(coordinator, world.case, Level.ORDINARY, made),
        lambda: cases.change_review(coordinator, world.case, date(2026, 4, 1), made),
        lambda: cases.change_lead_agency(coordinator, world.case, world.agencies["housing"], made),
        lambda: cases.correct_nominal(coordinator, world.case, Nominal(name="Other Fable"), made),
        lambda: cases.close(coordinator, world.case, ExitReason.TRANSFER, made),
        lambda: cases.add_agency(coordinator, world.case, world.agencies["housing"]),
        lambda: cases.add_member(coordinator, world.case, world.people["attendee"], "nurse"),
        lambda: cases.lift_exclusion(coordinator, world.case, world.people["attendee"], WHY),
    ]
    for attempt in refused:
        with pytest.raises(Closed):
            attempt()
    cases.exclude(coordinator, world.case, world.people["police"], WHY)
    with pytest.raises(NotHere):
        cases.show(world.actor("police"), world.case)


def test_the_nominal_is_corrected_under_seal(world: World) -> None:
    coordinator = world.actor("coordinator")
    world.hub.cases.correct_nominal(
        coordinator, world.case, Nominal(name="Norma Nominal-Fable", visor="V/1"), decision(world)
    )
    assert world.hub.cases.show(coordinator, world.case).head.nominal == Nominal(
        name="Norma Nominal-Fable", visor="V/1"
    )
    assert all("Norma" not in entry.leaf for entry in world.events())


def test_a_case_handed_over_is_no_longer_theirs(world: World) -> None:
    cases, coordinator = world.hub.cases, world.actor("coordinator")
    for nobody in ("police", "coordinator"):
        with pytest.raises(Invalid):
            cases.hand_over(coordinator, world.case, world.people[nobody], decision(world))
    cases.hand_over(coordinator, world.case, world.people["other coordinator"], decision(world))
    with pytest.raises(NotHere):
        cases.show(coordinator, world.case)
    assert cases.show(world.actor("other coordinator"), world.case).head.may_change


def test_the_lead_agency_changes_and_is_put_on_the_case(world: World) -> None:
    cases, coordinator = world.hub.cases, world.actor("coordinator")
    cases.change_lead_agency(coordinator, world.case, world.agencies["housing"], decision(world))
    assert (
        world.hub.cases.show(world.actor("outsider"), world.case).head.lead_agency.id
        == world.agencies["housing"]
    )
    with pytest.raises(Invalid, match="lead agency stays"):
        cases.remove_agency(coordinator, world.case, world.agencies["housing"])


# --- who works the case ----------------------------------------------------------------------


def test_a_person_on_the_team_reads_the_case_until_taken_off(world: World) -> None:
    cases, coordinator, attendee = world.hub.cases, world.actor("coordinator"), world.actor("attendee")
    cases.add_member(coordinator, world.case, world.people["attendee"], "Mental health nurse")
    assert [person.duty for person in cases.show(attendee, world.case).team] == ["Mental health nurse"]
    cases.add_member(coordinator, world.case, world.people["attendee"], "Consultant nurse")
    assert [person.duty for person in cases.show(attendee, world.case).team] == ["Consultant nurse"]
    for _ in range(2):
        cases.remove_member(coordinator, world.case, world.people["attendee"])
    with pytest.raises(NotHere):
        cases.show(attendee, world.case)
    assert len(world.events("case.team_changed")) == 2


def test_a_role_that_works_on_no_case_is_not_put_on_a_team(world: World) -> None:
    for who in ("coordinator", "other coordinator", "governance", "administrator"):
        with pytest.raises(Invalid):
            world.hub.cases.add_member(world.actor("coordinator"), world.case, world.people[who], "member")


def test_an_exclusion_takes_the_person_off_the_team_and_keeps_them_off(world: World) -> None:
    cases, coordinator = world.hub.cases, world.actor("coordinator")
    world.join_team("police")
    cases.exclude(coordinator, world.case, world.people["police"], "Neighbour of the family.")
    with pytest.raises(NotHere):
        cases.show(world.actor("police"), world.case)
    with pytest.raises(Invalid, match="excluded"):
        cases.add_member(coordinator, world.case, world.people["police"], "member")
    with world.hub.db.reading() as session:
        assert session.get(CaseMember, (world.case, world.people["police"])) is None
        assert (
            b"Neighbour"
            not in session.get_one(CaseExclusion, (world.case, world.people["police"])).sealed_reason
        )
    assert [one.reason for one in cases.team(coordinator, world.case).excluded] == [
        "Neighbour of the family."
    ]
    cases.lift_exclusion(coordinator, world.case, world.people["police"], WHY)
    assert cases.show(world.actor("police"), world.case).team == ()


def test_exclusions_show_in_the_timeline_to_the_coordinator_alone(world: World) -> None:
    cases, coordinator = world.hub.cases, world.actor("coordinator")
    before = cases.timeline(world.actor("police"), world.case)[1]
    listed = cases.list(world.actor("police"), CaseFilters(), Sort.CHANGED).rows
    cases.exclude(coordinator, world.case, world.people["excluded"], WHY)
    assert cases.timeline(world.actor("police"), world.case)[1] == before
    assert cases.list(world.actor("police"), CaseFilters(), Sort.CHANGED).rows == listed
    shown = cases.timeline(coordinator, world.case)[1].rows[0]
    assert (shown.what, shown.after) == ("exclusion added", world.account("excluded").name)


def test_a_coordinator_does_not_exclude_themself(world: World) -> None:
    with pytest.raises(Invalid, match="Hand it to another"):
        world.hub.cases.exclude(world.actor("coordinator"), world.case, world.people["coordinator"], WHY)


def test_a_shredded_case_is_listed_without_a_name_and_opens_for_nobody(world: World) -> None:
    with world.hub.db.work() as work:
        work.session.get_one(Case, world.case).key_wrapped = None
        work.commit()
    assert [
        line.name for line in world.hub.cases.list(world.actor("police"), CaseFilters(), Sort.NAME).rows
    ] == ["Destroyed"]
    with pytest.raises(NotHere):
        world.hub.cases.show(world.actor("police"), world.case)
