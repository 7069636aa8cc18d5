"""The door: one place that decides, for every route and method, whether a request goes on.

In this order: an open route; else a live session; else the current statement, both parts; then
the role's permission; then, for a change, the form's token. What stands between a person and a
case is asked again by each service. HEAD and OPTIONS come through here as GET does.
"""

from dataclasses import dataclass

from flask import Flask, Response, abort, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user
from werkzeug.wrappers import Response as AnyResponse

from config import Config
from hub.access.actor import Actor
from hub.access.permissions import Permission
from hub.access.policy import Denied, require
from hub.errors import HubError, NotHere
from hub.people.sessions import Visit
from hub.web import csrf, held, notices
from hub.web.address import client_address
from hub.web.routes import Needs, needs_of
from hub.web.services import services

RETURN_TO = "return_to"
LONGEST_WAY = 1500
OPEN_MOST = 64 * 1024
"""Bytes that somebody who is not signed in may send."""
UNKNOWN = "hub_person_unknown"


class UndeclaredRoute(Exception):  # noqa: N818 - a fault of the program, met at start-up only
    """A route that says nothing of who may use it."""


@dataclass
class SignedInUser(UserMixin):  # type: ignore[misc]
    """What Flask-Login hands about."""

    visit: Visit

    def get_id(self) -> str:
        return str(self.visit.actor.account)


def session_cookie(config: Config) -> str:
    """`__Host-` binds the cookie to this host and to TLS; browsers refuse it over plain http."""
    return "__Host-hub_session" if config.production else "hub_session"


def actor() -> Actor:
    """Who is asking; only for routes that are not open."""
    visit: Visit = current_user.visit
    return visit.actor


def visit_or_none() -> Visit | None:
    """The visit, as far as a page may speak of it."""
    if g.get(UNKNOWN):
        return None
    return current_user.visit if current_user.is_authenticated else None


def speak_of_nobody() -> None:
    """From now on in this request: its answer is made without the database, which has just failed."""
    setattr(g, UNKNOWN, True)


def install(app: Flask) -> None:
    """Raises UndeclaredRoute when any rule of the finished `url_map` declares nothing."""
    for rule in app.url_map.iter_rules():
        if needs_of(app, rule.endpoint) is None:
            raise UndeclaredRoute(f"{rule.rule} ({rule.endpoint}) declares no permission")
    manager = LoginManager(app)
    manager.session_protection = None
    manager.request_loader(_load)
    manager.user_loader(_never)
    app.before_request(_decide)


def _never(identity: str) -> None:
    """Nobody is signed in by Flask's cookie or by a remember-me token: only `_load` signs in."""


def _load(_request: object) -> SignedInUser | None:
    """Asked again by the error page after the database failed once: then it is nobody, and nothing waits twice."""
    hub = services()
    token = request.cookies.get(session_cookie(hub.config))
    if not token or g.get(UNKNOWN):
        return None
    try:
        visit = hub.sessions.find(token, address=address(), device=device())
    except HubError:
        setattr(g, UNKNOWN, True)
        raise
    return SignedInUser(visit) if visit else None


def address() -> str:
    return client_address(request, services().config.trusted_proxies)


def device() -> str:
    return request.headers.get("User-Agent", "")[:120]


def _decide() -> ResponseReturnValue | None:
    """What has no endpoint is no route of ours: it goes on to its 404, 405 or redirect, and runs nothing."""
    if request.endpoint is None:
        return None
    asked = needs_of(current_app, request.endpoint)
    if asked is None:
        raise UndeclaredRoute(str(request.endpoint))
    _refuse_nul()
    if asked.permission is None:
        request.max_content_length = OPEN_MOST
        return None if csrf.is_right(request) else held.stale_form()
    if not current_user.is_authenticated:
        return _to_sign_in()
    return _decide_for(actor(), asked, asked.permission)


def _refuse_nul() -> None:
    """No address of ours holds one, and one database takes it where the other fails."""
    if any("\0" in str(value) for value in (request.view_args or {}).values()):
        abort(404)


def _decide_for(who: Actor, asked: Needs, permission: Permission) -> ResponseReturnValue | None:
    if asked.agreed and services().statement.unagreed(who):
        return _to_statement(who)
    try:
        require(who, permission)
    except Denied as denied:
        raise NotHere(permission=permission, why=f"forbidden: {denied}", **_asked_for()) from denied
    if request.method in csrf.SAFE_METHODS:
        return None
    right = csrf.is_right(request)
    turned_away = _ask_again(who, asked)
    return turned_away or (None if right else held.stale_form(who))


def _ask_again(who: Actor, asked: Needs) -> ResponseReturnValue | None:
    """The token was in the body, and a body may take hours: what was so before it came need not be so now."""
    if not services().sessions.is_live(who):
        return _to_sign_in()
    return _to_statement(who) if asked.agreed and services().statement.unagreed(who) else None


def _asked_for() -> dict[str, str | None]:
    values = request.view_args or {}
    return {"case": values.get("case"), "document": values.get("document")}


def _to_sign_in() -> ResponseReturnValue:
    _remember_way()
    hub = services()
    token = request.cookies.get(session_cookie(hub.config))
    sent = token and request.method == "POST" and csrf.is_own_site(request)
    owner = hub.sessions.find_owner(str(token)) if sent else None
    if owner:
        held.keep(owner)
    return _turned_away(url_for("people.sign_in"), "Your session is over. Sign in again.", "Sign in", 401)


def _to_statement(who: Actor) -> ResponseReturnValue:
    _remember_way()
    if request.method == "POST" and csrf.is_own_site(request) and held.keep(str(who.account)):
        notices.tell(notices.Done.FORM_KEPT)
    sentence = "The statement must be agreed before anything else."
    return _turned_away(url_for("statement.agree"), sentence, "Read and agree the statement", 403)


def _remember_way() -> None:
    """Of a page only, and of one whose address a cookie can carry."""
    path = request.full_path.rstrip("?")
    if request.method == "GET" and len(path) <= LONGEST_WAY:
        session[RETURN_TO] = path


def _turned_away(href: str, sentence: str, text: str, status: int) -> ResponseReturnValue:
    """A page goes where it can be mended; a script is told the same in JSON."""
    if wants_json():
        return {"error": sentence, "action": {"href": href, "text": text}}, status
    return redirect(href, 303)


def wants_json() -> bool:
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"


def return_path(default: str) -> str:
    """Where they were going: kept in the signed cookie by this module alone, never taken from the request."""
    path = session.pop(RETURN_TO, None)
    return path if isinstance(path, str) else default


def set_session_cookie(response: AnyResponse, config: Config, token: str) -> None:
    response.set_cookie(
        session_cookie(config), token, httponly=True, samesite="Lax", secure=config.production, path="/"
    )


def clear_session_cookie(response: AnyResponse | Response, config: Config) -> None:
    response.delete_cookie(
        session_cookie(config), httponly=True, samesite="Lax", secure=config.production, path="/"
    )
