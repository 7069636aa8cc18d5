"""What a person is told when somebody else was first."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm.exc import StaleDataError

from hub.errors import Conflict


@contextmanager
def told_of_conflicts(sentence: str, *races: type[Exception]) -> Iterator[None]:
    """Raise Conflict with the sentence where a row changed since it was read: at any flush, not only at the commit.

    `races` are further errors that, in this unit of work, mean the same.
    """
    try:
        yield
    except StaleDataError as raced:
        raise Conflict(sentence) from raced
    except races as raced:
        raise Conflict(sentence) from raced
