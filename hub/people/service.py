"""People at the door; each part is a module of its own.

signing_in   password and code
enrolling    invitations, second factors
accounts     listed, suspended, restored
unsent       forms that the gate turned away
sessions     beside this service: who is signed in where
"""

from hub.people.accounts import AccountLine, Accounts
from hub.people.enrolling import Enrolling, Enrolment, check_password
from hub.people.signing_in import SigningIn
from hub.people.unsent import Unsent, UnsentForms

__all__ = ["AccountLine", "Enrolment", "PeopleService", "Unsent", "check_password"]


class PeopleService(SigningIn, Enrolling, Accounts, UnsentForms):
    """One service; see `parts.Part` for what it is made with."""
