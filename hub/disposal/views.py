"""Routes of holds and disposal: the coordinator's page of a case, and those of information governance."""

from collections.abc import Callable

from flask import Blueprint, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import Form

from hub.access.permissions import Permission
from hub.disposal import forms
from hub.disposal.rules import MAX_REASON
from hub.errors import Invalid, Refused
from hub.ids import is_id, new_id
from hub.web import guard
from hub.web.notices import Done, done
from hub.web.paging import page_number
from hub.web.routes import needs
from hub.web.services import services

blueprint = Blueprint("disposal", __name__)
MOST_SOUGHT = 24
REFUSED = 403


# --- the coordinator of the case -------------------------------------------------------------


@blueprint.get("/cases/<id:case>/disposal")
@needs(Permission.DISPOSAL_REQUEST)
def ask(case: str) -> ResponseReturnValue:
    return _asking_page(case, forms.AskForm(), 200)


@blueprint.post("/cases/<id:case>/disposal")
@needs(Permission.DISPOSAL_REQUEST)
def send_request(case: str) -> ResponseReturnValue:
    form = forms.AskForm(request.form)
    if not form.validate():
        return _asking_page(case, form, 400)
    try:
        services().disposal.ask(guard.actor(), case, form.code.data, form.reason.data)
    except Invalid as invalid:
        return _asking_page(case, form, 400, _attach(form, invalid))
    except Refused as refused:
        return _asking_page(case, form, REFUSED, [refused.sentence])
    return done(url_for("disposal.ask", case=case), Done.DISPOSAL_REQUESTED)


@blueprint.post("/cases/<id:case>/disposal/withdraw")
@needs(Permission.DISPOSAL_REQUEST)
def withdraw(case: str) -> ResponseReturnValue:
    try:
        services().disposal.withdraw(guard.actor(), case)
    except Refused as refused:
        return _asking_page(case, forms.AskForm(), REFUSED, [refused.sentence])
    return done(url_for("disposal.ask", case=case), Done.DISPOSAL_WITHDRAWN)


def _asking_page(
    case: str, form: forms.AskForm, status: int, more: list[str] | None = None
) -> ResponseReturnValue:
    found = services().disposal.asking(guard.actor(), case)
    page = render_template(
        "disposal/ask.html", found=found, form=form, more=more or [], failed=bool(more), most=MAX_REASON
    )
    return page, status


# --- information governance ------------------------------------------------------------------


@blueprint.get("/disposal/")
@needs(Permission.DISPOSAL_READ)
def index() -> ResponseReturnValue:
    form = forms.FindForm(request.args)
    sought = "".join(letter for letter in (form.reference.data or "").strip() if letter.isprintable())
    found = services().disposal.overview(
        guard.actor(), page_number(request.args.get("page")), sought[:MOST_SOUGHT]
    )
    return render_template("disposal/index.html", found=found, find=form, sought=sought[:MOST_SOUGHT])


@blueprint.get("/disposal/certificates")
@needs(Permission.DISPOSAL_READ)
def certificates() -> ResponseReturnValue:
    page = services().disposal.certificates(guard.actor(), page_number(request.args.get("page")))
    return render_template("disposal/certificates.html", page=page)


@blueprint.get("/disposal/cases/<id:case>")
@needs(Permission.DISPOSAL_READ)
def show(case: str) -> ResponseReturnValue:
    return _oversight_page(case, 200)


@blueprint.post("/disposal/cases/<id:case>/hold")
@needs(Permission.HOLD_CHANGE)
def set_hold(case: str) -> ResponseReturnValue:
    form = forms.ReasonForm(request.form, prefix="hold-")
    who, service = guard.actor(), services().disposal
    return _decided(
        case,
        ("hold", form),
        lambda: service.set_hold(who, case, form.reason.data, form.form.data or ""),
        Done.HOLD_SET,
    )


@blueprint.post("/disposal/cases/<id:case>/lift")
@needs(Permission.HOLD_CHANGE)
def lift_hold(case: str) -> ResponseReturnValue:
    form = forms.LiftForm(request.form, prefix="lift-")
    hold = form.hold.data if is_id(form.hold.data or "") else ""
    who, service = guard.actor(), services().disposal
    return _decided(
        case, ("lift", form), lambda: service.lift_hold(who, case, hold, form.reason.data), Done.HOLD_LIFTED
    )


@blueprint.post("/disposal/cases/<id:case>/approve")
@needs(Permission.DISPOSAL_DECIDE)
def approve(case: str) -> ResponseReturnValue:
    form = forms.ReasonForm(request.form, prefix="approve-")
    who, service = guard.actor(), services().disposal
    return _decided(
        case,
        ("approve", form),
        lambda: service.approve(who, case, form.reason.data),
        Done.DISPOSAL_APPROVED,
    )


@blueprint.post("/disposal/cases/<id:case>/refuse")
@needs(Permission.DISPOSAL_DECIDE)
def refuse(case: str) -> ResponseReturnValue:
    form = forms.ReasonForm(request.form, prefix="refuse-")
    who, service = guard.actor(), services().disposal
    return _decided(
        case, ("refuse", form), lambda: service.refuse(who, case, form.reason.data), Done.DISPOSAL_REFUSED
    )


def _decided(
    case: str, sent: tuple[str, Form], decide: Callable[[], None], said: Done
) -> ResponseReturnValue:
    """One decision about a case; a form that is refused is shown again among the others."""
    _, form = sent
    if not form.validate():
        return _oversight_page(case, 400, sent)
    try:
        decide()
    except Invalid as invalid:
        return _oversight_page(case, 400, sent, _attach(form, invalid))
    except Refused as refused:
        return _oversight_page(case, REFUSED, sent, [refused.sentence])
    return done(url_for("disposal.show", case=case), said)


def _oversight_page(
    case: str, status: int, sent: tuple[str, Form] | None = None, more: list[str] | None = None
) -> ResponseReturnValue:
    found = services().disposal.one(guard.actor(), case)
    shown = {name: forms.ReasonForm(prefix=f"{name}-") for name in ("hold", "approve", "refuse")}
    shown["lift"] = forms.LiftForm(prefix="lift-")
    if sent:
        shown[sent[0]] = sent[1]
    shown["hold"].form.data = shown["hold"].form.data or new_id()
    page = render_template(
        "disposal/show.html", found=found, forms=shown, form=sent[1] if sent else None, sent=sent[0] if sent else "",
        more=more or [], failed=status != 200, most=MAX_REASON,  # noqa: PLR2004 - fine as it is
    )  # fmt: skip
    return page, status


@blueprint.get("/disposal/cases/<id:case>/certificate.pdf", endpoint="pdf")
@needs(Permission.DISPOSAL_READ)
def certificate_pdf(case: str) -> ResponseReturnValue:
    name, data = services().disposal.certificate(guard.actor(), case, "pdf")
    return _file(data, f"{name}.pdf", "application/pdf")


@blueprint.get("/disposal/cases/<id:case>/certificate.txt", endpoint="text")
@needs(Permission.DISPOSAL_READ)
def certificate_text(case: str) -> ResponseReturnValue:
    name, data = services().disposal.certificate(guard.actor(), case, "text")
    return _file(data, f"{name}.txt", "text/plain; charset=utf-8")


def _file(data: bytes, name: str, kind: str) -> Response:
    return Response(
        data, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _attach(form: Form, invalid: Invalid) -> list[str]:
    """Put the sentence at its field; what belongs to no field of this form is returned."""
    if invalid.field not in form:
        return [invalid.sentence]
    form[invalid.field].errors = [invalid.sentence]
    return []
