"""The rules of a case, over their whole tables."""

from datetime import date, timedelta
from itertools import chain, combinations, product

import pytest

from hub.cases import rules
from hub.cases.rules import (
    BOTH_NEEDED,
    ONE_NEEDED,
    Category,
    Criterion,
    EntryRoute,
    ExitReason,
    Level,
    Review,
)
from hub.errors import Invalid

TODAY = date(2026, 3, 2)
EVERY_SET = list(chain.from_iterable(combinations(Criterion, size) for size in range(len(Criterion) + 1)))


def allowed(category: Category, level: Level, criteria: tuple[Criterion, ...]) -> bool:
    if category is Category.DANGEROUS and level is Level.ORDINARY:
        return False
    if level is Level.ORDINARY:
        return True
    both = {Criterion.HIGH_RISK, Criterion.SEVERAL_AGENCIES} <= set(criteria)
    return both and (level is Level.SEVERAL_AGENCIES or len(criteria) > 2)


@pytest.mark.parametrize(("category", "level"), list(product(Category, Level)))
def test_a_level_is_taken_exactly_for_its_category_and_criteria(category: Category, level: Level) -> None:
    for criteria in EVERY_SET:
        if allowed(category, level, criteria):
            rules.require_level(category, level, criteria)
        else:
            with pytest.raises(Invalid) as broken:
                rules.require_level(category, level, criteria)
            assert broken.value.field in {"level", "criteria"}
            assert broken.value.sentence.endswith(".")


def test_category_3_is_told_why_it_is_never_level_1() -> None:
    with pytest.raises(
        Invalid, match="Category 3 is never level 1: such a person comes under MAPPA only because"
    ):
        rules.require_level(Category.DANGEROUS, Level.ORDINARY, BOTH_NEEDED | ONE_NEEDED)


@pytest.mark.parametrize(("category", "route"), list(product(Category, EntryRoute)))
def test_a_referral_makes_category_3_and_nothing_else_does_but_a_transfer(
    category: Category, route: EntryRoute
) -> None:
    third = category is Category.DANGEROUS
    fits = route in (
        {EntryRoute.REFERRAL, EntryRoute.TRANSFER} if third else set(EntryRoute) - {EntryRoute.REFERRAL}
    )
    if fits:
        rules.require_entry(category, route)
    else:
        with pytest.raises(Invalid):
            rules.require_entry(category, route)


@pytest.mark.parametrize(("category", "reason"), list(product(Category, ExitReason)))
def test_only_category_3_leaves_for_no_longer_being_a_risk(category: Category, reason: ExitReason) -> None:
    if reason in rules.exits(category):
        rules.require_exit(category, reason)
    else:
        with pytest.raises(Invalid, match=f"way out of category {category}"):
            rules.require_exit(category, reason)
    assert (ExitReason.NO_RISK in rules.exits(category)) == (category is Category.DANGEROUS)
    assert ExitReason.TRANSFER in rules.exits(category)


@pytest.mark.parametrize(
    ("level", "weeks"), [(Level.ORDINARY, 52), (Level.SEVERAL_AGENCIES, 16), (Level.SENIOR, 8)]
)
def test_a_review_is_due_by_the_levels_weeks_unless_the_area_has_its_own(level: Level, weeks: int) -> None:
    assert rules.review_by(level, TODAY, {}) == TODAY + timedelta(weeks=weeks)
    own = {"review_weeks": {str(level.value): 3}}
    assert rules.review_by(level, TODAY, own) == TODAY + timedelta(weeks=3)
    for broken in (
        {"review_weeks": None},
        {"review_weeks": {str(level.value): "3"}},
        {"review_weeks": {"2": 0, "3": -1}},
    ):
        assert rules.review_by(level, TODAY, broken) == TODAY + timedelta(weeks=weeks)


@pytest.mark.parametrize(
    ("days", "state"),
    [(-1, Review.OVERDUE), (0, Review.SOON), (28, Review.SOON), (29, Review.LATER), (None, Review.NONE)],
)
def test_a_review_is_overdue_from_the_day_after(days: int | None, state: Review) -> None:
    due = None if days is None else TODAY + timedelta(days=days)
    assert rules.review_state(due, TODAY) is state


@pytest.mark.parametrize(("days", "fits"), [(-1, False), (0, True), (56, True), (57, False)])
def test_a_review_lies_between_today_and_the_levels_last_day(days: int, fits: bool) -> None:
    latest = rules.review_by(Level.SENIOR, TODAY, {})
    due = TODAY + timedelta(days=days)
    if fits:
        rules.require_review(due, TODAY, latest)
    else:
        with pytest.raises(Invalid):
            rules.require_review(due, TODAY, latest)


def test_a_reference_reads_area_year_number() -> None:
    assert rules.reference("Fenmarch", 2026, 42) == "FEN-2026-0042"
    assert rules.reference("Ïé 9", 2026, 12345) == "CAS-2026-12345"
    assert rules.number_of("FEN-2026-0042") == 42
    assert rules.number_of("FEN-2026-x") == rules.number_of("") == 0


@pytest.mark.parametrize("kind", [Category, Level, Criterion, EntryRoute, ExitReason])
def test_every_code_has_words_of_its_own(kind: type) -> None:
    labels = [code.label for code in kind]
    assert len(set(labels)) == len(labels)
