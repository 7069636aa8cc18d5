"""Holds, two people, and how long things are kept: the pure decisions."""

from datetime import UTC, date, datetime, timedelta

import pytest

from hub.disposal import rules
from hub.disposal.rules import Barred, Code, Decider, Request, Standing

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
CLOSED = Standing(state="closed", holds=0)
WAITING = Request(state="waiting", by="asker", ends_at=NOW + timedelta(days=1))
APPROVED = Request(state="approved", by="asker", ends_at=NOW + timedelta(days=1), decided_by="approver")
GOOD = Decider(account="approver", active=True, excluded=False)


def why(call, *args, **kwargs):
    with pytest.raises(Barred) as barred:
        call(*args, **kwargs)
    assert barred.value.sentence.endswith(".")
    return barred.value.why


def test_a_closed_case_without_a_hold_may_be_destroyed_and_no_other():
    rules.require_disposable(CLOSED)
    assert why(rules.require_disposable, Standing(state="open", holds=0)) == "case open"
    assert why(rules.require_disposable, Standing(state="closed", holds=1)) == "legal hold"
    assert why(rules.require_disposable, Standing(state="closed", holds=0, destroyed=True)) == "destroyed"


def test_it_may_be_asked_for_under_a_hold_but_once_at_a_time_and_not_while_open():
    rules.require_askable(Standing(state="closed", holds=1), standing=False)
    assert why(rules.require_askable, CLOSED, standing=True) == "asked already"
    assert why(rules.require_askable, Standing(state="open", holds=0), standing=False) == "case open"


@pytest.mark.parametrize(
    ("case", "request_", "by", "expected"),
    [
        (CLOSED, WAITING, Decider(account="asker", active=True, excluded=False), "own request"),
        (CLOSED, WAITING, Decider(account="approver", active=False, excluded=False), "suspended"),
        (CLOSED, WAITING, Decider(account="approver", active=True, excluded=True), "excluded"),
        (CLOSED, APPROVED, GOOD, "decided already"),
        (CLOSED, Request(state="waiting", by="asker", ends_at=NOW), GOOD, "request over"),
        (CLOSED, Request(state="withdrawn", by="asker", ends_at=NOW + timedelta(1)), GOOD, "request over"),
        (Standing(state="closed", holds=2), WAITING, GOOD, "legal hold"),
        (Standing(state="open", holds=0), WAITING, GOOD, "case open"),
    ],
)
def test_who_may_not_approve_and_when(case, request_, by, expected):
    assert why(rules.require_approvable, case, request_, by, NOW) == expected


def test_another_person_may_approve_a_request_that_stands():
    rules.require_approvable(CLOSED, WAITING, GOOD, NOW)


@pytest.mark.parametrize(
    ("case", "request_", "active", "expected"),
    [
        (CLOSED, WAITING, True, "not approved"),
        (CLOSED, APPROVED, False, "suspended"),
        (CLOSED, Request(state="approved", by="a", ends_at=NOW, decided_by="b"), True, "request over"),
        (
            CLOSED,
            Request(state="refused", by="a", ends_at=NOW + timedelta(1), decided_by="b"),
            True,
            "request over",
        ),
        (
            CLOSED,
            Request(state="approved", by="a", ends_at=NOW + timedelta(1), decided_by="a"),
            True,
            "own request",
        ),
        (CLOSED, Request(state="approved", by="a", ends_at=NOW + timedelta(1)), True, "own request"),
        (Standing(state="closed", holds=1), APPROVED, True, "legal hold"),
        (Standing(state="open", holds=0), APPROVED, True, "case open"),
    ],
)
def test_everything_is_asked_again_before_it_is_carried_out(case, request_, active, expected):
    assert why(rules.require_executable, case, request_, NOW, approver_active=active) == expected
    rules.require_executable(CLOSED, APPROVED, NOW, approver_active=True)


def test_a_request_ends_after_thirty_days():
    assert rules.ends_at(NOW) - NOW == timedelta(days=30)


def test_years_are_defaults_until_the_area_sets_its_own():
    assert rules.review_years("probation-6", {}) == (6, True)
    assert rules.review_years("probation-6", {"retention_review_years": {"probation-6": 7}}) == (7, False)
    for nonsense in (0, -1, "7", 101, None):
        assert rules.review_years("agency", {"retention_review_years": {"agency": nonsense}}) == (6, True)


def test_the_polices_long_term_class_is_reviewed_again_every_ten_years():
    closed = date(2000, 2, 29)
    assert rules.review_due(closed, "police-long-term", {}, date(2005, 1, 1)) == date(2010, 3, 1)
    assert rules.review_due(closed, "police-long-term", {}, date(2026, 3, 2)) == date(2020, 3, 1)
    assert rules.review_due(closed, "probation-6", {}, date(2026, 3, 2)) == date(2006, 3, 1)


def test_keeping_ends_with_the_hundredth_birthday_or_after_its_years():
    born = date(1980, 2, 29)
    assert rules.kept_until(date(2026, 1, 1), "police-long-term", born, {}) == date(2080, 2, 29)
    assert rules.kept_until(date(2026, 1, 1), "police-long-term", None, {}) is None
    assert rules.kept_until(date(2026, 1, 1), "probation-6", born, {}) == date(2032, 1, 1)


def test_that_keeping_has_ended_cannot_be_the_reason_before_it_has():
    today = date(2026, 3, 2)
    assert why(rules.require_ended, Code.ENDED, [date(2026, 3, 3)], today) == "still kept"
    assert why(rules.require_ended, Code.ENDED, [None], today) == "still kept"
    rules.require_ended(Code.ENDED, [date(2026, 3, 2)], today)
    rules.require_ended(Code.ENDED, [], today)
    rules.require_ended(Code.ORDERED, [None, date(2080, 1, 1)], today)
