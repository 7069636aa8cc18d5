"""Routes of cases: the list, the case page, its timeline, opening, changing, staffing and closing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any, TypeVar

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import Form

from hub.access.actor import Actor
from hub.access.permissions import GRANTS, Permission, Role
from hub.cases import forms, rules
from hub.cases.listing import CaseFilters, Sort
from hub.cases.reading import CaseHead
from hub.cases.rules import Category, ExitReason, Level, Review, State
from hub.cases.service import CaseService, Choices
from hub.cases.timeline import Happening
from hub.errors import Closed, Conflict, Invalid, NotHere
from hub.ids import new_id
from hub.web import guard
from hub.web.jinja import long_date
from hub.web.notices import Done, done
from hub.web.paging import page_number
from hub.web.routes import needs
from hub.web.services import services

blueprint = Blueprint("cases", __name__, url_prefix="/cases")
MAX_QUERY = 24
Code = TypeVar("Code", bound=Enum)


# --- reading ---------------------------------------------------------------------------------


@blueprint.get("/")
@needs(Permission.CASE_LIST)
def index() -> ResponseReturnValue:
    who, service = guard.actor(), services().cases
    choices = service.choices(who)
    form = forms.FilterForm(request.args)
    form.offer(choices)
    filters, (sort, down) = _filters(choices), _sort()
    page = service.list(who, filters, sort, page_number(request.args.get("page")), down=down)
    return render_template(
        "cases/index.html",
        form=form,
        page=page,
        chosen=_chosen(filters),
        sort=("-" if down else "") + sort.value,
        may_open=_may(who, Permission.CASE_OPEN),
    )


def _filters(choices: Choices) -> CaseFilters:
    """From the address; whatever is not one of the choices asks for nothing."""
    asked = request.args.get
    locality, lead, state = asked("locality"), asked("lead"), asked("state")
    text = "".join(letter for letter in asked("q", "").strip() if letter.isprintable())
    return CaseFilters(
        category=_number(Category, asked("category")),
        level=_number(Level, asked("level")),
        locality=locality if locality in choices.localities else None,
        lead_agency=lead if lead in {agency.id for agency in choices.agencies} else None,
        review=_code(Review, asked("review")) if asked("review") in {Review.OVERDUE, Review.SOON} else None,
        state=None if state == "all" else _code(State, state) or State.OPEN,
        text=text[:MAX_QUERY],
    )


def _chosen(filters: CaseFilters) -> int:
    named = (filters.category, filters.level, filters.locality, filters.lead_agency, filters.review)
    return sum(one is not None for one in named) + bool(filters.text) + (filters.state is not State.OPEN)


def _sort() -> tuple[Sort, bool]:
    """The column, and whether downwards: `?sort=-level`."""
    text = request.args.get("sort", "")
    return _code(Sort, text.removeprefix("-")) or Sort.REVIEW, text.startswith("-")


def _number(codes: type[Code], text: str | None) -> Code | None:
    return next((code for code in codes if str(code.value) == text), None)


_code = _number


@blueprint.get("/<id:case>")
@needs(Permission.CASE_READ)
def show(case: str) -> ResponseReturnValue:
    who = guard.actor()
    page = services().cases.show(who, case, documents=page_number(request.args.get("page")))
    return render_template(
        "cases/show.html",
        case=page.head,
        found=page,
        disposal=services().disposal.brief(who, case) if page.head.may_change else None,
        may_upload=_may(who, Permission.DOCUMENT_UPLOAD) and case not in who.glass,
        may_search=_may(who, Permission.SEARCH),
    )


@blueprint.get("/<id:case>/timeline")
@needs(Permission.CASE_READ)
def timeline(case: str) -> ResponseReturnValue:
    head, page = services().cases.timeline(guard.actor(), case, page_number(request.args.get("page")))
    return render_template("cases/timeline.html", case=head, page=page)


HEADLINES = {
    "opened": "Opened at level {after}",
    "category": "Category {before} to category {after}",
    "level": "Level {before} to level {after}",
    "review": "Next review due {after}",
    "lead agency": "{after} leads in place of {before}",
    "coordinator": "{after} coordinates in place of {before}",
    "nominal": "The nominal's details corrected",
    "closed": "Closed: {after}",
    "reopened": "Opened again",
    "agency added": "{after} put on the case",
    "agency removed": "{after} taken off the case",
    "member added": "{after} joined the team",
    "member removed": "{after} left the team",
    "exclusion added": "{after} excluded from the case",
    "exclusion lifted": "Exclusion of {after} lifted",
}


@blueprint.app_template_filter("headline")
def headline(change: Happening) -> str:
    """A change in words; its code where there are none."""
    words = HEADLINES.get(change.what, change.what)
    return words.format(before=_said(change.what, change.before), after=_said(change.what, change.after))


def _said(what: str, value: str) -> str:
    if what == "review" and value:
        return long_date(date.fromisoformat(value))
    if what == "closed" and (reason := _code(ExitReason, value)):
        return reason.label
    return value


# --- opening ---------------------------------------------------------------------------------


@blueprint.get("/new")
@needs(Permission.CASE_OPEN)
def new() -> ResponseReturnValue:
    form = forms.OpenForm(data={"form": new_id()})
    return _open_page(form, 200)


@blueprint.post("/new")
@needs(Permission.CASE_OPEN)
def open_case() -> ResponseReturnValue:
    form = forms.OpenForm(request.form)
    form.offer(services().cases.choices(guard.actor()))
    if not form.validate():
        return _open_page(form, 400)
    try:
        case = services().cases.open_case(guard.actor(), form.new())
    except Invalid as invalid:
        return _open_page(form, 400, _attach(form, invalid))
    except Conflict as conflict:
        return _open_page(form, 409, [conflict.sentence])
    return done(url_for("cases.show", case=case), Done.CASE_OPENED)


def _open_page(form: forms.OpenForm, status: int, more: list[str] | None = None) -> ResponseReturnValue:
    form.offer(services().cases.choices(guard.actor()))
    return render_template("cases/new.html", form=form, more=more or [], failed=status != 200), status  # noqa: PLR2004 - fine as it is


# --- changing --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that can be changed: its page and what sending it does."""

    title: str
    button: str
    form: type[forms.DecisionForm]
    apply: Callable[[CaseService, Actor, str, Any], None]
    offer: Callable[[Any, CaseHead, Choices], None] = lambda _form, _head, _choices: None
    start: Callable[[CaseHead], dict[str, Any]] = lambda _head: {}
    state: State = State.OPEN
    done: Done = Done.CASE_CHANGED


def _offer_agencies(form: forms.LeadForm, head: CaseHead, choices: Choices) -> None:
    others = [
        forms.choice(agency.id, agency.name)
        for agency in choices.agencies
        if agency.id != head.lead_agency.id
    ]
    form.lead_agency.choices = [forms.PICK, *others]


def _offer_coordinators(form: forms.HandOverForm, head: CaseHead, choices: Choices) -> None:
    able = [
        person
        for person in choices.people
        if person.role is Role.COORDINATOR and person.id != head.coordinator.id
    ]
    form.coordinator.choices = [
        forms.PICK,
        *(forms.choice(person.id, f"{person.name}, {person.agency}") for person in able),
    ]


def _offer_exits(form: forms.CloseForm, head: CaseHead, _choices: Choices) -> None:
    form.offer(rules.exits(head.category))


def _nominal_now(head: CaseHead) -> dict[str, Any]:
    nominal = head.nominal
    return {
        "name": nominal.name,
        "aliases": "\n".join(nominal.aliases),
        "born": nominal.born,
        "visor": nominal.visor or "",
    }


CHANGES = {
    "category": Change(
        title="Change the category",
        button="Change the category",
        form=forms.CategoryForm,
        apply=lambda cases, who, case, form: cases.change_category(
            who, case, Category(int(form.category.data)), form.decision()
        ),
    ),
    "level": Change(
        title="Change the level",
        button="Change the level",
        form=forms.LevelForm,
        apply=lambda cases, who, case, form: cases.change_level(
            who, case, Level(int(form.level.data)), form.decision()
        ),
    ),
    "review": Change(
        title="Change when the next review is due",
        button="Change the date",
        form=forms.ReviewForm,
        apply=lambda cases, who, case, form: cases.change_review(
            who, case, form.review.data, form.decision()
        ),
        start=lambda head: {"review": head.review_due},
    ),
    "lead-agency": Change(
        title="Change the lead agency",
        button="Change the lead agency",
        form=forms.LeadForm,
        apply=lambda cases, who, case, form: cases.change_lead_agency(
            who, case, form.lead_agency.data, form.decision()
        ),
        offer=_offer_agencies,
    ),
    "nominal": Change(
        title="Correct the nominal's details",
        button="Save the corrections",
        form=forms.CorrectForm,
        apply=lambda cases, who, case, form: cases.correct_nominal(
            who, case, form.nominal(), form.decision()
        ),
        start=_nominal_now,
    ),
    "coordinator": Change(
        title="Hand the case to another coordinator",
        button="Hand over",
        form=forms.HandOverForm,
        apply=lambda cases, who, case, form: cases.hand_over(
            who, case, form.coordinator.data, form.decision()
        ),
        offer=_offer_coordinators,
        done=Done.CASE_HANDED_OVER,
    ),
    "close": Change(
        title="Close the case",
        button="Close the case",
        form=forms.CloseForm,
        apply=lambda cases, who, case, form: cases.close(
            who, case, ExitReason(form.exit.data), form.decision()
        ),
        offer=_offer_exits,
        done=Done.CASE_CLOSED,
    ),
    "reopen": Change(
        title="Open the case again",
        button="Open the case again",
        form=forms.ReasonForm,
        apply=lambda cases, who, case, form: cases.reopen(who, case, form.decision()),
        state=State.CLOSED,
        done=Done.CASE_REOPENED,
    ),
}


@blueprint.get("/<id:case>/change/<what>")
@needs(Permission.CASE_CHANGE)
def change(case: str, what: str) -> ResponseReturnValue:
    asked = _asked(case, what)
    head = services().cases.for_change(guard.actor(), case)
    if head.state is not asked.state:
        raise Closed("This case is closed and takes nothing more. Open it again first.")
    form = asked.form(data={**asked.start(head), "seen": head.seen})
    return _change_page(form, what, head, 200)


@blueprint.post("/<id:case>/change/<what>")
@needs(Permission.CASE_CHANGE)
def send_change(case: str, what: str) -> ResponseReturnValue:
    asked, who = _asked(case, what), guard.actor()
    head = services().cases.for_change(who, case)
    form = asked.form(request.form)
    asked.offer(form, head, services().cases.choices(who))
    if not form.validate():
        return _change_page(form, what, head, 400)
    try:
        asked.apply(services().cases, who, case, form)
    except Invalid as invalid:
        return _change_page(form, what, head, 400, _attach(form, invalid))
    except (Conflict, Closed) as refused:
        return _overtaken(form, what, case, refused.sentence)
    if what == "coordinator":
        return done(url_for("cases.index"), asked.done)
    return done(url_for("cases.show", case=case), asked.done)


@blueprint.get("/<id:case>/close")
@needs(Permission.CASE_CHANGE)
def close(case: str) -> ResponseReturnValue:
    return change(case, "close")


@blueprint.post("/<id:case>/close")
@needs(Permission.CASE_CHANGE)
def send_close(case: str) -> ResponseReturnValue:
    return send_change(case, "close")


def _asked(case: str, what: str) -> Change:
    if what not in CHANGES:
        raise NotHere(permission=Permission.CASE_CHANGE, why="absent", case=case)
    return CHANGES[what]


def _overtaken(form: forms.DecisionForm, what: str, case: str, sentence: str) -> ResponseReturnValue:
    """What was typed stays, beside what is so now; sending it again is then a decision made knowingly."""
    head = services().cases.for_change(guard.actor(), case)
    form.seen.data, form.seen.raw_data = str(head.seen), None
    return _change_page(form, what, head, 409, [sentence])


def _change_page(
    form: forms.DecisionForm, what: str, head: CaseHead, status: int, more: list[str] | None = None
) -> ResponseReturnValue:
    asked = CHANGES[what]
    asked.offer(form, head, services().cases.choices(guard.actor()))
    page = render_template(
        "cases/change.html", form=form, case=head, what=what, asked=asked, more=more or [], failed=bool(more)
    )
    return page, status


# --- who works the case ----------------------------------------------------------------------


@blueprint.get("/<id:case>/team")
@needs(Permission.CASE_CHANGE)
def team(case: str) -> ResponseReturnValue:
    return _team_page(case, 200)


@blueprint.post("/<id:case>/team/<what>")
@needs(Permission.CASE_CHANGE)
def send_team(case: str, what: str) -> ResponseReturnValue:
    """`what` names one of `STAFFING`; a form that is refused is shown again among the others."""
    if what not in STAFFING:
        raise NotHere(permission=Permission.CASE_CHANGE, why="absent", case=case)
    form_class, apply, said = STAFFING[what]
    form = form_class(request.form)
    _offer_staff(form, services().cases.choices(guard.actor()))
    if not form.validate():
        return _team_page(case, 400, form)
    try:
        apply(services().cases, guard.actor(), case, form)
    except Invalid as invalid:
        return _team_page(case, 400, form, _attach(form, invalid))
    except (Conflict, Closed) as refused:
        return _team_page(case, 409, form, [refused.sentence])
    return done(url_for("cases.team", case=case), said)


Apply = Callable[[CaseService, Actor, str, Any], None]
STAFFING: dict[str, tuple[type[Form], Apply, Done]] = {
    "add-agency": (
        forms.AgencyForm,
        lambda cases, who, case, form: cases.add_agency(who, case, form.agency.data),
        Done.AGENCY_ADDED,
    ),
    "remove-agency": (
        forms.AgencyForm,
        lambda cases, who, case, form: cases.remove_agency(who, case, form.agency.data),
        Done.AGENCY_REMOVED,
    ),
    "add-member": (
        forms.MemberForm,
        lambda cases, who, case, form: cases.add_member(who, case, form.person.data, form.duty.data),
        Done.PERSON_ADDED,
    ),
    "remove-member": (
        forms.LeaverForm,
        lambda cases, who, case, form: cases.remove_member(who, case, form.person.data),
        Done.PERSON_REMOVED,
    ),
    "exclude": (
        forms.ExcludeForm,
        lambda cases, who, case, form: cases.exclude(who, case, form.person.data, form.reason.data),
        Done.PERSON_EXCLUDED,
    ),
    "lift": (
        forms.LiftForm,
        lambda cases, who, case, form: cases.lift_exclusion(who, case, form.person.data, form.reason.data),
        Done.EXCLUSION_LIFTED,
    ),
}


def _offer_staff(form: Form, choices: Choices) -> None:
    people = [
        forms.PICK,
        *(forms.choice(person.id, f"{person.name}, {person.agency}") for person in choices.people),
    ]
    if "agency" in form:
        form.agency.choices = [
            forms.PICK,
            *(forms.choice(agency.id, agency.name) for agency in choices.agencies),
        ]
    if isinstance(form, forms.MemberForm | forms.ExcludeForm):
        form.person.choices = people


def _team_page(
    case: str, status: int, sent: Form | None = None, more: list[str] | None = None
) -> ResponseReturnValue:
    found = services().cases.team(guard.actor(), case)
    shown = {
        kind: sent if isinstance(sent, kind) else kind()
        for kind in (forms.AgencyForm, forms.MemberForm, forms.ExcludeForm)
    }
    for form in shown.values():
        _offer_staff(form, found.choices)
    page = render_template(
        "cases/team.html",
        case=found.head,
        found=found,
        agency_form=shown[forms.AgencyForm],
        member_form=shown[forms.MemberForm],
        exclude_form=shown[forms.ExcludeForm],
        sent=sent,
        lift_form=sent if isinstance(sent, forms.LiftForm) else None,
        more=more or [],
        failed=status != 200,  # noqa: PLR2004 - fine as it is
    )
    return page, status


def _attach(form: Form, invalid: Invalid) -> list[str]:
    """Put the sentence at its field; what belongs to no field of this form is returned."""
    if invalid.field not in form:
        return [invalid.sentence]
    form[invalid.field].errors = [invalid.sentence]
    return []


def _may(who: Actor, permission: Permission) -> bool:
    return who.role is not None and permission in GRANTS[who.role]
