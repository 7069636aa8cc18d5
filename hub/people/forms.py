"""Forms at the door."""

from wtforms import Form, PasswordField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from hub.access.permissions import Role
from hub.web.fields import choices

PICK = ("", "Choose one")


class SignInForm(Form):  # type: ignore[misc]
    email = StringField("E-mail address", [InputRequired("Enter your e-mail address."), Length(max=254)])
    password = PasswordField("Password", [InputRequired("Enter your password."), Length(max=200)])


class CodeForm(Form):  # type: ignore[misc]
    code = StringField("Security code", [InputRequired("Enter the six digits."), Length(max=20)])


class EnrolForm(Form):  # type: ignore[misc]
    password = PasswordField("Choose a password", [InputRequired("Choose a password.")])
    again = PasswordField("The same password again", [InputRequired("Enter the same password again.")])
    code = StringField("Security code", [InputRequired("Enter the six digits."), Length(max=20)])

    def passwords_agree(self) -> bool:
        if self.password.data == self.again.data:
            return True
        self.again.errors = ["The two passwords are not the same."]
        return False


class InviteForm(Form):  # type: ignore[misc]
    name = StringField("Full name", [InputRequired("Enter the person's name."), Length(max=120)])
    email = StringField("E-mail address", [InputRequired("Enter an e-mail address."), Length(max=254)])
    role = SelectField(
        "Role",
        choices=choices([PICK, *((role.value, role.label) for role in Role)]),
        validators=[InputRequired("Choose a role.")],
    )
    agency = SelectField("Agency", validators=[InputRequired("Choose an agency.")])
