"""One page of a longer list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")
PER_PAGE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """`number` counts from 1; `total` is the number of rows on all pages."""

    rows: Sequence[Row]
    number: int
    total: int
    per_page: int = PER_PAGE

    @property
    def last(self) -> int:
        return max(1, -(-self.total // self.per_page))


def page_number(text: str | None) -> int:
    """From a query string: a whole number from 1; anything else is page 1."""
    return int(text) if text and text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text) else 1  # noqa: PLR2004 - a million pages


def offset(number: int, per_page: int = PER_PAGE) -> int:
    return (number - 1) * per_page
