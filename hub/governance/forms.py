"""The filters of the log: a GET form, so that what is looked at has an address."""

from wtforms import Form, SelectField, StringField

from hub.web.fields import DateBoxes


class LogFilterForm(Form):  # type: ignore[misc]
    person = SelectField("Person", validate_choice=False)
    agency = SelectField("Agency", validate_choice=False)
    case = StringField("Case reference")
    document = StringField("Document id")
    event = SelectField("Action", validate_choice=False)
    outcome = SelectField("Outcome", validate_choice=False)
    expected = SelectField("Expected", validate_choice=False)
    first = DateBoxes("From")
    last = DateBoxes("To")
