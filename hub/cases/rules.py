"""What MAPPA says of a case, as pure decisions; numbers in brackets are those of the project's domain rules.

* A case has one category at a time; category 3 is never level 1.
* Levels 2 and 3 need their criteria met, each by name.
* Every function that refuses raises Invalid: the sentence says which rule forbids it and what would be needed, at the field
  that was asked wrongly.
"""

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from enum import IntEnum, StrEnum

from hub.errors import Invalid


class Category(IntEnum):
    """Who comes under MAPPA (rule 1)."""

    SEXUAL = 1
    VIOLENT = 2
    DANGEROUS = 3
    TERRORIST = 4

    @property
    def label(self) -> str:
        return _CATEGORIES[self]


_CATEGORIES = {
    Category.SEXUAL: "Registered sexual offender",
    Category.VIOLENT: "Violent or other sexual offender",
    Category.DANGEROUS: "Other dangerous offender",
    Category.TERRORIST: "Terrorist or terrorism-risk offender",
}


class Level(IntEnum):
    """How a case is managed (rule 2)."""

    ORDINARY = 1
    SEVERAL_AGENCIES = 2
    SENIOR = 3

    @property
    def label(self) -> str:
        return _LEVELS[self]


_LEVELS = {
    Level.ORDINARY: "Ordinary agency management",
    Level.SEVERAL_AGENCIES: "Active involvement of several agencies",
    Level.SENIOR: "Senior oversight",
}


class Criterion(StrEnum):
    """The limbs of a level 2 or 3 decision (rule 4)."""

    HIGH_RISK = "high risk"
    SEVERAL_AGENCIES = "several agencies"
    SENIOR_COMPLEXITY = "senior complexity"
    UNUSUAL_RESOURCES = "unusual resources"
    MEDIA_INTEREST = "media interest"

    @property
    def label(self) -> str:
        return _CRITERIA[self]


_CRITERIA = {
    Criterion.HIGH_RISK: "High or very high risk of serious harm",
    Criterion.SEVERAL_AGENCIES: "The plan needs several agencies to work together",
    Criterion.SENIOR_COMPLEXITY: "The plan is so complex that it needs senior managers",
    Criterion.UNUSUAL_RESOURCES: "The plan needs unusual resources",
    Criterion.MEDIA_INTEREST: "High media or public interest in how the case is managed",
}
BOTH_NEEDED = frozenset({Criterion.HIGH_RISK, Criterion.SEVERAL_AGENCIES})
ONE_NEEDED = frozenset({Criterion.SENIOR_COMPLEXITY, Criterion.UNUSUAL_RESOURCES, Criterion.MEDIA_INTEREST})


class EntryRoute(StrEnum):
    """How a person came under MAPPA (rule 5)."""

    SENTENCE = "sentence"
    FINDING = "caution or finding"
    REFERRAL = "referral"
    TRANSFER = "transfer"
    OVERSEAS = "overseas"

    @property
    def label(self) -> str:
        return _ROUTES[self]


_ROUTES = {
    EntryRoute.SENTENCE: "Relevant sentence",
    EntryRoute.FINDING: "Schedule 3 caution, or finding of insanity or disability",
    EntryRoute.REFERRAL: "Referred by an agency (category 3)",
    EntryRoute.TRANSFER: "Transferred from another area",
    EntryRoute.OVERSEAS: "Arrived from overseas under a notification order",
}


class ExitReason(StrEnum):
    """How a person leaves MAPPA (rule 6)."""

    LICENCE = "licence expired"
    REGISTRATION = "registration ended"
    DISCHARGED = "discharged"
    NO_RISK = "no longer a risk"
    TRANSFER = "transfer"

    @property
    def label(self) -> str:
        return _EXITS[self]


_EXITS = {
    ExitReason.LICENCE: "Licence expired",
    ExitReason.REGISTRATION: "Registration period ended",
    ExitReason.DISCHARGED: "Discharged from a hospital order (section 37)",
    ExitReason.NO_RISK: "Category 3: no longer a risk of serious harm",
    ExitReason.TRANSFER: "Transferred to another area",
}


class State(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class Review(StrEnum):
    """How near a review is."""

    OVERDUE = "overdue"
    SOON = "due soon"
    LATER = "planned"
    NONE = "none"


REVIEW_WEEKS = {Level.ORDINARY: 52, Level.SEVERAL_AGENCIES: 16, Level.SENIOR: 8}
"""Within how many weeks a case is reviewed (rule 28; level 1 a year): defaults for an area's own settings."""
SOON = timedelta(days=28)


def require_level(category: Category, level: Level, criteria: Collection[Criterion]) -> None:
    """Raise Invalid unless a case of the category may be managed at the level for these criteria (rules 3, 4)."""
    if not may_be(category, level):
        raise Invalid(
            "level",
            "Category 3 is never level 1: such a person comes under MAPPA only because several agencies "
            "must manage the risk together. Choose level 2 or 3.",
        )
    if level >= Level.SEVERAL_AGENCIES and not set(criteria) >= BOTH_NEEDED:
        raise Invalid(
            "criteria",
            f"Level {level} needs both: a high or very high risk of serious harm, and a plan that needs "
            "several agencies. Tick both, or choose level 1.",
        )
    if level == Level.SENIOR and not ONE_NEEDED & set(criteria):
        raise Invalid(
            "criteria",
            "Level 3 needs one thing more: complexity for senior managers, unusual resources, or media interest.",
        )


def may_be(category: Category, level: Level) -> bool:
    return not (category is Category.DANGEROUS and level is Level.ORDINARY)


def require_entry(category: Category, route: EntryRoute) -> None:
    """Raise Invalid unless a person of the category can have come in by the route (rule 5).

    A referral makes a category 3 case and nothing else does, but for a transfer.
    """
    by_referral = route is EntryRoute.REFERRAL
    if by_referral and category is not Category.DANGEROUS:
        raise Invalid(
            "route", "Only category 3 is entered by an agency's referral. Choose how this person came in."
        )
    if category is Category.DANGEROUS and not by_referral and route is not EntryRoute.TRANSFER:
        raise Invalid(
            "route", "Category 3 is entered by an agency's referral, or by transfer from another area."
        )


def exits(category: Category) -> tuple[ExitReason, ...]:
    """The ways out that are open to the category (rule 6)."""
    return _WAYS_OUT[category]


_WAYS_OUT = {
    Category.SEXUAL: (ExitReason.REGISTRATION, ExitReason.TRANSFER),
    Category.VIOLENT: (ExitReason.LICENCE, ExitReason.DISCHARGED, ExitReason.TRANSFER),
    Category.DANGEROUS: (ExitReason.NO_RISK, ExitReason.TRANSFER),
    Category.TERRORIST: (
        ExitReason.LICENCE,
        ExitReason.REGISTRATION,
        ExitReason.DISCHARGED,
        ExitReason.TRANSFER,
    ),
}


def require_exit(category: Category, reason: ExitReason) -> None:
    if reason not in exits(category):
        ways = "; ".join(way.label.lower() for way in exits(category))
        raise Invalid("exit", f"That is not a way out of category {category}. Its ways out are: {ways}.")


def review_weeks(level: Level, settings: Mapping[str, object]) -> int:
    """`settings` is the area's: `{"review_weeks": {"2": 16}}`, each level optional."""
    own = settings.get("review_weeks")
    weeks = own.get(str(level.value)) if isinstance(own, Mapping) else None
    return weeks if isinstance(weeks, int) and weeks > 0 else REVIEW_WEEKS[level]


def review_by(level: Level, today: date, settings: Mapping[str, object]) -> date:
    """The last day on which a case of this level, decided today, is to be reviewed."""
    return today + timedelta(weeks=review_weeks(level, settings))


def require_review(due: date, today: date, latest: date) -> None:
    if due < today:
        raise Invalid("review", "The next review cannot be in the past.")
    if due > latest:
        raise Invalid(
            "review", f"At this level a review is due by {latest.day} {latest:%B %Y} at the latest."
        )


def review_state(due: date | None, today: date) -> Review:
    if due is None:
        return Review.NONE
    if due < today:
        return Review.OVERDUE
    return Review.SOON if due <= today + SOON else Review.LATER


def reference(area: str, year: int, number: int) -> str:
    """`FEN-2026-0042`: the area's name shortened, the year, a running number."""
    return f"{prefix(area)}-{year}-{number:04d}"


def prefix(area: str) -> str:
    letters = "".join(letter for letter in area.upper() if letter.isascii() and letter.isalpha())
    return letters[:3] or "CAS"


def number_of(reference_: str) -> int:
    """The running number of a reference; 0 where there is none."""
    tail = reference_.rpartition("-")[2]
    return int(tail) if tail.isascii() and tail.isdigit() else 0
