"""Routes of meetings: mine, one of them, re-affirming the statement, arranging, issuing, who has read what."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import Form

from hub.access.actor import Actor
from hub.access.permissions import GRANTS, Permission
from hub.cases.forms import PICK, choice
from hub.errors import Conflict, Invalid, NotHere, Refused
from hub.ids import new_id
from hub.meetings import forms
from hub.meetings.reading import MeetingPage
from hub.meetings.rules import Issue
from hub.meetings.service import CaseDocuments, MeetingService
from hub.statement.rules import PARTS
from hub.web import guard
from hub.web.notices import Done, done
from hub.web.paging import page_number
from hub.web.routes import needs
from hub.web.services import services

blueprint = Blueprint("meetings", __name__, url_prefix="/meetings")
LONGEST_NUMBER = 9


@blueprint.get("/")
@needs(Permission.MEETING_LIST)
def index() -> ResponseReturnValue:
    who = guard.actor()
    found = services().meetings.mine(who, page_number(request.args.get("page")))
    arranges = who.role is not None and Permission.MEETING_ARRANGE in GRANTS[who.role]
    return render_template("meetings/index.html", found=found, arranges=arranges)


@blueprint.get("/<id:meeting>")
@needs(Permission.MEETING_READ)
def show(meeting: str) -> ResponseReturnValue:
    return _page(meeting, forms.AffirmForm(), 200)


def _page(
    meeting: str, form: forms.AffirmForm, status: int, more: list[str] | None = None
) -> ResponseReturnValue:
    page = services().meetings.show(guard.actor(), meeting)
    version = services().statement.current(guard.actor())
    text = render_template(
        "meetings/show.html",
        meeting=page,
        form=form,
        version=version,
        parts=PARTS,
        more=more or [],
        failed=status >= 400,  # noqa: PLR2004 - an error
    )
    return text, status


@blueprint.post("/<id:meeting>/affirm")
@needs(Permission.MEETING_READ)
def affirm(meeting: str) -> ResponseReturnValue:
    form = forms.AffirmForm(request.form)
    try:
        services().meetings.affirm(guard.actor(), meeting, version=str(form.version.data), parts=form.parts())
    except Invalid as invalid:
        return _page(meeting, form, 400, _attach(form, invalid))
    except Conflict as conflict:
        return _page(meeting, forms.AffirmForm(), 409, [conflict.sentence])
    return done(url_for("meetings.show", meeting=meeting), Done.AGREED_FOR_MEETING)


# --- arranging -------------------------------------------------------------------------------


@blueprint.get("/new")
@needs(Permission.MEETING_ARRANGE)
def new() -> ResponseReturnValue:
    return _arrange_page(forms.ArrangeForm(data={"form": new_id()}), 200)


@blueprint.post("/new")
@needs(Permission.MEETING_ARRANGE)
def arrange() -> ResponseReturnValue:
    form = forms.ArrangeForm(request.form)
    form.offer(services().meetings.choices(guard.actor()))
    if not form.validate():
        return _arrange_page(form, 400)
    try:
        meeting = services().meetings.arrange(guard.actor(), form.new())
    except Invalid as wrong:
        return _arrange_page(form, 400, _attach(form, wrong))
    except Conflict as conflict:
        return _arrange_page(form, 409, [conflict.sentence])
    return done(url_for("meetings.show", meeting=meeting), Done.MEETING_ARRANGED)


def _arrange_page(form: forms.ArrangeForm, status: int, more: list[str] | None = None) -> ResponseReturnValue:
    form.offer(services().meetings.choices(guard.actor()))
    return render_template("meetings/new.html", form=form, more=more or [], failed=bool(more)), status


@blueprint.get("/<id:meeting>/change")
@needs(Permission.MEETING_ARRANGE)
def change(meeting: str) -> ResponseReturnValue:
    page = services().meetings.arranged(guard.actor(), meeting)
    return _change_page(forms.WhenForm(data=forms.of_meeting(page)), page, 200)


@blueprint.post("/<id:meeting>/change")
@needs(Permission.MEETING_ARRANGE)
def send_change(meeting: str) -> ResponseReturnValue:
    who, form = guard.actor(), forms.WhenForm(request.form)
    page = services().meetings.arranged(who, meeting)
    form.offer(services().meetings.choices(who))
    if not form.validate():
        return _change_page(form, page, 400)
    try:
        services().meetings.change(who, meeting, form.when(), seen=_whole(form.seen.data))
    except Invalid as wrong:
        return _change_page(form, page, 400, _attach(form, wrong))
    except (Conflict, Refused) as refused:
        page = services().meetings.arranged(who, meeting)
        form.seen.data, form.seen.raw_data = str(page.seen), None
        return _change_page(form, page, 409, [refused.sentence])
    return done(url_for("meetings.show", meeting=meeting), Done.MEETING_CHANGED)


def _change_page(
    form: forms.WhenForm, page: MeetingPage, status: int, more: list[str] | None = None
) -> ResponseReturnValue:
    form.offer(services().meetings.choices(guard.actor()))
    text = render_template(
        "meetings/change.html", form=form, meeting=page, more=more or [], failed=bool(more)
    )
    return text, status


@blueprint.post("/<id:meeting>/cancel")
@needs(Permission.MEETING_ARRANGE)
def cancel(meeting: str) -> ResponseReturnValue:
    services().meetings.cancel(guard.actor(), meeting, seen=_whole(request.form.get("seen")))
    return done(url_for("meetings.show", meeting=meeting), Done.MEETING_CANCELLED)


@blueprint.get("/<id:meeting>/arrange")
@needs(Permission.MEETING_ARRANGE)
def agenda(meeting: str) -> ResponseReturnValue:
    return _agenda_page(meeting, 200)


@blueprint.post("/<id:meeting>/arrange/<what>")
@needs(Permission.MEETING_ARRANGE)
def send_agenda(meeting: str, what: str) -> ResponseReturnValue:
    """`what` names one of `ARRANGING`."""
    if what not in ARRANGING:
        raise NotHere(permission=Permission.MEETING_ARRANGE, why="absent")
    field, apply, said = ARRANGING[what]
    try:
        apply(services().meetings, guard.actor(), meeting, request.form.get(field, ""))
    except Invalid as invalid:
        return _agenda_page(meeting, 400, [invalid.sentence])
    except (Conflict, Refused) as refused:
        return _agenda_page(meeting, 409, [refused.sentence])
    return done(url_for("meetings.agenda", meeting=meeting), said)


ARRANGING: dict[str, tuple[str, Callable[[MeetingService, Actor, str, str], None], Done]] = {
    "add-case": ("case", MeetingService.add_case, Done.CASE_LISTED),
    "remove-case": ("case", MeetingService.remove_case, Done.CASE_TAKEN_OFF),
    "invite": ("person", MeetingService.invite, Done.PERSON_INVITED),
    "withdraw": ("person", MeetingService.withdraw, Done.INVITATION_WITHDRAWN),
}


def _agenda_page(meeting: str, status: int, more: list[str] | None = None) -> ResponseReturnValue:
    page = services().meetings.arranged(guard.actor(), meeting)
    choices = services().meetings.choices(guard.actor())
    cases, people = forms.CaseForm(), forms.PersonForm()
    listed, invited = {one.id for one in page.cases}, {one.id for one in page.people}
    cases.case.choices = [PICK, *(choice(one.id, one.name) for one in choices.cases if one.id not in listed)]
    others = (one for one in choices.people if one.id not in invited)
    people.person.choices = [PICK, *(choice(one.id, f"{one.name}, {one.agency}") for one in others)]
    text = render_template(
        "meetings/arrange.html",
        meeting=page,
        case_form=cases,
        person_form=people,
        more=more or [],
        failed=bool(more),
    )
    return text, status


# --- issuing ---------------------------------------------------------------------------------


@blueprint.get("/<id:meeting>/issue")
@needs(Permission.MEETING_ISSUE)
def issue(meeting: str) -> ResponseReturnValue:
    page, offered = services().meetings.issuable(guard.actor(), meeting)
    what = Issue.MINUTES if page.past else Issue.PAPERS
    return _issue_page(forms.IssueForm(data={"what": what.value}), page, offered, 200)


@blueprint.post("/<id:meeting>/issue")
@needs(Permission.MEETING_ISSUE)
def send_issue(meeting: str) -> ResponseReturnValue:
    form, who = forms.IssueForm(request.form), guard.actor()
    page, offered = services().meetings.issuable(who, meeting)
    issued = [choice(one.id, one.title) for one in page.issued]
    form.documents.choices = [*_choices(offered), *issued]
    if not form.validate():
        return _issue_page(form, page, offered, 400)
    try:
        services().meetings.issue(who, meeting, Issue(form.what.data), frozenset(form.documents.data))
    except Invalid as invalid:
        return _issue_page(form, page, offered, 400, _attach(form, invalid))
    except (Conflict, Refused) as refused:
        return _issue_page(form, page, offered, 409, [refused.sentence])
    return done(url_for("meetings.show", meeting=meeting), Done.ISSUED)


def _choices(offered: tuple[CaseDocuments, ...]) -> list[Any]:
    return [
        choice(one.id, f"{case.reference}: {one.title} ({one.type})")
        for case in offered
        for one in case.documents
    ]


def _issue_page(
    form: forms.IssueForm,
    page: MeetingPage,
    offered: tuple[CaseDocuments, ...],
    status: int,
    more: list[str] | None = None,
) -> ResponseReturnValue:
    form.documents.choices = _choices(offered)
    text = render_template("meetings/issue.html", form=form, meeting=page, more=more or [], failed=bool(more))
    return text, status


@blueprint.get("/<id:meeting>/readers")
@needs(Permission.MEETING_ISSUE)
def readers(meeting: str) -> ResponseReturnValue:
    found = services().meetings.readers(guard.actor(), meeting)
    return render_template("meetings/readers.html", meeting=found.page, found=found)


def _attach(form: Form, wrong: Invalid) -> list[str]:
    """Put the sentence at its field; what belongs to no field of this form is returned."""
    if wrong.field not in form:
        return [wrong.sentence]
    form[wrong.field].errors = [wrong.sentence]
    return []


def _whole(text: str | None) -> int:
    """The version a form was made from; -1, which no row has, for what is no number."""
    plain = bool(text) and str(text).isascii() and str(text).isdigit() and len(str(text)) <= LONGEST_NUMBER
    return int(str(text)) if plain else -1
