"""The search box and its filters."""

from wtforms import Form, HiddenField, RadioField, SelectField, SelectMultipleField, StringField

from hub.web.fields import PARTS, DateBoxes, choices

SORTS = (("best", "Best match"), ("newest", "Newest first"))


class SearchForm(Form):  # type: ignore[misc]
    q = StringField("Search for")
    type = SelectMultipleField("Document type", validate_choice=False)
    agency = SelectField("Owning agency", validate_choice=False)
    first = DateBoxes("Dated from")
    last = DateBoxes("Dated to")
    sort = RadioField("Order", choices=choices(SORTS), default="best")
    case = HiddenField()

    NAMES = frozenset(
        (
            "q",
            "type",
            "agency",
            "sort",
            "case",
            *(f"{day}-{part}" for day in ("first", "last") for part in PARTS),
        )
    )
