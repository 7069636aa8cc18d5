"""Routes of information governance: the log, who has seen what, the export."""

import csv
import io
import json
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import date

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from hub.access.permissions import Permission, Role
from hub.clock import LONDON
from hub.documents.rules import DOCUMENT_TYPES
from hub.governance.entries import Line, Turn
from hub.governance.forms import LogFilterForm
from hub.governance.receipts import as_pdf
from hub.governance.rules import Filters, Flag, safe_cell
from hub.governance.service import Choices
from hub.governance.words import EVENTS, REASONS, WHYS, describe, details, flag_words
from hub.ids import is_id
from hub.ledger.events import Outcome
from hub.web import guard
from hub.web.fields import choices
from hub.web.routes import needs
from hub.web.services import services

blueprint = Blueprint("governance", __name__, url_prefix="/log")
HEADINGS = (
    "Entry", "Time (UTC)", "Time (London)", "Person", "Agency", "Action", "s.62 operation", "Outcome", "Case", "Document type",
    "Document id", "Reason", "Address", "Details", "Expected", "Flags",
)  # fmt: skip
MOST_NUMBER = 10**15
NO_CASE = "none"
UNEXPECTED = "unexpected"
COUNTED = ("Cases", "Page views", "Downloads", "In search", "Refusals", "Unexpected", "Out of hours")
"""Headings of the figures, in their order."""
WORDS = {
    "describe": describe, "details": details, "types": DOCUMENT_TYPES, "reasons": REASONS, "whys": WHYS,
    "flag_words": flag_words, "counted": COUNTED, "roles": {role.value: role.label for role in Role},
}  # fmt: skip


@blueprint.get("/")
@needs(Permission.LOG_READ)
def index() -> ResponseReturnValue:
    form, filters = _caught_up()
    turn = Turn(before=_number("before"), after=_number("after"))
    overview = services().governance.overview(guard.actor(), filters, turn)
    return render_template("governance/index.html", form=form, overview=overview, filters=filters, **WORDS)


def _caught_up() -> tuple[LogFilterForm, Filters]:
    """The form as asked; what was written just now is taken into the figures first."""
    services().following.catch_up()
    known = services().governance.choices(guard.actor())
    form = _form(known)
    return form, _filters(form, known)


def _number(name: str) -> int:
    """Of an entry, from the address; 0 for anything else."""
    text = request.args.get(name, "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0  # noqa: PLR2004 - fits MOST_NUMBER
    return min(number, MOST_NUMBER)


def _form(known: Choices) -> LogFilterForm:
    form = LogFilterForm(request.args)
    form.person.choices = choices([("", "Anyone"), *known.people.items()])
    form.agency.choices = choices([("", "Any agency"), *known.agencies.items()])
    form.case.data = known.cases.get(_id(form.case.data), form.case.data)
    form.event.choices = choices([("", "Any action"), *sorted(EVENTS.items(), key=lambda pair: pair[1])])
    form.outcome.choices = choices(
        [("", "Any outcome"), *((one.value, one.value.capitalize()) for one in Outcome)]
    )
    form.expected.choices = choices([("", "Expected or not"), (UNEXPECTED, "Unexpected only")])
    form.validate()
    return form


def _filters(form: LogFilterForm, known: Choices) -> Filters:
    """Only values of the right shape; anything else filters nothing, as if it had not been asked."""
    return Filters(
        person=_id(form.person.data),
        agency=_id(form.agency.data),
        case=_case(form.case.data, known),
        document=_id(form.document.data),
        event=str(form.event.data) if form.event.data in EVENTS else "",
        outcome=str(form.outcome.data) if form.outcome.data in set(Outcome) else "",
        unexpected=UNEXPECTED if form.expected.data == UNEXPECTED else "",
        first=_day(form.first.data),
        last=_day(form.last.data),
    )


def _case(value: object, known: Choices) -> str:
    """By its reference, as it is typed; one that is not there finds nothing, rather than everything."""
    text = str(value or "").strip().upper()
    found = next((id_ for id_, reference in known.cases.items() if reference.upper() == text), NO_CASE)
    return found if text else ""


def _id(value: object) -> str:
    text = str(value or "").strip()
    return text if is_id(text) else ""


def _day(value: object) -> date | None:
    return value if isinstance(value, date) else None


@blueprint.get("/figures")
@needs(Permission.LOG_READ)
def figures() -> ResponseReturnValue:
    form, filters = _caught_up()
    page = services().governance.figures(guard.actor(), Filters(first=filters.first, last=filters.last))
    return render_template(
        "governance/figures.html", form=form, page=page, filters=filters, events=EVENTS, **WORDS
    )


@blueprint.get("/cases/<id:case>")
@needs(Permission.LOG_READ)
def case(case: str) -> ResponseReturnValue:
    services().following.catch_up()
    page = services().governance.case(guard.actor(), case, _number("before"))
    return render_template("governance/case.html", page=page, case=case, **WORDS)


@blueprint.get("/documents/<id:document>")
@needs(Permission.LOG_READ)
def document(document: str) -> ResponseReturnValue:
    services().following.catch_up()
    page = services().governance.document(guard.actor(), document, _number("before"))
    return render_template("governance/document.html", page=page, document=document, **WORDS)


@blueprint.get("/people/<id:account>")
@needs(Permission.LOG_READ)
def person(account: str) -> ResponseReturnValue:
    services().following.catch_up()
    page = services().governance.person(guard.actor(), account, _number("before"))
    return render_template("governance/person.html", page=page, account=account, **WORDS)


@blueprint.get("/people/<id:account>/receipts.pdf")
@needs(Permission.LOG_EXPORT)
def receipts(account: str) -> ResponseReturnValue:
    """For a court: `?case=` narrows it to one case; one that is none finds nothing, rather than every case."""
    asked = request.args.get("case", "")
    found = services().governance.receipts(guard.actor(), account, _id(asked) or (NO_CASE if asked else ""))
    headers = {"Content-Disposition": 'attachment; filename="reading-receipts.pdf"'}
    return Response(as_pdf(found), mimetype="application/pdf", headers=headers)


@blueprint.get("/agencies")
@needs(Permission.LOG_READ)
def agencies() -> ResponseReturnValue:
    services().following.catch_up()
    found = services().governance.agencies(guard.actor())
    return render_template("governance/agencies.html", found=found, **WORDS)


@blueprint.get("/agencies/<id:agency>")
@needs(Permission.LOG_READ)
def agency(agency: str) -> ResponseReturnValue:
    services().following.catch_up()
    page = services().governance.agency(guard.actor(), agency, _number("before"))
    return render_template("governance/agency.html", page=page, agency=agency, **WORDS)


@blueprint.get("/peers")
@needs(Permission.LOG_READ)
def peers() -> ResponseReturnValue:
    services().following.catch_up()
    return render_template("governance/peers.html", found=services().governance.peers(guard.actor()), **WORDS)


@blueprint.get("/export.csv")
@needs(Permission.LOG_EXPORT)
def export() -> ResponseReturnValue:
    """The filtered log for a spreadsheet, streamed; no cell begins a formula."""
    headers = {"Content-Disposition": 'attachment; filename="access-log.csv"'}
    return Response(_csv(_asked_for()), mimetype="text/csv; charset=utf-8", headers=headers)


@blueprint.get("/export.json")
@needs(Permission.LOG_EXPORT)
def export_json() -> ResponseReturnValue:
    """The same for a program: one array of objects, streamed."""
    headers = {"Content-Disposition": 'attachment; filename="access-log.json"'}
    return Response(_json(_asked_for()), mimetype="application/json", headers=headers)


def _asked_for() -> Generator[Line, None, None]:
    hub, who = services(), guard.actor()
    _, filters = _caught_up()
    return hub.governance.export(
        who, filters, lambda: hub.sessions.is_live(who) and not hub.statement.unagreed(who)
    )


def _json(lines: Generator[Line, None, None]) -> Iterator[str]:
    with closing(lines):
        before = "[\n"
        for line in lines:
            told = asdict(line) | {"at": line.at.isoformat(), "flags": flag_words(Flag(line.flags))}
            told["action"], told["details"] = describe(line), details(line)
            yield before + json.dumps(told, ensure_ascii=False)
            before = ",\n"
        yield "\n]\n" if before != "[\n" else "[]\n"


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
        (WHYS[line.why] if line.why.expected else f"No: {WHYS[line.why]}") if line.why else "",
        ", ".join(flag_words(line.flags)),
    )
