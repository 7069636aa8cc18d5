"""Routes of information governance: the log, who has seen what, the export."""

import csv
import io
from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import date

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from hub.access.permissions import Permission
from hub.documents.rules import DOCUMENT_TYPES
from hub.governance.forms import LogFilterForm
from hub.governance.rules import Filters, safe_cell
from hub.governance.service import LONDON, Choices, Line
from hub.governance.words import EVENTS, describe, details
from hub.ids import is_id
from hub.ledger.events import Outcome, Reason
from hub.web import guard
from hub.web.fields import choices
from hub.web.paging import page_number
from hub.web.routes import needs
from hub.web.services import services

blueprint = Blueprint("governance", __name__, url_prefix="/log")
HEADINGS = (
    "Entry", "Time (UTC)", "Time (London)", "Person", "Agency", "Action", "s.62 operation", "Outcome", "Case", "Document type",
    "Document id", "Reason", "Address", "Details",
)  # fmt: skip
REASONS = {reason.value: reason.label for reason in Reason}


@blueprint.get("/")
@needs(Permission.LOG_READ)
def index() -> ResponseReturnValue:
    known = services().governance.choices(guard.actor())
    form = _form(known)
    filters = _filters(form)
    overview = services().governance.overview(guard.actor(), filters, page_number(request.args.get("page")))
    return render_template(
        "governance/index.html", form=form, overview=overview, filters=filters, describe=describe, details=details,
        types=DOCUMENT_TYPES, reasons=REASONS,
    )  # fmt: skip


def _form(known: Choices) -> LogFilterForm:
    form = LogFilterForm(request.args)
    form.person.choices = choices([("", "Anyone"), *known.people.items()])
    form.agency.choices = choices([("", "Any agency"), *known.agencies.items()])
    form.case.choices = choices([("", "Any case"), *known.cases.items()])
    form.event.choices = choices([("", "Any action"), *sorted(EVENTS.items(), key=lambda pair: pair[1])])
    form.outcome.choices = choices(
        [("", "Any outcome"), *((one.value, one.value.capitalize()) for one in Outcome)]
    )
    form.validate()
    return form


def _filters(form: LogFilterForm) -> Filters:
    """Only values of the right shape; anything else filters nothing, as if it had not been asked."""
    return Filters(
        person=_id(form.person.data),
        agency=_id(form.agency.data),
        case=_id(form.case.data),
        document=_id(form.document.data),
        event=str(form.event.data) if form.event.data in EVENTS else "",
        outcome=str(form.outcome.data) if form.outcome.data in set(Outcome) else "",
        first=_day(form.first.data),
        last=_day(form.last.data),
    )


def _id(value: object) -> str:
    text = str(value or "").strip()
    return text if is_id(text) else ""


def _day(value: object) -> date | None:
    return value if isinstance(value, date) else None


@blueprint.get("/documents/<id:document>")
@needs(Permission.LOG_READ)
def document(document: str) -> ResponseReturnValue:
    readings = services().governance.document(guard.actor(), document)
    return render_template(
        "governance/document.html", readings=readings, document=document, types=DOCUMENT_TYPES
    )


@blueprint.get("/people/<id:account>")
@needs(Permission.LOG_READ)
def person(account: str) -> ResponseReturnValue:
    name, readings = services().governance.person(guard.actor(), account)
    return render_template(
        "governance/person.html", name=name, readings=readings, account=account, types=DOCUMENT_TYPES
    )


@blueprint.get("/export.csv")
@needs(Permission.LOG_EXPORT)
def export() -> ResponseReturnValue:
    """The filtered log for a spreadsheet, streamed; no cell begins a formula."""
    hub, who = services(), guard.actor()
    filters = _filters(_form(hub.governance.choices(who)))
    lines = hub.governance.export(
        who, filters, lambda: hub.sessions.is_live(who) and not hub.statement.unagreed(who)
    )
    headers = {"Content-Disposition": 'attachment; filename="access-log.csv"'}
    return Response(_csv(lines), mimetype="text/csv; charset=utf-8", headers=headers)


def _csv(lines: Generator[Line, None, None]) -> Iterator[str]:
    with closing(lines):
        yield "\ufeff" + _csv_row(HEADINGS)
        for line in lines:
            yield _csv_row(_cells(line))


def _csv_row(cells: tuple[object, ...]) -> str:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(
        [safe_cell(cell) for cell in cells]
    )
    return out.getvalue()


def _cells(line: Line) -> tuple[object, ...]:
    return (
        line.sequence,
        line.at.isoformat(timespec="seconds"),
        f"{line.at.astimezone(LONDON):%Y-%m-%d %H:%M:%S}",
        line.person,
        line.agency,
        describe(line),
        line.operation,
        line.outcome,
        line.case,
        DOCUMENT_TYPES.get(line.document, line.document),
        line.document_id,
        REASONS.get(line.reason or "", line.reason),
        line.address,
        details(line),
    )
