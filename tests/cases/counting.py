"""Counting what the database is asked."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from tests.world import World

GUARDS = ("FROM log_signer", "FROM log_checkpoint")


def statements(world: World, act: Callable[[], Any]) -> int:
    """How many statements the database was sent meanwhile, but for the log's guard, which looks once a second."""
    sent: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not any(table in statement for table in GUARDS):
            sent.append(statement)

    event.listen(world.hub.db.engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(world.hub.db.engine, "before_cursor_execute", note)
    return len(sent)
