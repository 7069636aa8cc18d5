"""What is typed in a review."""

from wtforms import Form, HiddenField, RadioField, TextAreaField

from hub.governance.rules import Outcome
from hub.web.fields import choices


class AskForm(Form):  # type: ignore[misc]
    seen = HiddenField()
    question = TextAreaField("What you want to know", description="The person reads this in the hub.")


class CloseForm(Form):  # type: ignore[misc]
    seen = HiddenField()
    outcome = RadioField("What it came to", choices=choices([(one.value, one.label) for one in Outcome]))
    note = TextAreaField("Note", description="How you came to it; kept with the review.")


class AnswerForm(Form):  # type: ignore[misc]
    answer = TextAreaField("Your answer", description="In your own words: what you opened it for.")
