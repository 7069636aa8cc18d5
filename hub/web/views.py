"""Pages that belong to no feature: home, assets, help, and what an operator's checks ask."""

import hashlib
import json
import mimetypes
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from hub.access.permissions import GRANTS, Permission
from hub.cases.rules import Review
from hub.people.sessions import Visit
from hub.web import guard, notices
from hub.web.jinja import long_datetime
from hub.web.routes import needs, open_to_all
from hub.web.services import services

blueprint = Blueprint("web", __name__)
OWN_ASSETS = Path(__file__).parent / "assets"
A_YEAR = 31_536_000
LONGEST_NAME = 100
NAVIGATION = (
    (Permission.CASE_LIST, "cases.index", "Cases"),
    (Permission.MEETING_LIST, "meetings.index", "My meetings"),
    (Permission.SEARCH, "search.index", "Search"),
    (Permission.LOG_READ, "governance.index", "Access log"),
    (Permission.DISPOSAL_READ, "disposal.index", "Holds and disposal"),
    (Permission.LOG_REVIEW, "reviews.index", "Reviews"),
    (Permission.ACCOUNT_MANAGE, "people.accounts", "Accounts"),
    (Permission.STATEMENT_AGREE, "statement.show", "Statement"),
    (Permission.SERVICE_STATUS, "web.status", "Service status"),
)


@blueprint.app_context_processor
def page_context() -> dict[str, Any]:
    """What the layout needs on every page; before sign-in, next to nothing."""
    visit = guard.visit_or_none()
    if visit is None:
        return {"actor": None}
    return {
        "actor": visit.actor,
        "area_name": visit.area_name,
        "navigation": _navigation(visit.actor.role),
        "printed_at": services().clock().replace(second=0, microsecond=0),
        "notices": notices.take(),
        "session_seconds": _seconds_left(visit),
    }


def _seconds_left(visit: Visit) -> int:
    return max(0, int((min(visit.idle_ends, visit.ends) - services().clock()).total_seconds()))


def _navigation(role: Any) -> list[dict[str, Any]]:
    here = request.endpoint or ""
    return [
        {"text": text, "href": url_for(endpoint), "active": _is_under(here, endpoint)}
        for permission, endpoint, text in NAVIGATION
        if permission in GRANTS[role]
    ]


def _is_under(here: str, endpoint: str) -> bool:
    """A feature's every page is under its entry; the pages of this module stand alone."""
    return here == endpoint or (
        not here.startswith("web.") and here.startswith(endpoint.partition(".")[0] + ".")
    )


@blueprint.get("/")
@needs(Permission.SELF)
def home() -> ResponseReturnValue:
    """Where each role's work begins."""
    who = guard.actor()
    granted = GRANTS[who.role] if who.role else frozenset()
    return render_template(
        "home/home.html",
        granted=granted,
        P=Permission,
        unsent=services().people.unsent(who),
        reviews=services().cases.reviews(who) if Permission.CASE_LIST in granted else {},
        unopened=services().meetings.unopened(who) if Permission.MEETING_LIST in granted else 0,
        asked=services().reviews.asked_of(who),
        waiting=services().reviews.waiting(who) if Permission.LOG_REVIEW in granted else None,
        unread=services().documents.unread_count(who) if Permission.CASE_CHANGE in granted else 0,
        broken=services().glass.unreviewed(who) if Permission.CASE_CHANGE in granted else None,
        read=services().supplied.lately(who) if Permission.DOCUMENT_READERS in granted else 0,
        overdue=Review.OVERDUE,
        soon=Review.SOON,
    )


@blueprint.get("/status")
@needs(Permission.SERVICE_STATUS)
def status() -> ResponseReturnValue:
    """For who runs the service and who oversees it: what works, what waits, what guards the reader."""
    who = guard.actor()
    checkpoints = services().checkpoints.status(who.area)
    return render_template(
        "home/status.html",
        ready=services().readiness.is_ready(),
        alarm=services().alarm,
        checkpoints=checkpoints,
        witnesses=", ".join(
            f"{name}: {'last ' + long_datetime(at) if at else 'not yet'}"
            for name, at in checkpoints.witnesses.items()
        ),
        unread=services().documents.unread(who),
        recogniser=services().documents.recogniser(who),
        waiting=services().reviews.unclosed(who),
        guards=services().documents.guards(who),
    )


@blueprint.post("/session/extend")
@needs(Permission.SELF, before_agreeing=True)
def extend_session() -> ResponseReturnValue:
    """The request itself keeps the session; the answer says how long it now lasts."""
    visit = guard.visit_or_none()
    return {"seconds": _seconds_left(visit) if visit else 0}


@blueprint.get("/assets/<name>")
@open_to_all
def asset(name: str) -> ResponseReturnValue:
    """A front-end file by its own name; an address with the right `v` may be kept for a year."""
    path = asset_path(name)
    if path is None:
        abort(404)
    response: Response = send_file(path, mimetype=mimetypes.guess_type(name)[0], conditional=True, etag=True)
    fresh = request.args.get("v") == asset_version(name)
    response.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable" if fresh else "no-cache"
    return response


def asset_path(name: str) -> Path | None:
    if "/" in name or len(name) > LONGEST_NAME:
        return None
    own = OWN_ASSETS / name
    if own.is_file():
        return own
    folder = services().config.assets
    listed = _listed(folder) if folder else {}
    return folder / listed[name]["file"] if folder and name in listed else None


@cache
def _listed(folder: Path) -> dict[str, Any]:
    index = folder / "assets.json"
    return dict(json.loads(index.read_text())) if index.is_file() else {}


def asset_version(name: str) -> str:
    path = asset_path(name)
    return _digest(path, path.stat().st_mtime_ns) if path else ""


@cache
def _digest(path: Path, changed: int) -> str:  # noqa: ARG001 - a file that changed is hashed again
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


@blueprint.app_url_defaults
def add_version(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint == "web.asset" and "name" in values:
        values["v"] = asset_version(values["name"])


@blueprint.get("/favicon.ico")
@open_to_all
def favicon() -> ResponseReturnValue:
    return "", 204


@blueprint.get("/help", endpoint="help")
@open_to_all
def help_page() -> ResponseReturnValue:
    return render_template("pages/help.html")


@blueprint.get("/cookies")
@open_to_all
def cookies() -> ResponseReturnValue:
    return render_template("pages/cookies.html")


@blueprint.get("/accessibility")
@open_to_all
def accessibility() -> ResponseReturnValue:
    return render_template("pages/accessibility.html")


@blueprint.get("/healthz")
@open_to_all
def healthz() -> ResponseReturnValue:
    """The process answers; says nothing of what it depends on."""
    return {"status": "ok"}


@blueprint.get("/readyz")
@open_to_all
def readyz() -> ResponseReturnValue:
    """Whether case content could be served now; names no part, for anyone may ask."""
    ready = services().readiness.is_ready()
    return ({"status": "ready"}, 200) if ready else ({"status": "not ready"}, 503)
