"""The forms of cases; what only the database can tell is decided by the service."""

from collections.abc import Iterable

from wtforms import (
    Form,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from hub.cases.rules import Category, Criterion, EntryRoute, ExitReason, Level, Review, State
from hub.cases.sealed import Nominal
from hub.cases.service import Choices, Decision, NewCase
from hub.web.fields import DateBoxes


def choice(value: str, label: str) -> SelectChoice:
    return SelectChoice(value=value, label=label)


ANY = choice("", "Any")
PICK = choice("", "Choose one")
CATEGORIES = [choice(str(one.value), f"{one.value}: {one.label}") for one in Category]
LEVELS = [choice(str(one.value), f"{one.value}: {one.label}") for one in Level]
CRITERIA = [choice(one.value, one.label) for one in Criterion]
REVIEWS = [ANY, choice(Review.OVERDUE.value, "Overdue"), choice(Review.SOON.value, "Within 28 days")]
STATES = [
    choice(State.OPEN.value, "Open"),
    choice(State.CLOSED.value, "Closed"),
    choice("all", "Open and closed"),
]


class FilterForm(Form):  # type: ignore[misc]
    q = StringField("Reference")
    category = SelectField("Category", choices=[ANY, *CATEGORIES])
    level = SelectField("Level", choices=[ANY, *LEVELS])
    locality = SelectField("Locality")
    lead = SelectField("Lead agency")
    review = SelectField("Review due", choices=REVIEWS)
    state = SelectField("State", choices=STATES)

    def offer(self, choices: Choices) -> None:
        self.locality.choices = [ANY, *(choice(name, name) for name in choices.localities)]
        self.lead.choices = [ANY, *(choice(agency.id, agency.name) for agency in choices.agencies)]


class NominalForm(Form):  # type: ignore[misc]
    name = StringField("Full name", [InputRequired("Enter the person's name.")])
    aliases = TextAreaField("Other names", description="One on each line.")
    born = DateBoxes("Date of birth")
    visor = StringField(
        "ViSOR reference", description="ViSOR stays the national record; this only refers to it."
    )

    def nominal(self) -> Nominal:
        aliases = tuple(line.strip() for line in (self.aliases.data or "").splitlines() if line.strip())
        return Nominal(
            name=self.name.data,
            aliases=aliases,
            born=self.born.data,
            visor=(self.visor.data or "").strip() or None,
        )


class OpenForm(NominalForm):
    form = HiddenField()
    category = RadioField("Category", [InputRequired("Choose a category.")], choices=CATEGORIES)
    route = RadioField(
        "How the person came under MAPPA",
        [InputRequired("Choose how the person came under MAPPA.")],
        choices=[choice(one.value, one.label) for one in EntryRoute],
    )
    level = RadioField("Level", [InputRequired("Choose a level.")], choices=LEVELS)
    criteria = SelectMultipleField(
        "Criteria met", choices=CRITERIA, description="Levels 2 and 3 need the first two."
    )
    reason = TextAreaField("Why this category and level", [InputRequired("Say why, in a sentence.")])
    locality = SelectField("Locality", [InputRequired("Choose a locality.")])
    lead_agency = SelectField("Lead agency", [InputRequired("Choose the lead agency.")])
    agencies = SelectMultipleField("Other agencies that work the case")

    def offer(self, choices: Choices) -> None:
        agencies = [choice(agency.id, agency.name) for agency in choices.agencies]
        self.locality.choices = [PICK, *(choice(name, name) for name in choices.localities)]
        self.lead_agency.choices = [PICK, *agencies]
        self.agencies.choices = agencies

    def new(self) -> NewCase:
        return NewCase(
            form=self.form.data or "",
            nominal=self.nominal(),
            category=Category(int(self.category.data)),
            level=Level(int(self.level.data)),
            criteria=_criteria(self.criteria.data),
            reason=self.reason.data,
            route=EntryRoute(self.route.data),
            locality=self.locality.data,
            lead_agency=self.lead_agency.data,
            agencies=frozenset(self.agencies.data),
        )


class DecisionForm(Form):  # type: ignore[misc]
    """What every change of a case asks."""

    seen = HiddenField()
    reason = TextAreaField("Why", [InputRequired("Say why, in a sentence.")])

    def decision(self) -> Decision:
        criteria = _criteria(self.criteria.data) if "criteria" in self else frozenset()
        return Decision(reason=self.reason.data, seen=_whole(self.seen.data), criteria=criteria)


class CategoryForm(DecisionForm):
    category = RadioField("New category", [InputRequired("Choose a category.")], choices=CATEGORIES)


class LevelForm(DecisionForm):
    level = RadioField("New level", [InputRequired("Choose a level.")], choices=LEVELS)
    criteria = SelectMultipleField(
        "Criteria met", choices=CRITERIA, description="Levels 2 and 3 need the first two."
    )


class ReviewForm(DecisionForm):
    review = DateBoxes("Next review due", [InputRequired("Enter the date of the next review.")])


class LeadForm(DecisionForm):
    lead_agency = SelectField("New lead agency", [InputRequired("Choose an agency.")])


class CorrectForm(NominalForm, DecisionForm):
    pass


class HandOverForm(DecisionForm):
    coordinator = SelectField("New coordinator", [InputRequired("Choose a coordinator.")])


class CloseForm(DecisionForm):
    exit = RadioField("How the person leaves MAPPA", [InputRequired("Choose how the person leaves MAPPA.")])

    def offer(self, ways: Iterable[ExitReason]) -> None:
        self.exit.choices = [choice(way.value, way.label) for way in ways]


class AgencyForm(Form):  # type: ignore[misc]
    agency = SelectField("Agency", [InputRequired("Choose an agency.")])


class MemberForm(Form):  # type: ignore[misc]
    person = SelectField("Person", [InputRequired("Choose a person.")], id="member-person")
    duty = StringField("What they do in this case", [InputRequired("Say what this person does in the case.")])


class ExcludeForm(Form):  # type: ignore[misc]
    person = SelectField("Person", [InputRequired("Choose a person.")], id="exclude-person")
    reason = TextAreaField(
        "Why they must not see the case", [InputRequired("Say why, in a sentence.")], id="exclude-reason"
    )


class LeaverForm(Form):  # type: ignore[misc]
    person = HiddenField(validators=[InputRequired("Choose a person.")])


class LiftForm(LeaverForm):
    reason = StringField("Why the exclusion is lifted", [InputRequired("Say why, in a sentence.")])


class ReasonForm(DecisionForm):
    """A change that asks for its reason alone."""


def _criteria(codes: Iterable[str]) -> frozenset[Criterion]:
    return frozenset(Criterion(code) for code in codes)


def _whole(text: str) -> int:
    """The version a form was made from; -1, which no row has, for what is no number."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else -1  # noqa: PLR2004 - fits any integer
