"""When a case may be destroyed, and by whose word: pure decisions. Numbers in brackets are those of the domain rules.

* Nothing is destroyed while a legal hold stands, or while the case is open (6, 25).
* One person asks, another decides, and neither is excluded from the case (26).
* Retention begins when the case closes; each class says until when it asks to be kept (25).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

REQUEST_DAYS = 30
MIN_REASON, MAX_REASON = 10, 2000
HUNDRED = 100

REVIEW_YEARS: Mapping[str, int] = {"probation-6": 6, "police-long-term": 10, "agency": 6}
"""Years from closing to the first retention review, by a document's class: defaults for an area's own settings (25)."""
DUE_SOON = timedelta(days=28)


class Code(StrEnum):
    """Why a case is to be destroyed."""

    ENDED = "retention ended"
    REVIEWED = "review decided"
    ORDERED = "ordered"
    ERASURE = "erasure upheld"
    ERROR = "opened in error"

    @property
    def label(self) -> str:
        return _CODES[self]


_CODES = {
    Code.ENDED: "How long everything in it is kept has ended",
    Code.REVIEWED: "A retention review decided not to keep it any longer",
    Code.ORDERED: "A court or the Information Commissioner ordered it",
    Code.ERASURE: "A person's right to erasure was upheld",
    Code.ERROR: "The case was opened in error",
}


class RequestState(StrEnum):
    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    DONE = "done"


STANDING = frozenset({RequestState.WAITING, RequestState.APPROVED})


class Step(StrEnum):
    """What has just been finished; each later one includes those before it."""

    KEYS = "keys"
    OBJECTS = "objects"
    BACKUPS = "backups"
    DATABASE = "database"
    DONE = "done"


class Barred(Exception):  # noqa: N818 - a decision, not a fault
    """`why` is a code for the access log, `sentence` for the person."""

    def __init__(self, why: str, sentence: str) -> None:
        super().__init__(sentence)
        self.why, self.sentence = why, sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a case stands: `holds` that stand; `destroyed`: its key is gone; `closed_at`: last, if it was opened again."""

    state: str
    holds: int
    destroyed: bool = False
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as far as its rules go; `by` and `decided_by` are accounts."""

    state: str
    by: str
    ends_at: datetime
    decided_by: str | None = None
    asked_at: datetime | None = None

    def stands(self, now: datetime) -> bool:
        return self.state in STANDING and now < self.ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider:
    """Who would approve."""

    account: str | None
    active: bool
    excluded: bool


def require_disposable(case: Standing) -> None:
    """Raise Barred unless a case as it stands may be destroyed at all."""
    if case.destroyed:
        raise Barred("destroyed", "This case is destroyed already.")
    if case.state != "closed":
        raise Barred("case open", "This case is open. Only a closed case can be destroyed.")
    if case.holds:
        raise Barred("legal hold", "A legal hold stands on this case, so nothing of it can be destroyed.")


def _require_of_this_closing(case: Standing, request: Request) -> None:
    """What was asked for and approved was the case as it was closed then, and not what came to it since."""
    if case.closed_at and request.asked_at and request.asked_at < case.closed_at:
        raise Barred(
            "opened since",
            "The case was opened again after this was asked for. The request must be withdrawn and made again.",
        )


def require_askable(case: Standing, *, standing: bool) -> None:
    """Raise Barred unless destruction may be asked for; it may under a hold, which then keeps it from being approved."""
    require_disposable(Standing(state=case.state, holds=0, destroyed=case.destroyed))
    if standing:
        raise Barred("asked already", "The destruction of this case has been asked for already.")


def require_approvable(case: Standing, request: Request, by: Decider, now: datetime) -> None:
    """Raise Barred unless this person may approve this request now."""
    if not request.stands(now):
        raise Barred("request over", "This request no longer stands. It must be made again.")
    if request.state != RequestState.WAITING:
        raise Barred("decided already", "This request has been approved already.")
    require_decider(by)
    if by.account == request.by:
        raise Barred("own request", "You asked for this yourself. Somebody else must approve it.")
    require_disposable(case)
    _require_of_this_closing(case, request)


def require_decider(by: Decider) -> None:
    """Raise Barred for whoever has no say over the keeping of this case."""
    if not by.active:
        raise Barred("suspended", "This account is suspended and decides nothing.")
    if by.excluded:
        raise Barred("excluded", "You are excluded from this case. Somebody else must decide.")


def require_executable(case: Standing, request: Request, now: datetime, *, approver_active: bool) -> None:
    """Raise Barred unless an approved request may be carried out now: all is asked again, for days may have passed."""
    if request.state == RequestState.WAITING and request.stands(now):
        raise Barred(
            "not approved",
            "This has been asked for, but nobody of information governance has approved it yet.",
        )
    if request.state != RequestState.APPROVED or not request.stands(now):
        raise Barred(
            "request over", "No request stands. The case's coordinator must ask for its destruction."
        )
    if not approver_active:
        raise Barred(
            "suspended",
            "The account that approved this is suspended. The approval must be given again by another.",
        )
    if request.decided_by is None or request.decided_by == request.by:
        raise Barred("own request", "Whoever asked for this approved it too. Two people are needed.")
    require_disposable(case)
    _require_of_this_closing(case, request)


def ends_at(asked_at: datetime) -> datetime:
    return asked_at + timedelta(days=REQUEST_DAYS)


def review_years(retention_class: str, settings: Mapping[str, object]) -> tuple[int, bool]:
    """(years, whether that is only the default). `settings` is the area's: `{"retention_review_years": {"agency": 7}}`."""
    own = settings.get("retention_review_years")
    years = own.get(retention_class) if isinstance(own, Mapping) else None
    if isinstance(years, int) and 0 < years <= HUNDRED:
        return years, False
    return REVIEW_YEARS.get(retention_class, REVIEW_YEARS["agency"]), True


def review_due(closed: date, retention_class: str, settings: Mapping[str, object], today: date) -> date:
    """The review that is due or comes next. The police's long-term class is reviewed again each time the years have passed."""
    years, _ = review_years(retention_class, settings)
    due = years_after(closed, years)
    while retention_class == "police-long-term" and years_after(due, years) <= today:
        due = years_after(due, years)
    return due


def kept_until(
    closed: date, retention_class: str, born: date | None, settings: Mapping[str, object]
) -> date | None:
    """The day on which keeping ends: the 100th birthday for the police's long-term class, None where that is unknown."""
    if retention_class == "police-long-term":
        return years_after(born, HUNDRED) if born else None
    return years_after(closed, review_years(retention_class, settings)[0])


def require_ended(code: Code, ends: Collection[date | None], today: date) -> None:
    """Raise Barred where the reason says that keeping has ended, and it has not."""
    if code is not Code.ENDED:
        return
    if None in ends:
        raise Barred(
            "still kept",
            "Papers are kept to the person's 100th birthday, and no date of birth is recorded. Choose another reason.",
        )
    latest = max((end for end in ends if end), default=None)
    if latest and latest > today:
        told = f"{latest.day} {latest:%B %Y}"
        raise Barred(
            "still kept", f"Something in this case is kept until {told}. Choose another reason, or wait."
        )


def years_after(day: date, years: int) -> date:
    """The same day so many years later; 29 February becomes 1 March."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)
