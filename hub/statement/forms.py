"""Forms of the statement."""

from wtforms import BooleanField, Form, HiddenField, IntegerField, TextAreaField
from wtforms.validators import InputRequired, Length


class AgreeForm(Form):  # type: ignore[misc]
    version = HiddenField()
    confidentiality = BooleanField("I have read the confidentiality statement and agree to it")
    equality = BooleanField("I have read the equality and diversity statement and agree to it")


class EditForm(Form):  # type: ignore[misc]
    confidentiality = TextAreaField("Confidentiality", [InputRequired("Write this part.")])
    equality = TextAreaField("Equality and diversity", [InputRequired("Write this part.")])
    seen = IntegerField(default=0)


class PublishForm(Form):  # type: ignore[misc]
    reason = TextAreaField(
        "Why does the statement change?", [InputRequired("Say why the statement changes."), Length(max=2000)]
    )
    seen = IntegerField(default=0)
