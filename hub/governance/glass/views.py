"""Routes of break-glass: asking for it, giving it back, and what the coordinator is shown of it."""

from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from hub.access.permissions import Permission
from hub.errors import Conflict, Invalid
from hub.governance.glass.forms import GlassForm
from hub.governance.glass.service import MAX_WHY, Asked, faults
from hub.web import guard
from hub.web.notices import Done, done
from hub.web.routes import needs
from hub.web.services import services

blueprint = Blueprint("glass", __name__, url_prefix="/break-glass")


@blueprint.app_context_processor
def banner() -> dict[str, Any]:
    """For the layout of every page: what this person has open."""
    visit = guard.visit_or_none()
    return {"open_glass": services().glass.mine(visit.actor) if visit and visit.actor.glass else []}


@blueprint.get("/")
@needs(Permission.CASE_BREAK_GLASS)
def ask() -> ResponseReturnValue:
    return _page(GlassForm(), 200)


@blueprint.post("/")
@needs(Permission.CASE_BREAK_GLASS)
def send() -> ResponseReturnValue:
    form = GlassForm(request.form)
    asked = Asked(reference=form.reference.data or "", reason=form.reason.data or "", why=form.why.data or "")
    try:
        case, opened = services().glass.break_glass(guard.actor(), asked)
    except Invalid as invalid:
        for field, sentence in (faults(asked) or {invalid.field: invalid.sentence}).items():
            form[field].errors = [sentence]
        return _page(form, 400)
    except Conflict as conflict:
        return _page(form, 409, [conflict.sentence])
    return done(url_for("cases.show", case=case), Done.GLASS_OPENED if opened else Done.GLASS_NOT_NEEDED)


def _page(form: GlassForm, status: int, more: list[str] | None = None) -> ResponseReturnValue:
    hours = services().glass.hours(guard.actor())
    page = render_template(
        "glass/ask.html",
        form=form,
        hours=hours,
        maximum=MAX_WHY,
        more=more or [],
        failed=status != 200,  # noqa: PLR2004 - fine as it is
    )
    return page, status


@blueprint.post("/<id:case>/give-back")
@needs(Permission.CASE_BREAK_GLASS)
def give_back(case: str) -> ResponseReturnValue:
    services().glass.give_back(guard.actor(), case)
    return done(url_for("web.home"), Done.GLASS_GIVEN_BACK)


@blueprint.get("/coordinated")
@needs(Permission.CASE_CHANGE)
def coordinated() -> ResponseReturnValue:
    return render_template("glass/coordinated.html", lines=services().glass.coordinated(guard.actor()))
