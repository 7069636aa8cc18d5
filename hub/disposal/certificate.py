"""The disposal certificate: what was destroyed, by whose word, when, and what could not be reached.

Made once, as JSON in the disposal's row; text and PDF are made of that alone, so they are the same bytes each time.
It names staff, never the nominal.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from textwrap import wrap
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.cases.model import Case
from hub.cases.rules import ExitReason
from hub.disposal.certificate_pdf import pdf_of
from hub.disposal.model import Disposal, DisposalRequest
from hub.disposal.remains import UNREACHABLE
from hub.disposal.rules import Code
from hub.ledger.events import CaseShredded, DisposalApproved, DisposalRequested
from hub.ledger.model import LogCheckpoint, LogEntry
from hub.people.model import Account, Agency, Area

LONDON = ZoneInfo("Europe/London")
WIDTH = 100
TITLE = "Disposal certificate"
MARKING = "OFFICIAL-SENSITIVE"
EVENTS = (DisposalRequested.name, DisposalApproved.name, CaseShredded.name)
KINDS = {"original": "files as they were sent", "text": "extracted text", "copy": "reading copies"}
COUNTS = {
    "documents": "documents",
    "versions": "versions of documents",
    "staged": "files received that were part of no document",
    "shards": "search indexes",
    "forms": "unsent forms that spoke of the case",
    "searches": "kept searches of the whole area",
}
LOG_KEEPS = (
    "The access log is kept whole: it holds ids, dates and codes, and, sealed under the area's key, what people searched for "
    "and the reasons given here. Reviews of access keep, under the same key, what was asked and answered."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """`kind`: 'title', 'heading', 'text', or 'pair' (then `label` stands before the text)."""

    kind: str
    text: str
    label: str = ""


@dataclass(frozen=True)
class Certificate:
    """`data` is what stands in the row."""

    data: dict[str, Any]

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(_blocks(self.data))

    @cached_property
    def text(self) -> str:
        return "\n".join(_lines(self.blocks)) + "\n"

    @cached_property
    def pdf(self) -> bytes:
        return pdf_of(TITLE, MARKING, [(block.kind, block.label, block.text) for block in self.blocks])

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.pdf).hexdigest()

    @cached_property
    def text_sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def made_of(row: Disposal) -> Certificate:
    """Of a disposal that is complete."""
    return Certificate(data=json.loads(row.certificate or "{}"))


def certificate_of(session: Session, row: Disposal, store: str) -> str:
    """JSON of everything the certificate says; `store` names the place of the sealed objects."""
    case = session.get_one(Case, row.case_id)
    request = session.get_one(DisposalRequest, row.request_id)
    data = {
        "v": 1,
        "area": session.get_one(Area, case.area_id).name,
        "case": {
            "id": case.id, "reference": case.reference, "opened": _iso(case.opened_at), "closed": _iso(case.closed_at),
            "exit": case.exit_reason,
        },
        "request": {
            "id": request.id, "code": request.code, "asked_at": _iso(request.asked_at),
            "asked_by": _person(session, request.asked_by), "approved_at": _iso(request.decided_at),
            "approved_by": _person(session, request.decided_by),
        },
        "began": _iso(row.began_at),
        "finished": _iso(row.finished_at),
        "found": json.loads(row.found),
        "store": store,
        "backups": json.loads(row.outside or "[]"),
        "log": _entries(session, case, request),
        "checkpoint": _checkpoint(session, case.area_id),
        "unreachable": list(UNREACHABLE[session.get_bind().dialect.name]),
    }  # fmt: skip
    return json.dumps(data, sort_keys=True, ensure_ascii=False)


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _person(session: Session, account: str | None) -> dict[str, str]:
    query = (
        select(Account.name, Agency.name)
        .join(Agency, Agency.id == Account.agency_id)
        .where(Account.id == account)
    )
    name, agency = session.execute(query).one()
    return {"id": str(account), "name": name, "agency": agency}


def _entries(session: Session, case: Case, request: DisposalRequest) -> dict[str, int]:
    """{event: number of its entry}, of this request."""
    query = (
        select(LogEntry.event, LogEntry.sequence)
        .where(LogEntry.area_id == case.area_id, LogEntry.case_id == case.id, LogEntry.event.in_(EVENTS))
        .where(LogEntry.leaf.contains(f'"{request.id}"', autoescape=True))
    )
    return {row[0]: row[1] for row in session.execute(query)}


def _checkpoint(session: Session, area: str) -> dict[str, str] | None:
    """The newest signed checkpoint: how many entries it covers, and their root as it stands in the note."""
    query = (
        select(LogCheckpoint)
        .where(LogCheckpoint.area_id == area)
        .order_by(LogCheckpoint.number.desc())
        .limit(1)
    )
    newest = session.scalars(query).first()
    if newest is None:
        return None
    origin, size, root = newest.note.split("\n")[:3]
    return {"origin": origin, "size": size, "root": root, "at": newest.at.isoformat()}


# --- in words --------------------------------------------------------------------------------


def _blocks(data: dict[str, Any]) -> Iterator[Block]:
    yield Block(kind="title", text=f"{TITLE}: {data['case']['reference']}")
    yield Block(
        kind="text",
        text="The keys of this case were destroyed. What was sealed under them can be opened by nobody, whoever still has a copy.",
    )
    for heading, part in (
        ("The case", _case(data)),
        ("By whose word", _people(data["request"])),
        ("What was destroyed", _destroyed(data)),
        ("Backups", _backups(data["backups"])),
        ("In the access log", _log(data)),
        ("What this does not reach", _unreached(data)),
    ):
        yield Block(kind="heading", text=heading)
        yield from part


def _pair(label: str, text: object) -> Block:
    return Block(kind="pair", label=label, text=str(text))


def _case(data: dict[str, Any]) -> Iterator[Block]:
    case = data["case"]
    yield _pair("MAPPA area", data["area"])
    yield _pair("Reference", case["reference"])
    yield _pair("Id", case["id"])
    yield _pair("Opened", _moment(case["opened"]))
    yield _pair("Closed", _moment(case["closed"]))
    if case["exit"]:
        yield _pair("How the person left MAPPA", ExitReason(case["exit"]).label)


def _people(request: dict[str, Any]) -> Iterator[Block]:
    asked, approved = request["asked_by"], request["approved_by"]
    yield _pair("Reason", Code(request["code"]).label)
    yield _pair("Asked for by", f"{asked['name']}, {asked['agency']}, {_moment(request['asked_at'])}")
    yield _pair("Approved by", f"{approved['name']}, {approved['agency']}, {_moment(request['approved_at'])}")
    yield _pair("Request", request["id"])


def _destroyed(data: dict[str, Any]) -> Iterator[Block]:
    found = data["found"]
    yield _pair("Keys destroyed", _moment(data["began"]))
    yield _pair("Complete", _moment(data["finished"]))
    for name, fingerprint in sorted(found["keys"].items()):
        label = (
            "SHA-256 of the wrapped key" if name == "key_wrapped" else f"SHA-256 of the wrapped key ({name})"
        )
        yield _pair(label, fingerprint)
    for name, label in COUNTS.items():
        yield _pair(label.capitalize(), f"{found['counts'][name]:,}")
    for kind, (count, size) in sorted(found["kinds"].items()):
        yield _pair(f"Sealed objects: {KINDS.get(kind, kind)}", f"{count:,}, {size:,} bytes")
    yield _pair("Deleted from", data["store"])


def _backups(copies: list[dict[str, Any]]) -> Iterator[Block]:
    if not copies:
        yield Block(kind="text", text="The hub knows of no backup that holds a wrapped key of this case.")
    for copy in copies:
        said = (
            "its wrapped keys of this case were removed"
            if copy["forgotten"]
            else f"not reached: {copy['why']}"
        )
        yield _pair(f"{copy['place']}, made {_moment(copy['made_at'])}", said)


def _log(data: dict[str, Any]) -> Iterator[Block]:
    labels = dict(
        zip(EVENTS, ("Asked for in entry", "Approved in entry", "Keys destroyed in entry"), strict=True)
    )
    for event, label in labels.items():
        if event in data["log"]:
            yield _pair(label, f"{data['log'][event]:,}")
    checkpoint = data["checkpoint"]
    if checkpoint is None:
        yield Block(kind="text", text="No checkpoint of the log had been signed yet.")
        return
    yield _pair("Newest checkpoint", f"{checkpoint['size']} entries, {_moment(checkpoint['at'])}")
    yield _pair("Its root", checkpoint["root"])
    yield _pair("Its origin", checkpoint["origin"])


def _unreached(data: dict[str, Any]) -> Iterator[Block]:
    for sentence in (*data["unreachable"], LOG_KEEPS):
        yield Block(kind="text", text=sentence)


def _moment(text: str | None) -> str:
    """In London, with the second."""
    if not text:
        return "not recorded"
    at = datetime.fromisoformat(text).astimezone(LONDON)
    return f"{at.day} {at:%B %Y} at {at:%H:%M:%S} ({at:%Z})"


def _lines(blocks: tuple[Block, ...]) -> Iterator[str]:
    yield MARKING
    for block in blocks:
        if block.kind in ("title", "heading"):
            yield from ("", block.text, ("=" if block.kind == "title" else "-") * len(block.text))
        else:
            said = f"{block.label}: {block.text}" if block.label else block.text
            yield from wrap(
                said, WIDTH, subsequent_indent="    " if block.label else "", break_on_hyphens=False
            )
    yield from ("", MARKING)
