"""The search box and its filters."""

from wtforms import BooleanField, Form, HiddenField, RadioField, SelectField, SelectMultipleField, StringField

from hub.web.fields import PARTS, DateBoxes, choices

SORTS = (("best", "Best match"), ("newest", "Newest first"), ("oldest", "Oldest first"))
SORT_CODES = frozenset(code for code, _ in SORTS)


class SearchForm(Form):  # type: ignore[misc]
    q = StringField("Search for")
    type = SelectMultipleField("Type", validate_choice=False)
    agency = SelectField("Owning agency", validate_choice=False)
    first = DateBoxes("Dated from")
    last = DateBoxes("Dated to")
    sort = RadioField("Order", choices=choices(SORTS), default="best")
    sounds = BooleanField("Also names that sound alike")
    case = HiddenField()

    NAMES = frozenset(
        (
            "q",
            "type",
            "agency",
            "sort",
            "sounds",
            "case",
            *(f"{day}-{part}" for day in ("first", "last") for part in PARTS),
        )
    )


class SaveForm(Form):  # type: ignore[misc]
    name = StringField("Name of this search")
