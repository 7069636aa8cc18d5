"""What a person is told, once, after a change: a name in the signed form cookie, its words here.

The cookie never holds a word of what was changed, and a name it does not know says nothing.
"""

from enum import Enum, unique

from flask import redirect, session
from flask.typing import ResponseReturnValue

KEY = "done"


@unique
class Done(Enum):
    """Each change that ends on a page which would not otherwise show that it was made."""

    CASE_OPENED = "The case is open and you coordinate it."
    CASE_CHANGED = "The change is saved, and stands in the timeline."
    CASE_CLOSED = "The case is closed."
    CASE_REOPENED = "The case is open again."
    CASE_HANDED_OVER = "The case is handed over. You no longer coordinate it."
    GLASS_OPENED = (
        "The case is open to you for a limited time. Information governance and its coordinator are told."
    )
    GLASS_NOT_NEEDED = "You may read this case anyway, so nothing was opened."
    GLASS_GIVEN_BACK = "You gave the case back. It is no longer open to you."
    REVIEW_ASKED = "The person is asked, and is told by a notice without content."
    REVIEW_ANSWERED = "Your answer is sent to information governance."
    REVIEW_CLOSED = "The review is closed."
    AGENCY_ADDED = "The agency is on the case."
    AGENCY_REMOVED = "The agency is off the case."
    PERSON_ADDED = "The person is on the case."
    PERSON_REMOVED = "The person is off the case."
    PERSON_EXCLUDED = "The person is excluded and can no longer open the case."
    EXCLUSION_LIFTED = "The exclusion is lifted."
    DETAILS_SAVED = "The details are saved."
    VERSION_ADDED = "The new version is received and replaces the one before."
    DOCUMENT_WITHDRAWN = "The document is withdrawn."
    DOCUMENT_RESTORED = "The document can be read again."
    MEETING_ARRANGED = "The meeting is arranged."
    MEETING_CHANGED = "The meeting is changed."
    MEETING_CANCELLED = "The meeting is cancelled."
    CASE_LISTED = "The case is listed for the meeting."
    CASE_TAKEN_OFF = "The case is taken off the meeting."
    PERSON_INVITED = "The person is invited."
    INVITATION_WITHDRAWN = "The invitation is withdrawn."
    ISSUED = "The documents are issued to everybody invited."
    AGREED_FOR_MEETING = "You agreed the statement for this meeting. What was issued to it can now be read."
    HOLD_SET = "The hold stands. Nothing of the case can be removed until it is lifted."
    HOLD_LIFTED = "The hold is lifted."
    DISPOSAL_REQUESTED = (
        "You asked for the destruction of this case. Information governance decides within 30 days."
    )
    DISPOSAL_WITHDRAWN = "The request is withdrawn."
    DISPOSAL_APPROVED = "The destruction is approved. It is carried out at the machine."
    DISPOSAL_REFUSED = "The case is kept."
    STATEMENT_SAVED = "The draft is saved. Nobody else sees it until it is published."
    STATEMENT_PUBLISHED = "The statement is published. Everybody is asked to agree it before they go on."
    SEARCH_SAVED = "The search is saved. Only you see it."
    SESSION_ENDED = "That session is signed out."
    ACCOUNT_SUSPENDED = "The account is suspended and signed out everywhere."
    ACCOUNT_RESTORED = "The account can be used again."
    FORM_KEPT = "What you had typed is kept. Agree the statement, then send it from your home page."
    FORM_DISCARDED = "The form is discarded."


def done(path: str, what: Done) -> ResponseReturnValue:
    """On to the page at `path`, which says once what was done."""
    tell(what)
    return redirect(path, 303)


def tell(what: Done) -> None:
    """Leave the notice for the next page that is shown, whichever that is."""
    session[KEY] = what.name


def take() -> list[dict[str, str]]:
    """For the layout of the next page that is shown; gone from the cookie with it."""
    name = session.pop(KEY, None)
    return [{"text": Done[name].value, "kind": "success"}] if name in Done.__members__ else []
