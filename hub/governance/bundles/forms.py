"""What of the log is to be handed out."""

from wtforms import BooleanField, Form, SelectField


class BundleForm(Form):  # type: ignore[misc]
    case = SelectField("Which entries", validate_choice=False)
    opened = BooleanField("With private values: addresses, devices and what was searched for")
