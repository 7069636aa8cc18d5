"""The forms of meetings; what only the database can tell is decided by the service."""

from datetime import datetime

from wtforms import BooleanField, Form, HiddenField, RadioField, SelectField, SelectMultipleField, StringField
from wtforms.validators import InputRequired

from hub.cases.forms import PICK, choice
from hub.errors import Invalid
from hub.meetings.reading import MeetingPage
from hub.meetings.rules import LONDON, Issue, MeetingLevel, hour_of, starts
from hub.meetings.service import Choices, NewMeeting, When
from hub.statement.rules import PARTS, Part
from hub.web.fields import DateBoxes

LEVELS = [choice(str(level.value), level.label) for level in MeetingLevel]


class WhenForm(Form):  # type: ignore[misc]
    """Date, hour and place; `seen` is the version that was looked at."""

    seen = HiddenField()
    level = RadioField("Level", [InputRequired("Choose a level.")], choices=LEVELS)
    day = DateBoxes("Date", [InputRequired("Enter the date of the meeting.")])
    time = StringField(
        "Time", [InputRequired("Enter the time, such as 9:30.")], description="For example, 9:30 or 14:00"
    )
    locality = SelectField("Locality", [InputRequired("Choose a locality.")])
    place = StringField("Place", [InputRequired("Say where it is.")], description="A room, or video meeting")
    chair = SelectField("Chair", [InputRequired("Choose the chair.")])

    def offer(self, choices: Choices) -> None:
        self.locality.choices = [PICK, *(choice(name, name) for name in choices.localities)]
        self.chair.choices = [PICK, *(choice(one.id, f"{one.name}, {one.agency}") for one in choices.chairs)]

    def when(self) -> When:
        """Raises Invalid for a date or an hour that is none."""
        if self.day.data is None:
            raise Invalid("day", "Enter the date of the meeting.")
        return When(
            starts_at=starts(self.day.data, hour_of(self.time.data)),
            level=MeetingLevel(int(self.level.data)),
            locality=self.locality.data,
            place=self.place.data,
            chair=self.chair.data,
        )


class ArrangeForm(WhenForm):
    form = HiddenField()
    cases = SelectMultipleField("Cases", description="Open cases that you coordinate.")
    invited = SelectMultipleField("People invited", description="You and the chair are invited as well.")

    def offer(self, choices: Choices) -> None:
        super().offer(choices)
        self.cases.choices = [choice(one.id, one.name) for one in choices.cases]
        self.invited.choices = [choice(one.id, f"{one.name}, {one.agency}") for one in choices.people]

    def new(self) -> NewMeeting:
        return NewMeeting(
            form=self.form.data or "",
            when=self.when(),
            cases=frozenset(self.cases.data),
            invited=frozenset(self.invited.data),
        )


class CaseForm(Form):  # type: ignore[misc]
    case = SelectField("Case", [InputRequired("Choose a case.")])


class PersonForm(Form):  # type: ignore[misc]
    person = SelectField("Person", [InputRequired("Choose a person.")])


class IssueForm(Form):  # type: ignore[misc]
    what = RadioField(
        "Issue as",
        [InputRequired("Choose papers or minutes.")],
        choices=[choice(Issue.PAPERS.value, "Papers"), choice(Issue.MINUTES.value, "Minutes")],
    )
    documents = SelectMultipleField("Documents", [InputRequired("Choose at least one document.")])


class AffirmForm(Form):  # type: ignore[misc]
    """One tick for each part of the statement."""

    version = HiddenField()
    confidentiality = BooleanField("I agree the confidentiality part again, for this meeting")
    equality = BooleanField("I agree the equality and diversity part again, for this meeting")

    def parts(self) -> frozenset[Part]:
        return frozenset(part for part in PARTS if self[part.value].data)


def of_meeting(page: MeetingPage) -> dict[str, object]:
    """What stands in a WhenForm at first."""
    local: datetime = page.starts_at.astimezone(LONDON)
    return {
        "seen": page.seen,
        "level": str(page.level.value),
        "day": local.date(),
        "time": f"{local:%H:%M}",
        "locality": page.locality,
        "place": page.place,
        "chair": page.chair_id,
    }
