"""Form fields that WTForms lacks."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from wtforms import Field
from wtforms.fields.choices import SelectChoice
from wtforms.utils import unset_value

PARTS = ("day", "month", "year")
FIRST_YEAR = 1900
"""Below it stand mistypings, two-digit years among them."""
NOT_A_DATE = "Enter a real date, such as 27 3 2026."


def choices(pairs: Iterable[tuple[str, str]]) -> list[SelectChoice]:
    """`(value, label)` pairs as WTForms takes them."""
    return [SelectChoice(value, label) for value, label in pairs]


class DateBoxes(Field):  # type: ignore[misc]
    """A date in three boxes, sent as `<name>-day`, `<name>-month`, `<name>-year`; `data` is a date or None.

    `typed` is what stands in the boxes, so that a wrong date is shown again as it was written.
    """

    typed: Mapping[str, str] = dict.fromkeys(PARTS, "")

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        sent = {part: formdata.get(f"{self.name}-{part}", "").strip() for part in PARTS} if formdata else None
        self._sent = sent
        super().process(formdata, data, extra_filters)
        self.typed = sent or _boxes(self.data)
        self.raw_data = [text for text in (sent or {}).values() if text]

    def process_formdata(self, _valuelist: list[str]) -> None:
        if self._sent is None:
            return
        self.data = None
        if any(self._sent.values()):
            self.data = _date(self._sent)


def _date(sent: Mapping[str, str]) -> date:
    day, month, year = (_number(sent[part]) for part in PARTS)
    if year < FIRST_YEAR:
        raise ValueError(NOT_A_DATE)
    try:
        return date(year, month, day)
    except ValueError as error:
        raise ValueError(NOT_A_DATE) from error


def _number(text: str) -> int:
    """Up to four digits, or 0, which no date has."""
    return int(text) if re.fullmatch("[0-9]{1,4}", text) else 0


def _boxes(value: date | None) -> Mapping[str, str]:
    return {part: str(getattr(value, part)) if value else "" for part in PARTS}
