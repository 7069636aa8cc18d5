"""A status and one sentence for every error; the person sees no more, the log knows more.

A refusal about a case is written to the access log in a transaction of its own, whether the
thing is absent or forbidden, so that both look and cost the same from outside.
"""

import structlog
from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy.exc import DataError
from werkzeug.exceptions import HTTPException, SecurityError

from hub.documents.reader.results import ReaderUnavailable
from hub.errors import Closed, Conflict, Gone, HubError, Invalid, LogUnwritable, NotHere, Refused, Throttled
from hub.ledger.events import AccessRefused
from hub.web import csrf, guard, held
from hub.web.services import services
from storage.errors import Full, StorageError

STATUS: dict[type[HubError], int] = {
    NotHere: 404,
    Gone: 410,
    Refused: 403,
    Closed: 409,
    Invalid: 400,
    Conflict: 409,
    Throttled: 429,
    LogUnwritable: 503,
    ReaderUnavailable: 503,
}
SENTENCES = {
    400: "The request was not understood.",
    404: "There is nothing here for you.",
    405: "That cannot be done here.",
    413: "That is too large to be taken.",
    415: "That kind of content is not taken here.",
    500: "Something went wrong on our side. It has been noted; nothing you sent was changed.",
    503: "The hub cannot reach what it needs just now, so nothing is shown. Try again in a minute.",
}
TEMPLATES = frozenset({400, 403, 404, 405, 409, 410, 413, 415, 429, 500, 503, 507})
LATER = frozenset({"errors/503.html", "errors/507.html"})
"""What is no fault of the request: the same may be sent again."""
log = structlog.get_logger("hub.web")


def install(app: Flask) -> None:
    app.register_error_handler(HubError, _hub_error)
    app.register_error_handler(StorageError, _storage_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(DataError, _not_data)
    app.register_error_handler(SecurityError, _foreign_host)
    app.register_error_handler(Exception, _fault)


def _hub_error(error: HubError) -> ResponseReturnValue:
    if isinstance(error, LogUnwritable):
        services().alarm.ring(error.sentence)
    if isinstance(error, NotHere):
        try:
            _record_refusal(error)
        except LogUnwritable as unwritable:
            return _hub_error(unwritable)
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    headers = {"Retry-After": str(error.wait_seconds)} if isinstance(error, Throttled) else {}
    return _answer(status, error.sentence, headers)


def _record_refusal(error: NotHere) -> None:
    if current_user.is_authenticated:
        refused = AccessRefused(
            permission=error.permission, why=error.why, case=error.case, document=error.document
        )
        services().db.record(guard.actor(), refused)


def _storage_error(error: StorageError) -> ResponseReturnValue:
    return _answer(*told_of_storage(error))


def told_of_storage(error: StorageError) -> tuple[int, str]:
    """Status and sentence: 507 where there is no room, 503 for all else. The operational log hears of it."""
    log.error("storage", error=type(error).__name__, path=request.path)
    return (507 if isinstance(error, Full) else 503), str(error) or SENTENCES[503]


def _http_error(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if status < 400:  # noqa: PLR2004 - redirects that Werkzeug raises
        return error
    return _answer(status, SENTENCES.get(status, SENTENCES[400]), _kept_headers(error))


def _kept_headers(error: HTTPException) -> dict[str, str]:
    return {name: value for name, value in error.get_headers() if name == "Allow"}


def _not_data(_error: DataError) -> ResponseReturnValue:
    """A value that the database does not take as what it should be, such as text with a NUL."""
    return _answer(400, SENTENCES[400])


def _foreign_host(_error: SecurityError) -> ResponseReturnValue:
    """Asked for under a name that is not ours: no page, for its links would carry that name."""
    return SENTENCES[400], 400, {"Content-Type": "text/plain; charset=utf-8"}


def _fault(error: Exception) -> ResponseReturnValue:
    log.error("fault", path=request.path, error=type(error).__name__, exc_info=True)  # noqa: LOG014 - Flask calls this inside its except
    return _answer(500, SENTENCES[500])


def _answer(status: int, sentence: str | None, headers: dict[str, str] | None = None) -> ResponseReturnValue:
    if request.path.startswith("/assets/"):
        return "", status, headers or {}
    if guard.wants_json():
        return {"error": sentence}, status, headers or {}
    if status >= 500:  # noqa: PLR2004 - ours
        guard.speak_of_nobody()
    page = status if status in TEMPLATES else (400 if status < 500 else 500)  # noqa: PLR2004 - client's or ours
    return _page(f"errors/{page}.html", sentence), status, headers or {}


def _page(template: str, sentence: str | None) -> str:
    """Where the database fails only now, the page is made without it: an error's page does not fail."""
    shown = {"sentence": sentence, "unsent": _unsent(template)}
    try:
        return render_template(template, **shown)
    except HubError:
        guard.speak_of_nobody()
        return render_template(template, **shown)


def _unsent(template: str) -> list[tuple[str, str]]:
    """What the person typed, to be sent once more from the error's own page: nothing could be kept for them.

    Only of a form that was ours: another site's must not come back with our button below it.
    """
    if template not in LATER or request.method != "POST":
        return []
    try:
        secret = (held.NEVER_KEPT - {csrf.FIELD}) & request.form.keys()
        return held.typed() if csrf.is_right(request) and not secret else []
    except (HTTPException, StorageError):
        return []
