"""Reading receipts for a court: what a person accepted, what they opened, and what proves it.

The same log and checkpoint give the same bytes, so that two copies can be compared. Each entry can be checked with
docs/log-format.md alone: its leaf, the hashes beside its way to the root, and the root in the signed checkpoint.
"""

import io
import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape

from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.cases.model import Case
from hub.clock import LONDON
from hub.db import pairs
from hub.documents.model import Document
from hub.documents.rules import DOCUMENT_TYPES
from hub.errors import NotHere, Refused
from hub.ledger.events import DownloadEnded, DownloadStarted, PageViewed, StatementAgreed
from hub.ledger.model import LogCheckpoint, LogEntry
from hub.ledger.tree import Tree
from hub.people.model import Account, Agency
from hub.statement.model import StatementVersion
from hub.statement.rules import Part

READ = (PageViewed.name, DownloadStarted.name, DownloadEnded.name)
MOST = 1_000
"""Entries in one receipt; who needs more asks case by case."""
DID = {PageViewed.name: "Read", DownloadStarted.name: "Download begun", DownloadEnded.name: "Download ended"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    sequence: int
    at: datetime
    version: int
    part: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementText:
    """A version that was accepted, whole; `sha256` as `statement.rules.statement_hash` makes it of the text."""

    number: int
    confidentiality: str
    equality: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """`document` is its type; `what` in words."""

    sequence: int
    at: datetime
    case: str
    document: str
    document_id: str
    version: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """That an entry is in the tree of the checkpoint: `leaf` as it was hashed, `path` as RFC 9162 2.1.3 has it."""

    sequence: int
    leaf: str
    path: Sequence[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    """`checkpoint` empty: none was signed yet, so nothing is proved. Entries after it have no proof."""

    person: str
    agency: str
    account: str
    case: str
    accepted: Sequence[Accepted]
    texts: Sequence[StatementText]
    opened: Sequence[Opened]
    checkpoint: str
    size: int
    proofs: Sequence[Proof]


def gather(session: Session, area: str, account: str, case: str) -> Receipts:
    """Raises NotHere for a person or case that is not of the area, Refused where there is too much for one."""
    person = session.get(Account, account)
    about = session.get(Case, case) if case else None
    if person is None or person.area_id != area or (case and (about is None or about.area_id != area)):
        raise NotHere(permission="log:export", why="absent")
    rows = _rows(session, area, account, case)
    checkpoint = session.scalars(
        select(LogCheckpoint)
        .where(LogCheckpoint.area_id == area)
        .order_by(LogCheckpoint.number.desc())
        .limit(1)
    ).first()
    accepted = [_accepted(row) for row in rows if row.event == StatementAgreed.name]
    return Receipts(
        person=person.name,
        agency=session.get_one(Agency, person.agency_id).name,
        account=account,
        case=about.reference if about else "",
        accepted=accepted,
        texts=_texts(session, area, {one.version for one in accepted}),
        opened=_opened(session, [row for row in rows if row.event in READ]),
        checkpoint=checkpoint.note if checkpoint else "",
        size=checkpoint.size if checkpoint else 0,
        proofs=_proofs(session, area, rows, checkpoint.size) if checkpoint else (),
    )


def _rows(session: Session, area: str, account: str, case: str) -> Sequence[LogEntry]:
    ours = select(LogEntry).where(LogEntry.area_id == area, LogEntry.actor_id == account)
    read = ours.where(LogEntry.event.in_(READ))
    if case:
        read = read.where(LogEntry.case_id == case)
    found = list(session.scalars(ours.where(LogEntry.event == StatementAgreed.name)))
    found += session.scalars(read.order_by(LogEntry.sequence).limit(MOST + 1)).all()
    if len(found) > MOST:
        raise Refused(f"That is more than {MOST:,} entries. Ask for the receipts of one case at a time.")
    return sorted(found, key=lambda row: row.sequence)


def _accepted(row: LogEntry) -> Accepted:
    fields = json.loads(row.leaf)["fields"]
    return Accepted(
        sequence=row.sequence,
        at=row.at,
        version=fields["version"],
        part=fields["part"],
        sha256=fields["sha256"],
    )


def _texts(session: Session, area: str, numbers: set[int]) -> list[StatementText]:
    query = (
        select(StatementVersion)
        .where(StatementVersion.area_id == area, StatementVersion.number.in_(numbers))
        .order_by(StatementVersion.number)
    )
    return [
        StatementText(
            number=int(row.number or 0),
            confidentiality=row.confidentiality,
            equality=row.equality,
            sha256=str(row.sha256),
        )
        for row in session.scalars(query)
    ]


def _opened(session: Session, rows: Sequence[LogEntry]) -> list[Opened]:
    cases = pairs(session, select(Case.id, Case.reference).where(Case.id.in_({row.case_id for row in rows})))
    types = pairs(
        session, select(Document.id, Document.type).where(Document.id.in_({row.document_id for row in rows}))
    )
    return [_one_opened(row, cases, types) for row in rows]


def _one_opened(row: LogEntry, cases: dict[str, str], types: dict[str, str]) -> Opened:
    fields = json.loads(row.leaf)["fields"]
    what = DID[row.event]
    if row.event == PageViewed.name:
        what = f"Read page {fields['page']}" if fields["page"] else "Saw its title and details"
    elif row.event == DownloadEnded.name:
        what = f"Download ended ({fields['how']}), {fields['delivered']:,} bytes"
    kind = types.get(row.document_id or "", "")
    return Opened(
        sequence=row.sequence,
        at=row.at,
        case=cases.get(row.case_id or "", ""),
        document=DOCUMENT_TYPES.get(kind, kind),
        document_id=row.document_id or "",
        version=fields["version"],
        what=what,
    )


def _proofs(session: Session, area: str, rows: Sequence[LogEntry], size: int) -> list[Proof]:
    """Of the entries that the checkpoint covers. Reads the hash of every entry before it: seconds for a million."""
    covered = [row for row in rows if row.sequence <= size]
    if not covered:
        return []
    hashes = select(LogEntry.leaf_hash).where(LogEntry.area_id == area, LogEntry.sequence <= size)
    tree = Tree(session.scalars(hashes.order_by(LogEntry.sequence)))
    return [
        Proof(sequence=row.sequence, leaf=row.leaf, path=tree.inclusion(row.sequence - 1, size))
        for row in covered
    ]


# --- on paper -----------------------------------------------------------------------------------

for _name, _file in (("Hub", "Vera.ttf"), ("Hub-Bold", "VeraBd.ttf")):
    registerFont(TTFont(_name, _file))
_BODY = ParagraphStyle("body", fontName="Hub", fontSize=9, leading=13, spaceAfter=4)
_STYLES = {
    "body": _BODY,
    "marking": ParagraphStyle("marking", parent=_BODY, fontName="Hub-Bold", alignment=TA_CENTER),
    "title": ParagraphStyle("title", parent=_BODY, fontName="Hub-Bold", fontSize=18, leading=24),
    "heading": ParagraphStyle(
        "heading", parent=_BODY, fontName="Hub-Bold", fontSize=12, leading=18, spaceBefore=10
    ),
    "small": ParagraphStyle("small", parent=_BODY, fontName="Hub-Bold", fontSize=7, leading=9),
}
_SMALL = ParagraphStyle("cell", parent=_BODY, fontSize=7, leading=9, wordWrap="CJK")
_CODE = ParagraphStyle("code", parent=_SMALL, fontSize=5.5, leading=7)


def as_pdf(found: Receipts) -> bytes:
    """A4, the same bytes for the same receipts."""
    out = io.BytesIO()
    page = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=15 * mm, rightMargin=15 * mm, topMargin=15 * mm, bottomMargin=15 * mm,
        title="Reading receipts", author="MAPPA document hub", invariant=1, lang="en-GB",
    )  # fmt: skip
    page.build([*_head(found), *_acceptances(found), *_readings(found), *_proved(found), *_annex(found)])
    return out.getvalue()


def _head(found: Receipts) -> list[Flowable]:
    scope = f"Case {found.case}." if found.case else "All cases."
    return [
        _text("OFFICIAL-SENSITIVE", "marking"),
        _text("Reading receipts", "title"),
        _text(f"{found.person}, {found.agency}. Account {found.account}. {scope}"),
        _text(
            "Taken from the access log of the MAPPA document hub. Times are of London. A page is on record before it is shown. "
            "The statements that were accepted stand at the end, word for word."
        ),
    ]


def _acceptances(found: Receipts) -> list[Flowable]:
    rows = [
        (str(one.sequence), _moment(one.at), str(one.version), Part(one.part).label, one.sha256)
        for one in found.accepted
    ]
    return [
        _text("Statements accepted", "heading"),
        _table(("Entry", "When", "Version", "Part", "SHA-256 of the text"), rows, (16, 36, 16, 30, 82)),
    ]


def _readings(found: Receipts) -> list[Flowable]:
    rows = [
        (str(one.sequence), _moment(one.at), one.case, f"{one.document} {one.document_id}, version {one.version}", one.what)
        for one in found.opened
    ]  # fmt: skip
    return [
        _text("Documents opened", "heading"),
        _table(("Entry", "When", "Case", "Document", "What"), rows, (16, 36, 28, 62, 38)),
    ]


def _proved(found: Receipts) -> list[Flowable]:
    if not found.checkpoint:
        return [
            _text("Proof", "heading"),
            _text("No checkpoint of the log was signed yet, so nothing proves it."),
        ]
    parts: list[Flowable] = [
        _text("Proof", "heading"),
        _text(
            f"The newest signed checkpoint covers {found.size:,} entries. Entries after it are not proved by it."
        ),
        *(Paragraph(escape(line) or "&nbsp;", _CODE) for line in found.checkpoint.splitlines()),
    ]
    for proof in found.proofs:
        path = " ".join(b64encode(node).decode() for node in proof.path)
        parts += [
            Spacer(1, 2 * mm),
            _text(f"Entry {proof.sequence}: leaf, then the path to the root", "small"),
            Paragraph(escape(proof.leaf), _CODE),
            Paragraph(escape(path) or "The only entry: its leaf hash is the root.", _CODE),
        ]
    return parts


def _annex(found: Receipts) -> list[Flowable]:
    """What was accepted, word for word."""
    parts: list[Flowable] = []
    for text in found.texts:
        parts += [
            _text(f"The text of version {text.number} of the statement", "heading"),
            _text(f"SHA-256 {text.sha256}", "small"),
        ]
        for part, words in ((Part.CONFIDENTIALITY, text.confidentiality), (Part.EQUALITY, text.equality)):
            parts += [_text(part.label, "small"), *(_text(line) for line in words.splitlines() if line)]
    return parts


def _text(text: str, style: str = "body") -> Flowable:
    return Paragraph(escape(text), _STYLES[style])


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], widths: tuple[int, ...]) -> Flowable:
    if not rows:
        return _text("None.")
    cells = [[Paragraph(escape(cell), _SMALL) for cell in row] for row in (head, *rows)]
    table = Table(cells, colWidths=[width * mm for width in widths], repeatRows=1)
    table.setStyle(
        TableStyle([("GRID", (0, 0), (-1, -1), 0.3, "#b1b4b6"), ("VALIGN", (0, 0), (-1, -1), "TOP")])
    )
    return table


def _moment(at: datetime) -> str:
    return f"{at.astimezone(LONDON):%d %B %Y %H:%M:%S}"
