"""Routes at the door: signing in and out, enrolment, one's sessions, accounts, unsent forms."""

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from wtforms import Form

from hub.access.permissions import Permission, Role
from hub.errors import Invalid, NotHere, Refused, Throttled
from hub.ids import is_id
from hub.people.forms import PICK, CodeForm, EnrolForm, InviteForm, SignInForm
from hub.web import csrf, guard
from hub.web.fields import choices
from hub.web.notices import Done, done
from hub.web.routes import needs, open_to_all
from hub.web.services import services

blueprint = Blueprint("people", __name__)
CONFIRMED = frozenset({"suspend", "reset"})
STEP = "sign_in_step"


@blueprint.get("/sign-in")
@open_to_all
def sign_in() -> ResponseReturnValue:
    if guard.visit_or_none():
        return redirect(url_for("web.home"))
    return render_template("people/sign_in.html", form=SignInForm(), sentence=None)


@blueprint.post("/sign-in")
@open_to_all
def send_password() -> ResponseReturnValue:
    form = SignInForm(request.form)
    if not form.validate():
        return render_template("people/sign_in.html", form=form, sentence=None), 400
    email = str(form.email.data)
    try:
        token = services().people.offer_password(
            email=email, password=str(form.password.data), address=guard.address()
        )
    except Throttled as throttled:
        return _sign_in_again(form, throttled.sentence, 429, {"Retry-After": str(throttled.wait_seconds)})
    session[STEP] = [token, email]
    return redirect(url_for("people.code"), 303)


def _sign_in_again(
    form: SignInForm, sentence: str, status: int, headers: dict[str, str] | None = None
) -> ResponseReturnValue:
    return render_template("people/sign_in.html", form=form, sentence=sentence), status, headers or {}


@blueprint.get("/sign-in/code")
@open_to_all
def code() -> ResponseReturnValue:
    if STEP not in session:
        return redirect(url_for("people.sign_in"))
    return render_template("people/code.html", form=CodeForm())


@blueprint.post("/sign-in/code")
@open_to_all
def send_code() -> ResponseReturnValue:
    form = CodeForm(request.form)
    if STEP not in session:
        return redirect(url_for("people.sign_in"), 303)
    if not form.validate():
        return render_template("people/code.html", form=form), 400
    step, email = session.pop(STEP)
    try:
        token = services().people.offer_code(
            token=step, email=email, code=str(form.code.data), address=guard.address(), device=guard.device()
        )
    except Refused as refused:
        return _sign_in_again(SignInForm(data={"email": email}), refused.sentence, 400)
    except Throttled as throttled:
        waits = {"Retry-After": str(throttled.wait_seconds)}
        return _sign_in_again(SignInForm(data={"email": email}), throttled.sentence, 429, waits)
    return _enter(token)


def _enter(token: str) -> ResponseReturnValue:
    """Into the hub with a new session and a new form token; where they were going first, if anywhere."""
    path = guard.return_path(url_for("web.home"))
    session.clear()
    csrf.renew()
    response = redirect(path, 303)
    guard.set_session_cookie(response, services().config, token)
    return response


@blueprint.post("/sign-out")
@needs(Permission.SELF, before_agreeing=True)
def sign_out() -> ResponseReturnValue:
    who = guard.actor()
    services().sessions.end(who, str(who.session), "by the person")
    session.clear()
    response = redirect(url_for("people.signed_out"), 303)
    guard.clear_session_cookie(response, services().config)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@blueprint.get("/signed-out")
@open_to_all
def signed_out() -> ResponseReturnValue:
    return render_template("people/signed_out.html")


BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)


@blueprint.app_template_filter("device")
def device(agent: str | None) -> str:
    """What a browser says of itself, as its owner would call it; `agent` itself where it is no known one."""
    found = [
        next((name for mark, name in known if mark in (agent or "")), "") for known in (BROWSERS, SYSTEMS)
    ]
    return " on ".join(filter(None, found)) or agent or "Unknown"


@blueprint.get("/sessions")
@needs(Permission.SELF, before_agreeing=True)
def sessions() -> ResponseReturnValue:
    who = guard.actor()
    return render_template(
        "people/sessions.html", sessions=services().sessions.live(who), current=who.session
    )


@blueprint.post("/sessions/<session_id>/end")
@needs(Permission.SELF, before_agreeing=True)
def end_session(session_id: str) -> ResponseReturnValue:
    services().sessions.end(guard.actor(), session_id[:64], "from another session")
    return done(url_for("people.sessions"), Done.SESSION_ENDED)


# --- enrolment -----------------------------------------------------------------------------------


@blueprint.get("/enrol/<token>")
@open_to_all
def enrol(token: str) -> ResponseReturnValue:
    return _enrol_page(token, EnrolForm(), 200)


@blueprint.post("/enrol/<token>")
@open_to_all
def send_enrolment(token: str) -> ResponseReturnValue:
    form = EnrolForm(request.form)
    if not (form.validate() and form.passwords_agree()):
        return _enrol_page(token, form, 400)
    try:
        entered = services().people.enrol(
            token,
            password=str(form.password.data),
            code=str(form.code.data),
            address=guard.address(),
            device=guard.device(),
        )
    except Invalid as invalid:
        form[invalid.field].errors = [invalid.sentence]
        return _enrol_page(token, form, 400)
    return _enter(entered)


def _enrol_page(token: str, form: Form, status: int) -> ResponseReturnValue:
    enrolment = services().people.enrolment(token)
    qr = Markup(enrolment.qr_svg)  # noqa: S704 - drawn by segno from our own address, no text of anyone's
    return render_template("people/enrol.html", form=form, enrolment=enrolment, qr=qr), status


# --- accounts --------------------------------------------------------------------------------------


@blueprint.get("/accounts")
@needs(Permission.ACCOUNT_MANAGE)
def accounts() -> ResponseReturnValue:
    return _accounts_page(_invite_form())


def _invite_form(formdata: object = None) -> InviteForm:
    form = InviteForm(formdata)
    form.agency.choices = choices([PICK, *services().people.agencies(guard.actor().area).items()])
    return form


def _accounts_page(
    form: InviteForm, *, invitation: str | None = None, status: int = 200
) -> ResponseReturnValue:
    lines = services().people.accounts(guard.actor())
    page = render_template(
        "people/accounts.html", form=form, accounts=lines, invitation=invitation, own=guard.actor().account
    )
    return page, status


@blueprint.post("/accounts")
@needs(Permission.ACCOUNT_MANAGE)
def invite() -> ResponseReturnValue:
    form = _invite_form(request.form)
    if not form.validate():
        return _accounts_page(form, status=400)
    try:
        token = services().people.invite(
            guard.actor(),
            email=str(form.email.data),
            name=str(form.name.data),
            role=Role(form.role.data),
            agency=str(form.agency.data),
        )
    except Invalid as invalid:
        form[invalid.field].errors = [invalid.sentence]
        return _accounts_page(form, status=400)
    return _accounts_page(_invite_form(), invitation=_invitation(token))


def _invitation(token: str) -> str:
    base = services().config.public_url or request.host_url.rstrip("/")
    return base + url_for("people.enrol", token=token)


@blueprint.post("/accounts/<id:account>/invite")
@needs(Permission.ACCOUNT_MANAGE)
def invite_again(account: str) -> ResponseReturnValue:
    token = services().people.invite_again(guard.actor(), account)
    return _accounts_page(_invite_form(), invitation=_invitation(token))


@blueprint.get("/accounts/<id:account>/confirm/<what>")
@needs(Permission.ACCOUNT_MANAGE)
def confirm(account: str, what: str) -> ResponseReturnValue:
    """Asked before somebody is put out: a slip on a list of names must not do it."""
    line = next((one for one in services().people.accounts(guard.actor()) if one.id == account), None)
    if line is None or what not in CONFIRMED:
        raise NotHere(permission=Permission.ACCOUNT_MANAGE, why="absent")
    return render_template("people/confirm.html", account=line, what=what)


@blueprint.post("/accounts/<id:account>/suspend")
@needs(Permission.ACCOUNT_MANAGE)
def suspend(account: str) -> ResponseReturnValue:
    services().people.suspend(guard.actor(), account)
    return done(url_for("people.accounts"), Done.ACCOUNT_SUSPENDED)


@blueprint.post("/accounts/<id:account>/restore")
@needs(Permission.ACCOUNT_MANAGE)
def restore(account: str) -> ResponseReturnValue:
    services().people.restore(guard.actor(), account)
    return done(url_for("people.accounts"), Done.ACCOUNT_RESTORED)


# --- forms that the gate turned away -----------------------------------------------------------------


HIDDEN = ("seen", "form_token", "form", "staged", "version", "unsent")
LABELS = {
    "audience_is": "Who needs it",
    "audience": "Agency that needs it",
    "attested": "Marking and content confirmed",
    "necessity": "Why they need it",
    "owner": "Owning agency",
    "retention_class": "How long it is kept",
    "visor": "ViSOR",
    "q": "Search for",
}
"""Where the name of a field, its underscores made spaces, is not what its form calls it."""


@blueprint.get("/unsent/<id:held>")
@needs(Permission.SELF)
def unsent(held: str) -> ResponseReturnValue:
    return render_template(
        "people/unsent.html",
        held=services().people.unsent_form(guard.actor(), held),
        labels=LABELS,
        hidden=HIDDEN,
        is_id=is_id,
    )


@blueprint.post("/unsent/<id:held>/discard")
@needs(Permission.SELF)
def discard_unsent(held: str) -> ResponseReturnValue:
    services().people.discard_form(guard.actor(), held)
    return done(url_for("web.home"), Done.FORM_DISCARDED)
