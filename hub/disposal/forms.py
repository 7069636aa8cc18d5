"""The forms of holds and disposal."""

from wtforms import Form, HiddenField, RadioField, StringField, TextAreaField
from wtforms.validators import InputRequired

from hub.disposal.rules import Code
from hub.web.fields import choices

OUTLIVES = "This is kept after the case is gone. Do not name the person the case is about."


class FindForm(Form):  # type: ignore[misc]
    reference = StringField("Reference", description="Part of it is enough.")


class ReasonForm(Form):  # type: ignore[misc]
    """What every decision asks. `form` stays the same when one form is sent twice."""

    form = HiddenField()
    reason = TextAreaField("Why", [InputRequired("Say why, in a sentence.")], description=OUTLIVES)


class AskForm(ReasonForm):
    code = RadioField(
        "Why it is to be destroyed",
        [InputRequired("Choose why it is to be destroyed.")],
        choices=choices([(code.value, code.label) for code in Code]),
    )
    reason = TextAreaField("In a sentence", [InputRequired("Say why, in a sentence.")], description=OUTLIVES)


class LiftForm(ReasonForm):
    hold = HiddenField(validators=[InputRequired("Choose a hold of this case.")])
