"""`python3 -m hub review-settings`: an area's own numbers for reviews and break-glass."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, time
from typing import Any

from sqlalchemy import select

from hub.access.actor import program
from hub.commands.base import services
from hub.governance.rules import Settings
from hub.ledger.events import CommandRun
from hub.people.model import Area


def review_settings(argv: Sequence[str]) -> int:
    """Show them, or set one: `review-settings --area NAME glass_hours 2`; days as 2027-05-10,2027-06-03."""
    parser = argparse.ArgumentParser(prog="hub review-settings", description=review_settings.__doc__)
    parser.add_argument("--area", required=True, help="the area's name")
    parser.add_argument("setting", nargs="?")
    parser.add_argument("value", nargs="?")
    given = parser.parse_args(argv)
    hub = services()
    with hub.db.work() as work:
        row = work.session.scalars(select(Area).where(Area.name == given.area)).one_or_none()
        if row is None:
            print(f"There is no area {given.area!r}.", file=sys.stderr)
            return 1
        stored = dict(row.settings.get("review", {}))
        if given.setting and given.value:
            days = given.setting == "extra_holidays"
            stored[given.setting] = given.value.split(",") if days else given.value
        try:
            found = Settings.of({"review": stored})
        except ValueError as wrong:
            print(str(wrong), file=sys.stderr)
            return 1
        if stored != row.settings.get("review", {}):
            row.settings = {**row.settings, "review": stored}
            said = f"review-settings {given.setting} {given.value}"
            work.record(program(row.id), CommandRun(command=said))
            work.commit()
    print(json.dumps({name: _told(value) for name, value in asdict(found).items()}, indent=2))
    return 0


def _told(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(_told(one) for one in value)
    return value.isoformat() if isinstance(value, date | time) else value
