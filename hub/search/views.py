"""The search page."""

from datetime import date

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from hub.access.permissions import Permission
from hub.documents.rules import DOCUMENT_TYPES
from hub.ids import is_id
from hub.search.forms import SearchForm
from hub.search.service import PER_PAGE, Answer, Request
from hub.web import guard
from hub.web.fields import choices
from hub.web.paging import Page, page_number
from hub.web.routes import needs
from hub.web.services import services

MAX_FIELD = 10_000
"""Characters of one field that are kept; a query itself uses fewer."""
blueprint = Blueprint("search", __name__, url_prefix="/search")


@blueprint.get("/")
@needs(Permission.SEARCH)
def index() -> ResponseReturnValue:
    """The empty form; `?case=` keeps to one case."""
    return _results_page([("case", request.args.get("case", ""))])


@blueprint.post("/")
@needs(Permission.SEARCH)
def ask() -> ResponseReturnValue:
    """The words come in the body and are kept sealed: no address holds them."""
    fields = [
        (name, value[:MAX_FIELD])
        for name, value in request.form.items(multi=True)
        if name in SearchForm.NAMES
    ]
    return redirect(url_for("search.results", asked=services().search.keep(guard.actor(), fields)), 303)


@blueprint.get("/<id:asked>")
@needs(Permission.SEARCH)
def results(asked: str) -> ResponseReturnValue:
    return _results_page(services().search.kept(guard.actor(), asked))


def _results_page(fields: list[tuple[str, str]]) -> ResponseReturnValue:
    who = guard.actor()
    agencies = services().people.agencies(who.area)
    form = _form(fields, agencies)
    asked = _request(form)
    answer = services().search.search(who, asked) if _asks(asked) else None
    return render_template(
        "search/index.html",
        form=form,
        asked=asked,
        answer=answer,
        page=_page(answer, asked),
        types=DOCUMENT_TYPES,
        agencies=agencies,
        chosen=_chosen(asked),
    )


def _form(fields: list[tuple[str, str]], agencies: dict[str, str]) -> SearchForm:
    form = SearchForm(MultiDict(fields))
    form.type.choices = choices(DOCUMENT_TYPES.items())
    form.agency.choices = choices([("", "Any agency"), *agencies.items()])
    form.validate()
    return form


def _request(form: SearchForm) -> Request:
    case = str(form.case.data or "")
    agency = str(form.agency.data or "")
    return Request(
        text=str(form.q.data or ""),
        case=case if is_id(case) else None,
        types=frozenset(form.type.data or ()) & DOCUMENT_TYPES.keys(),
        agencies=frozenset({agency}) if is_id(agency) else frozenset(),
        first=_day(form.first.data),
        last=_day(form.last.data),
        newest_first=form.sort.data == "newest",
        page=page_number(request.args.get("page")),
    )


def _day(value: object) -> date | None:
    return value if isinstance(value, date) else None


def _asks(asked: Request) -> bool:
    return bool(asked.text.strip() or asked.types or asked.agencies or asked.first or asked.last)


def _chosen(asked: Request) -> int:
    return sum(map(bool, (asked.types, asked.agencies, asked.first, asked.last, asked.case)))


def _page(answer: Answer | None, asked: Request) -> Page[object]:
    found = answer.found if answer else ()
    return Page(rows=found, number=asked.page, total=answer.total if answer else 0, per_page=PER_PAGE)
