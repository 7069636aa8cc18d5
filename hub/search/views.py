"""The search page."""

from collections.abc import Iterable
from datetime import date

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from hub.access.permissions import Permission
from hub.errors import Invalid
from hub.ids import is_id
from hub.search.forms import SORT_CODES, SaveForm, SearchForm
from hub.search.saved import LONGEST_NAME
from hub.search.service import PER_PAGE, TYPES, Answer, Request
from hub.web import guard
from hub.web.fields import choices
from hub.web.notices import Done, done
from hub.web.paging import Page, page_number
from hub.web.routes import needs
from hub.web.services import services

MAX_FIELD = 10_000
"""Characters of one field that are kept; a query itself uses fewer."""
LONGEST_YEAR = 4
KEPT_UNFILTERED = frozenset({"q", "sort"})
blueprint = Blueprint("search", __name__, url_prefix="/search")
Fields = list[tuple[str, str]]


@blueprint.get("/")
@needs(Permission.SEARCH)
def index() -> ResponseReturnValue:
    """The empty form; `?case=` keeps to one case."""
    return _results_page([("case", request.args.get("case", ""))])


@blueprint.post("/")
@needs(Permission.SEARCH)
def ask() -> ResponseReturnValue:
    """The words come in the body and are kept sealed: no address holds them."""
    return redirect(url_for("search.results", asked=services().search.keep(guard.actor(), _sent())), 303)


@blueprint.get("/<id:asked>")
@needs(Permission.SEARCH)
def results(asked: str) -> ResponseReturnValue:
    return _results_page(services().search.kept(guard.actor(), asked))


@blueprint.post("/saved")
@needs(Permission.SEARCH)
def save() -> ResponseReturnValue:
    """The search that the page answers, kept for the person who asked it."""
    who, fields, form = guard.actor(), _sent(), SaveForm(request.form)
    name = str(form.name.data or "").strip() or dict(fields).get("q", "")
    try:
        services().search.save(who, name, fields)
    except Invalid as invalid:
        form[invalid.field].errors = [invalid.sentence]
        return _results_page(fields, form), 400
    return done(url_for("search.results", asked=services().search.keep(who, fields)), Done.SEARCH_SAVED)


@blueprint.post("/saved/<id:saved>")
@needs(Permission.SEARCH)
def again(saved: str) -> ResponseReturnValue:
    who = guard.actor()
    line = next((line for line in services().search.saved(who) if line.id == saved), None)
    return redirect(
        url_for("search.results", asked=services().search.keep(who, line.form if line else ())), 303
    )


@blueprint.post("/saved/<id:saved>/remove")
@needs(Permission.SEARCH)
def unsave(saved: str) -> ResponseReturnValue:
    services().search.unsave(guard.actor(), saved)
    return redirect(url_for("search.index"), 303)


def _sent() -> Fields:
    """The form, with what one of its buttons puts in place of a field."""
    fields = [
        (name, value[:MAX_FIELD])
        for name, value in request.form.items(multi=True)
        if name in SearchForm.NAMES
    ]
    if instead := request.form.get("instead"):
        fields = [("q", instead[:MAX_FIELD]), *_without(fields, "q")]
    if request.form.get("unfiltered"):
        fields = [(name, value) for name, value in fields if name in KEPT_UNFILTERED]
    year = request.form.get("year", "")
    if year.isascii() and year.isdigit() and len(year) == LONGEST_YEAR:
        kept = [(name, value) for name, value in fields if not name.startswith(("first-", "last-"))]
        days = {"first": ("1", "1", year), "last": ("31", "12", year)}
        parts = ("day", "month", "year")
        fields = kept + [
            (f"{name}-{part}", value)
            for name, values in days.items()
            for part, value in zip(parts, values, strict=True)
        ]
    return fields


def _without(fields: Fields, *names: str) -> Fields:
    return [(name, value) for name, value in fields if name not in names]


def _results_page(fields: Fields, save: SaveForm | None = None) -> str:
    who = guard.actor()
    agencies = services().people.agencies(who.area)
    form = _form(fields, agencies)
    asked = _request(form)
    answer = services().search.search(who, asked) if _asks(asked) else None
    if answer:
        _tell_counts(form, agencies, answer)
    return render_template(
        "search/index.html",
        form=form,
        save=save or SaveForm(),
        failed=bool(save and save.errors),
        fields=fields,
        longest_name=LONGEST_NAME,
        asked=asked,
        answer=answer,
        page=_page(answer, asked),
        types=TYPES,
        agencies=agencies,
        chosen=_chosen(asked),
        saved=services().search.saved(who),
    )


def _form(fields: Fields, agencies: dict[str, str]) -> SearchForm:
    form = SearchForm(MultiDict(fields))
    form.type.choices = choices(TYPES.items())
    form.agency.choices = choices([("", "Any agency"), *agencies.items()])
    form.validate()
    return form


def _tell_counts(form: SearchForm, agencies: dict[str, str], answer: Answer) -> None:
    """How many hits each choice would leave; what leaves none and is not chosen is not offered."""
    chosen = set(form.type.data or ())
    form.type.choices = choices(
        _counted(
            ((code, label) for code, label in TYPES.items() if code in chosen | answer.by_type.keys()),
            answer.by_type,
        )
    )
    known = (
        (code, label) for code, label in agencies.items() if code in {form.agency.data, *answer.by_agency}
    )
    form.agency.choices = choices([("", "Any agency"), *_counted(known, answer.by_agency)])


def _counted(pairs: Iterable[tuple[str, str]], counts: dict[str, int]) -> list[tuple[str, str]]:
    return [(code, f"{label} ({counts.get(code, 0)})") for code, label in pairs]


def _request(form: SearchForm) -> Request:
    case = str(form.case.data or "")
    agency = str(form.agency.data or "")
    return Request(
        text=str(form.q.data or ""),
        case=case if is_id(case) else None,
        types=frozenset(form.type.data or ()) & TYPES.keys(),
        agencies=frozenset({agency}) if is_id(agency) else frozenset(),
        first=_day(form.first.data),
        last=_day(form.last.data),
        sort=form.sort.data if form.sort.data in SORT_CODES else "best",
        sounds=bool(form.sounds.data),
        page=page_number(request.args.get("page")),
    )


def _day(value: object) -> date | None:
    return value if isinstance(value, date) else None


def _asks(asked: Request) -> bool:
    return bool(asked.text.strip() or asked.types or asked.agencies or asked.first or asked.last)


def _chosen(asked: Request) -> int:
    return sum(map(bool, (asked.types, asked.agencies, asked.first, asked.last, asked.case, asked.sounds)))


def _page(answer: Answer | None, asked: Request) -> Page[object]:
    found = answer.found if answer else ()
    return Page(rows=found, number=asked.page, total=answer.total if answer else 0, per_page=PER_PAGE)
