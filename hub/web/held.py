"""Nothing that someone typed is lost: a form the gate turned away is kept, sealed, for its owner.

The form is kept when the session was over, when a new statement waits, and when its token was
stale. The owner finds it again at `/unsent/<id>` with everything filled in, and sends it from
there with a fresh token; sending or discarding it erases it.

Files are kept by the feature that takes them: its `KEEPERS` entry receives them for their owner
and gives the fields that name them.
"""

from collections.abc import Callable
from contextlib import suppress

from flask import Flask, Request, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from hub.access.actor import Actor
from hub.errors import HubError, Invalid
from hub.ids import is_id
from hub.web import csrf
from hub.web.services import services

NEVER_KEPT = frozenset({csrf.FIELD, "password", "new_password", "again", "code"})
SEE_OTHER = 303
MAX_FIELDS = 200
MAX_CHARACTERS = 200_000
Keeper = Callable[[Actor, Request], list[tuple[str, str]]]
KEEPERS: dict[str, Keeper] = {}
"""{endpoint: what keeps its files}; filled as the features' views are imported, never after."""


def install(app: Flask) -> None:
    """A kept form that was sent at last, and taken, is kept no longer."""

    @app.after_request
    def erase(response: Response) -> Response:
        held = (
            request.form.get("unsent", "")
            if request.method == "POST" and response.status_code == SEE_OTHER
            else ""
        )
        if is_id(held) and current_user.is_authenticated:
            with suppress(HubError):
                services().people.discard_form(current_user.visit.actor, held)
        return response


def keep(account: str) -> str | None:
    """Keep the fields of this request's form for the account; the id, or None where there is nothing to keep."""
    fields = [*typed(), *_files(account)]
    if not fields or sum(len(value) for _, value in fields) > MAX_CHARACTERS:
        return None
    return services().people.hold_form(account, path=request.path, fields=fields)


def _files(account: str) -> list[tuple[str, str]]:
    """The owner acts without a session here: they may hand in what they could hand in, and see nothing."""
    keeper = KEEPERS.get(request.endpoint or "")
    owner = services().sessions.without_session(account) if keeper and request.files else None
    if keeper is None or owner is None:
        return []
    try:
        return keeper(owner, request)
    except HubError:
        return []


def typed() -> list[tuple[str, str]]:
    pairs = [
        (name, value) for name, value in request.form.items(multi=True) if name not in NEVER_KEPT and value
    ]
    return pairs[:MAX_FIELDS]


def stale_form(who: Actor | None = None) -> ResponseReturnValue:
    """A form without its right token: nothing is done; a signed-in person finds what they typed again."""
    kept = keep(str(who.account)) if who and csrf.is_own_site(request) else None
    if kept is None:
        raise Invalid(
            "form", "This form was open too long or came from elsewhere. Open the page again and send it."
        )
    return redirect(url_for("people.unsent", held=kept), 303)
