"""How the pages are made: where templates come from, what they may call, and that a missing name is a fault."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Flask, request
from jinja2 import (
    ChainableUndefined,
    ChoiceLoader,
    FileSystemLoader,
    PackageLoader,
    PrefixLoader,
    StrictUndefined,
    Undefined,
)
from jinja2.utils import missing

from hub.web import csrf

TEMPLATES = Path(__file__).parent.parent.parent / "templates"
LONDON = ZoneInfo("Europe/London")
UNITS = ("bytes", "kB", "MB", "GB")
THOUSAND = 1000
STATE_COLOURS = {
    "open": "green",
    "active": "green",
    "approved": "green",
    "done": "green",
    "new": "blue",
    "issued": "blue",
    "planned": "blue",
    "invited": "blue",
    "draft": "yellow",
    "due": "yellow",
    "waiting": "yellow",
    "processing": "yellow",
    "overdue": "red",
    "refused": "red",
    "failed": "red",
    "suspended": "red",
    "withdrawn": "red",
    "destroyed": "red",
}


class CarefulUndefined(Undefined):
    """Strict for every name and attribute of ours.

    Empty for what GOV.UK's macros ask of themselves: an option left out of their mapping, or a
    `caller` where they were not called with a block.
    """

    def __new__(cls, hint: str | None = None, obj: Any = missing, name: str | None = None, *rest: Any) -> Any:
        lenient = isinstance(obj, Mapping) or (obj is missing and name == "caller")
        return (ChainableUndefined if lenient else StrictUndefined)(hint, obj, name, *rest)


def configure(app: Flask) -> None:
    """To be called before the blueprints are registered: a filter of theirs makes the environment as it then is."""
    app.jinja_options = {**app.jinja_options, "undefined": CarefulUndefined}
    govuk = PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})
    environment = app.jinja_env
    environment.loader = ChoiceLoader([FileSystemLoader(TEMPLATES), govuk])
    environment.trim_blocks = environment.lstrip_blocks = True
    # GOV.UK's templates were written for Nunjucks and name these two as values.
    nothing = ChainableUndefined(name="undefined")
    environment.globals.update(null=None, undefined=nothing, csrf_token=csrf.token, here=here)
    environment.filters.update(
        date=long_date,
        datetime=long_datetime,
        iso=iso,
        file_size=file_size,
        plural=plural,
        state_colour=state_colour,
    )


def here(**changes: object) -> str:
    """The address of the page being made, with some query values changed; None takes a value out."""
    kept = [(name, value) for name, value in request.args.items(multi=True) if name not in changes]
    added = [(name, str(value)) for name, value in changes.items() if value is not None]
    query = urlencode(kept + added)
    return f"{request.path}?{query}" if query else request.path


def long_date(value: date | datetime | None) -> str:
    """`1 May 2026`; a time is taken in London; nothing gives the empty text."""
    if value is None:
        return ""
    day = local(value) if isinstance(value, datetime) else value
    return f"{day.day} {day:%B %Y}"


def long_datetime(value: datetime | None) -> str:
    """`1 May 2026 at 9:05am`, in London."""
    if value is None:
        return ""
    moment = local(value)
    half = "am" if moment.hour < 12 else "pm"  # noqa: PLR2004 - noon
    return f"{long_date(moment)} at {moment.hour % 12 or 12}:{moment:%M}{half}"


def iso(value: date | datetime | None) -> str:
    """For the `datetime` attribute of a `<time>`."""
    return "" if value is None else value.isoformat()


def local(value: datetime) -> datetime:
    """A time without a zone, as SQLite gives it back, is UTC."""
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(LONDON)


def file_size(count: int) -> str:
    """Decimal units: `3 bytes`, `12 kB`, `1.5 MB`."""
    size, unit = float(count), 0
    while size >= THOUSAND and unit < len(UNITS) - 1:
        size, unit = size / THOUSAND, unit + 1
    if unit == 0:
        return plural(count, "byte")
    return f"{size:.1f}".removesuffix(".0") + f" {UNITS[unit]}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 case`, `1,204 cases`; `many` where adding an s is wrong."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def state_colour(state: object) -> str:
    """The tag colour of a state, by its value; grey for one that asks nothing of anybody."""
    return STATE_COLOURS.get(str(getattr(state, "value", state)).lower(), "grey")
