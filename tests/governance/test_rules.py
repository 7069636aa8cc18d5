"""Was it expected, and what about it is strange: the rules as tables."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from hub.governance.days import add_working_days, bank_holidays, in_hours, is_working_day
from hub.governance.rules import (
    Access,
    Counts,
    Kind,
    MeetingTie,
    Peer,
    Settings,
    Spree,
    Ties,
    Why,
    classify,
    compared,
    undone,
)

AT = datetime(2026, 3, 10, 10, tzinfo=UTC)
SETTINGS = Settings()


def access(**more):
    return Access(
        **(
            {
                "kind": Kind.PAGE,
                "at": AT,
                "account": "me",
                "agency": "mine",
                "document": "d",
                "owner": "theirs",
            }
            | more
        )
    )


def ties(**more):
    values = {"coordinator": "other", "team": (), "agencies": (), "meetings": ()} | more
    return Ties(**values | {"team": frozenset(values["team"]), "agencies": frozenset(values["agencies"])})


def meeting(days, people=("me",), issued=()):
    return MeetingTie(on=AT + timedelta(days), people=frozenset(people), issued=frozenset(issued))


TABLE = [
    (Why.COORDINATOR, ties(coordinator="me"), {}),
    (Why.TEAM, ties(team={"me"}), {}),
    (Why.ISSUED, ties(meetings=(meeting(-300, issued={"d"}),)), {}),
    (Why.NOTHING, ties(meetings=(meeting(-300, issued={"another"}),)), {}),
    (Why.NOTHING, ties(meetings=(meeting(-300, people=("them",), issued={"d"}),)), {}),
    (Why.INVITED, ties(meetings=(meeting(21),)), {}),
    (Why.INVITED, ties(meetings=(meeting(-14),)), {}),
    (Why.NOTHING, ties(meetings=(meeting(22),)), {}),
    (Why.NOTHING, ties(meetings=(meeting(-15),)), {}),
    (Why.NOTHING, ties(meetings=(meeting(0, people=("them",)),)), {}),
    (Why.SUPPLIED, ties(), {"owner": "mine"}),
    (Why.NOTHING, ties(), {"owner": None, "agency": None}),
    (Why.CONTRIBUTED, ties(contributed=AT - timedelta(90)), {}),
    (Why.NOTHING, ties(contributed=AT - timedelta(91)), {}),
    (Why.AGENCY_MEETING, ties(agencies={"mine"}, meetings=(meeting(3, people=("them",)),)), {}),
    (Why.AGENCY_NEW, ties(agencies={"mine"}, joined=AT - timedelta(14)), {}),
    (Why.AGENCY_ONLY, ties(agencies={"mine"}, joined=AT - timedelta(15)), {}),
    (Why.AGENCY_ONLY, ties(agencies={"mine"}), {}),
    (Why.NOTHING, ties(agencies={"another"}), {}),
    (Why.GLASS, ties(glass=True), {}),
    (Why.TEAM, ties(glass=True, team={"me"}), {}),
]


@pytest.mark.parametrize(("why", "tied", "more"), TABLE, ids=range(len(TABLE)))
def test_an_access_is_classed_with_its_reason(why, tied, more):
    assert classify(access(**more), tied, SETTINGS) is why


def test_every_reason_is_in_the_table_and_four_of_them_are_unexpected():
    assert {why for why, _, _ in TABLE} == set(Why) - {Why.REFUSED}
    assert {why for why in Why if not why.expected} == {Why.GLASS, Why.AGENCY_ONLY, Why.NOTHING, Why.REFUSED}


def test_what_changed_since_is_undone():
    changes = [("member added", "a"), ("member removed", "b"), ("member removed", "a"), ("member added", "a")]
    assert undone(frozenset({"a", "c"}), changes, "member added", "member removed") == {"b", "c"}
    assert undone(frozenset(), [], "x", "y") == frozenset()


def test_in_bulk_is_more_than_the_threshold_within_the_hour():
    spree = Spree(Settings(bulk_documents=3))
    told = [spree.add(AT + timedelta(minutes=n), Kind.PAGE, f"d{n // 2}") for n in range(8)]
    assert told == [False] * 6 + [True] * 2
    assert not spree.add(AT + timedelta(hours=3), Kind.PAGE, "later")


def test_the_fifth_refusal_within_the_hour_is_trying_doors():
    spree = Spree(SETTINGS)
    assert [spree.add(AT, Kind.REFUSAL, "") for _ in range(6)] == [False] * 4 + [True] * 2


def test_bank_holidays_are_those_that_were_published():
    """The list of GOV.UK for England and Wales."""
    published = {
        2023: "0102 0407 0410 0501 0529 0828 1225 1226",
        2024: "0101 0329 0401 0506 0527 0826 1225 1226",
        2025: "0101 0418 0421 0505 0526 0825 1225 1226",
        2026: "0101 0403 0406 0504 0525 0831 1225 1228",
        2027: "0101 0326 0329 0503 0531 0830 1227 1228",
    }
    for year, days in published.items():
        expected = {date(year, int(day[:2]), int(day[2:])) for day in days.split()}
        assert bank_holidays(year) == expected, year


def test_an_area_adds_days_that_were_proclaimed_once():
    coronation = date(2023, 5, 8)
    assert is_working_day(coronation)
    assert not is_working_day(coronation, frozenset({coronation}))


def test_working_days_pass_over_weekends_and_holidays():
    assert add_working_days(date(2026, 4, 2), 2) == date(2026, 4, 8)
    assert add_working_days(date(2026, 3, 2), 5) == date(2026, 3, 9)


@pytest.mark.parametrize(
    ("day", "hour", "inside"),
    [((2026, 3, 10), 7, True), ((2026, 3, 10), 6, False), ((2026, 3, 10), 19, False), ((2026, 3, 14), 12, False), ((2026, 4, 3), 12, False)],
)  # fmt: skip
def test_working_hours(day, hour, inside):
    assert in_hours(date(*day), time(hour), SETTINGS.opens, SETTINGS.closes) is inside


def test_settings_are_the_areas_own_and_a_wrong_one_is_refused():
    stored = {"review": {"opens": "06:00", "glass_hours": 2, "extra_holidays": ["2026-06-01"]}}
    found = Settings.of(stored)
    assert (found.opens, found.glass_hours, found.closes) == (time(6), 2, time(19))
    assert date(2026, 6, 1) in found.extra_holidays
    for wrong in ({"no such": 1}, {"glass_hours": 0}, {"glass_hours": "x"}, {"opens": "noon"}):
        with pytest.raises(ValueError, match=r".+"):
            Settings.of({"review": wrong})


def counts(pages):
    return Counts(cases=0, pages=pages, downloads=0, hits=0, refusals=0, unexpected=0, out_of_hours=0)


def test_a_person_is_compared_with_the_others_of_their_role():
    people = [
        Peer(id=id_, name=id_, role=role, agency_id="a", agency="A", counts=counts(pages))
        for id_, role, pages in (
            ("x", "chair", 60),
            ("y", "chair", 10),
            ("z", "chair", 20),
            ("w", "coordinator", 9),
        )
    ]
    found = {peer.id: peer for peer in compared(people)}
    pages = Counts._fields.index("pages")
    assert found["x"].average[pages] == 15
    assert found["x"].stands_out(pages)
    assert not found["z"].stands_out(pages)
    assert found["w"].average is None
    assert not found["w"].stands_out(pages)
