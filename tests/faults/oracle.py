"""What must hold after any end: before or after and never between, the log whole, nothing acknowledged lost.

Asked in a fresh process on the same home, as the hub itself would start again. Reads the tables by itself, and not
by the services that wrote them, wherever that can be.
"""

import contextlib
import hashlib
import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from hub.cases.model import Case
from hub.documents.model import DocumentVersion, StagedFile, StoredObject
from hub.documents.objects import sealed_object
from hub.errors import HubError
from hub.ledger.model import LogEntry
from hub.ledger.service import verify
from hub.migrations import is_current, migrate
from hub.people.model import Area
from hub.search import shard
from hub.search.model import CaseShard
from storage.errors import StorageError
from tests.faults.operations import CANARY
from tests.world import World

Snapshot = dict[str, dict[str, dict[str, str]]]
"""{table: {primary key: {column: hash of the value}}}"""
VOLATILE = {("session", "seen_at")}
MOST_SECONDS = 30
MARKS = tuple(CANARY.encode(encoding) for encoding in ("utf-8", "utf-16-le"))


SQLITE_KEYS = (
    "SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p "
    "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, p.pk = 0, p.pk"
)
POSTGRESQL_KEYS = (
    "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 "
    "LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey) "
    "WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND NOT a.attisdropped ORDER BY 1, i.indrelid IS NULL, 2"
)
KEYED = {
    "sqlite": "SELECT m.name, count(*) FROM sqlite_master m, pragma_table_info(m.name) p WHERE p.pk GROUP BY 1",
    "postgresql": "SELECT c.relname, array_length(i.indkey::int[], 1) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE i.indisprimary",
}


def snapshot(world: World) -> Snapshot:
    """Every row as it lies there, through the driver alone: what was not built from our models is seen too."""
    raw = world.hub.db.engine.raw_connection()
    name = world.hub.db.engine.dialect.name
    try:
        cursor = raw.cursor()
        columns: dict[str, list[str]] = {}
        cursor.execute(SQLITE_KEYS if name == "sqlite" else POSTGRESQL_KEYS)
        for table, column in cursor.fetchall():
            columns.setdefault(table, []).append(column)
        cursor.execute(KEYED[name])
        keys = dict(cursor.fetchall())
        return {
            table: _rows(cursor, table, named, keys.get(table) or len(named))
            for table, named in columns.items()
        }
    finally:
        raw.close()


def _rows(cursor: Any, table: str, columns: list[str], keys: int) -> dict[str, dict[str, str]]:
    """`columns`: those of the primary key first, `keys` of them."""
    listed = ", ".join(f'"{column}"' for column in columns)
    cursor.execute(f'SELECT {listed} FROM "{table}"')
    return {
        "|".join(map(str, row[:keys])): {
            column: _digest(value)
            for column, value in zip(columns, row, strict=True)
            if (table, column) not in VOLATILE
        }
        for row in cursor.fetchall()
    }


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


def shape(before: Snapshot, after: Snapshot) -> dict[str, int]:
    """What changed, without what differs from run to run: how many rows of which table came, went, or changed in which columns."""
    told: Counter[str] = Counter()
    for table in before.keys() | after.keys():
        if (table in before) != (table in after):
            told[f"{table}: table {'gone' if table in before else 'new'}"] += 1
        old, new = before.get(table, {}), after.get(table, {})
        told[f"{table} added"] += len(new.keys() - old.keys())
        told[f"{table} removed"] += len(old.keys() - new.keys())
        for key in old.keys() & new.keys():
            changed = sorted(
                c for c in old[key].keys() | new[key].keys() if old[key].get(c) != new[key].get(c)
            )
            if changed:
                told[f"{table} changed {' '.join(changed)}"] += 1
    return {what: count for what, count in sorted(told.items()) if count}


class Judgement:
    """`faults`: sentences. `state`: which of the operation's commits had been made, or None for something between."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.state: int | None = None
        self.orphans = self.temporaries = 0
        self.took = 0.0

    def told(self) -> dict[str, Any]:
        return dict(vars(self))


def judge(world: World, reference: dict, run: dict, started: float, resume: Any) -> Judgement:
    """`reference`: what an operation that was let be did; `run`: what the killed one's client holds; `resume`: finishes it."""
    judgement = Judgement()
    now = snapshot(world)
    changed = shape(reference["before"], now)
    if changed in reference["shapes"]:
        judgement.state = len(reference["shapes"]) - 1 - reference["shapes"][::-1].index(changed)
    else:
        judgement.faults.append(f"between: {changed}")
    if run["done"] and judgement.state != len(reference["shapes"]) - 1:
        judgement.faults.append("what was acknowledged is not there")
    judgement.faults += _started_again(world, reference)
    judgement.faults += _log(world)
    _files(world, judgement)
    judgement.faults += _contents(world)
    for ack in run["acks"]:
        judgement.faults += _acknowledged(world, ack)
    judgement.faults += _viewed(world, run["held"])
    judgement.faults += _swept(world)
    judgement.faults += _resumed(world, resume)
    judgement.took = round(time.monotonic() - started, 2)
    if judgement.took > MOST_SECONDS:
        judgement.faults.append(f"the start took {judgement.took:.0f} s")
    return judgement


def looked(world: World) -> list[str]:
    judgement = Judgement()
    _files(world, judgement)
    return [*_log(world), *judgement.faults, *_contents(world), *_swept(world)]


def _started_again(world: World, reference: dict) -> list[str]:
    """A start brings the tables forward, where the end came before or while that was done."""
    if is_current(world.hub.db.engine):
        return []
    migrate(world.hub.db.engine)
    changed = shape(reference["before"], snapshot(world))
    return (
        []
        if changed == reference["shapes"][-1]
        else [f"brought forward at the next start to something else: {changed}"]
    )


def _resumed(world: World, resume: Any) -> list[str]:
    """What can be gone on with is finished, and then everything reads as before."""
    if resume is None:
        return []
    resume()
    return looked(world)


def _log(world: World) -> list[str]:
    faults = []
    with world.hub.db.reading() as session:
        for area in session.scalars(select(Area.id)):
            if (broken := verify(session, area)) is not None:
                faults.append(f"the log does not follow from entry {broken} on")
            numbers = list(session.scalars(
                select(LogEntry.sequence).where(LogEntry.area_id == area).order_by(LogEntry.sequence)
            ))  # fmt: skip
            if numbers != list(range(1, len(numbers) + 1)):
                faults.append("the log has a gap")
        cases: dict[str, list[int]] = {}
        for case, number in session.execute(
            select(LogEntry.case_id, LogEntry.case_sequence)
            .where(LogEntry.case_sequence.is_not(None))
            .order_by(LogEntry.case_id, LogEntry.case_sequence)
        ):
            cases.setdefault(case, []).append(number)
        faults += [
            f"case {case} has a gap in its log"
            for case, numbers in cases.items()
            if numbers != list(range(1, len(numbers) + 1))
        ]
        heads = dict(session.execute(text("SELECT case_id, sequence FROM log_case_head")).all())
        faults += [
            f"case {case}'s head" for case, numbers in cases.items() if heads.get(case) != len(numbers)
        ]
    return faults


def _files(world: World, judgement: Judgement) -> None:
    """Every row has its object, byte for byte; what has no row is counted."""
    home = world.config.home
    with world.hub.db.reading() as session:
        kept = select(Case.id).where(Case.key_wrapped.is_not(None))
        rows = list(session.scalars(select(StoredObject).where(StoredObject.case_id.in_(kept))))
    named = {_path(home, row.name) for row in _shredded_rows(world)}
    for row in rows:
        path = _path(home, row.name)
        named.add(path)
        if not path.is_file():
            judgement.faults.append(f"object {row.id} of kind {row.kind} is not in the store")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != row.sealed_sha256:
            judgement.faults.append(f"object {row.id} of kind {row.kind} is not as its row says")
    for path in _all_files(home / "objects"):
        if path.name.startswith(".new-"):
            judgement.temporaries += 1
        elif path not in named:
            judgement.orphans += 1
    for path in (*_all_files(home), *_all_files(home.parent / "tmp")):
        data = path.read_bytes()
        if any(mark in data for mark in MARKS):
            judgement.faults.append(f"{path.relative_to(home.parent)} can be read")


def _path(home: Path, name: str) -> Path:
    area, case, last = name.split("/")
    return home / "objects" / area / case / last[:2] / last


def _shredded_rows(world: World) -> list[StoredObject]:
    """Of cases whose key is destroyed: their objects go one after the other, and nothing opens them."""
    with world.hub.db.reading() as session:
        gone = select(Case.id).where(Case.key_wrapped.is_(None))
        return list(session.scalars(select(StoredObject).where(StoredObject.case_id.in_(gone))))


def _all_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _contents(world: World) -> list[str]:
    """Every sealed thing opens: objects, names of received files, the search shard of every case."""
    faults = []
    with world.hub.db.work() as work:
        session = work.session
        for case in session.scalars(select(Case).where(Case.key_wrapped.is_not(None))):
            vault = world.hub.vaults.of(session, case)
            rows = list(session.scalars(select(StoredObject).where(StoredObject.case_id == case.id)))
            for row in rows:
                receipt = world.hub.vaults._receipts.mint(
                    entry=0, area=world.area, case=case.id, objects=frozenset([row.id]), purpose="check"
                )
                try:
                    with vault.open(sealed_object(vault, row), receipt) as reader:
                        data = reader.read()
                    if len(data) != row.size:
                        faults.append(f"object {row.id} opens to another length")
                except StorageError as error:
                    faults.append(f"object {row.id} does not open: {error}")
            for file in session.scalars(select(StagedFile).where(StagedFile.case_id == case.id)):
                try:
                    vault.open_field("staged name", file.id, file.sealed_file_name)
                except StorageError as error:
                    faults.append(f"the name of received file {file.id} does not open: {error}")
            faults += _shard(session, vault, case)
    return faults


def _shard(session: Any, vault: Any, case: Case) -> list[str]:
    """The shard holds exactly the documents whose current version is said to be ready."""
    ready = set(session.scalars(
        select(DocumentVersion.document_id)
        .where(DocumentVersion.text_state == "ready")
        .where(DocumentVersion.original_id.in_(select(StoredObject.id).where(StoredObject.case_id == case.id)))
    ))  # fmt: skip
    rows = list(session.scalars(select(CaseShard).where(CaseShard.case_id == case.id)))
    if not rows:
        return [f"no shard for {len(ready)} documents"] if ready else []
    if any(row.format != shard.VERSION for row in rows):
        return []  # of an earlier program: made anew before it is asked, as tests/search shows
    held = set()
    for row in rows:
        try:
            parts = {
                kind: vault.open_blob(f"shard {kind}", row.name, row.version, getattr(row, f"sealed_{kind}"))
                for kind in ("scan", "positions", "words")
            }
        except StorageError as error:
            return [f"the shard does not open: {error}"]
        held |= {key for key in shard.decode(shard.Parts(**parts)).keys if not key.startswith("n:")}
    return [] if held == ready else [f"the shard holds {len(held)} documents, {len(ready)} are ready"]


def _acknowledged(world: World, ack: dict) -> list[str]:
    """What the client was told is so, as the tables and the vault have it now."""
    ((what, value),) = [(name, ack[name]) for name in ACKNOWLEDGED if name in ack]
    with world.hub.db.reading() as session, contextlib.suppress(StorageError, HubError):
        if ACKNOWLEDGED[what](world, session, ack):
            return []
    return [f"acknowledged, and not so: {what} {value}"]


def _gone(world: World, session: Any, ack: dict) -> bool:
    return session.get(StagedFile, ack["gone"]) is None


def _staged(world: World, session: Any, ack: dict) -> bool:
    row = session.get(StagedFile, ack["staged"])
    return row is not None and _content(world, session, row.object_id) == ack["sha256"]


def _document(world: World, session: Any, ack: dict) -> bool:
    version = session.get(DocumentVersion, (ack["document"], ack["version"]))
    if version is None or _content(world, session, version.original_id) != ack["sha256"]:
        return False
    pages = json.dumps(ack.get("pages"), ensure_ascii=False).encode()
    return "pages" not in ack or _opened(world, session, version.text_id) == pages


def _shredded(world: World, session: Any, ack: dict) -> bool:
    certificate = world.hub.shredding.certificate(world.case).sha256
    return session.get_one(Case, world.case).key_wrapped is None and certificate == ack["shredded"]


def _snapshot(world: World, session: Any, ack: dict) -> bool:
    place = f"folder:{world.config.home.parent / 'backups'}"
    return not world.hub.backup.verify(place, ack["snapshot"], lambda *_: None).checked.faults


def _migrated(world: World, session: Any, ack: dict) -> bool:
    return is_current(world.hub.db.engine)


ACKNOWLEDGED = {
    "gone": _gone, "staged": _staged, "document": _document,
    "shredded": _shredded, "snapshot": _snapshot, "migrated": _migrated,
}  # fmt: skip


def _content(world: World, session: Any, object_id: str) -> str:
    return hashlib.sha256(_opened(world, session, object_id)).hexdigest()


def _opened(world: World, session: Any, object_id: str) -> bytes:
    row = session.get_one(StoredObject, object_id)
    vault = world.hub.vaults.of(session, session.get_one(Case, row.case_id))
    receipt = world.hub.vaults._receipts.mint(
        entry=0, area=world.area, case=row.case_id, objects=frozenset([row.id]), purpose="check"
    )
    with vault.open(sealed_object(vault, row), receipt) as reader:
        return reader.read()


LOGGED = {
    "text": "document.page_viewed",
    "image": "document.page_viewed",
    "original": "document.download_started",
    "search": "search.shown",
}


def _viewed(world: World, held: list[dict]) -> list[str]:
    """For each view of which the client holds a byte there is an entry of its own; bytes of a file were asked for there."""
    faults = []
    with world.hub.db.reading() as session:
        leaves = [
            json.loads(leaf) for leaf in session.scalars(select(LogEntry.leaf).order_by(LogEntry.sequence))
        ]
    for form, event in LOGGED.items():
        mine = [one for one in held if one["form"] == form]
        entries = [
            leaf["fields"] for leaf in leaves
            if leaf["event"] == event and leaf["fields"].get("form", form) == form
        ]  # fmt: skip
        views: Counter[str] = Counter()
        spans: list[tuple[str, int, int]] = []
        for one in mine:
            if form == "original":
                spans.append((one["document"], one["first"], one["first"] + one["size"] - 1))
            else:
                views[one["document"]] += 1
        for document, count in views.items():
            if count > sum(entry["document"] == document for entry in entries):
                faults.append(f"the client holds {count} views of form {form}, and the log knows fewer")
        for document, first, last in spans:
            if not any(
                e["document"] == document and e["first"] <= first and last <= e["last"] for e in entries
            ):
                faults.append(f"the client holds bytes {first} to {last} that no entry covers")
    return faults


def _swept(world: World) -> list[str]:
    """After a sweep nothing is left but what rows name."""
    documents, store = world.hub.documents, world.hub.vaults.store
    long_ago = datetime.now(UTC) - timedelta(days=2)
    documents.discard_orphans(dict.fromkeys(store.names(), long_ago))
    store.sweep(-60)
    with world.hub.db.reading() as session:
        rows = set(session.scalars(select(StoredObject.name)))
    names = set(store.names())
    lost = rows - names - {row.name for row in _shredded_rows(world)}
    faults = [f"the sweep removed {len(lost)} objects that rows name"] if lost else []
    if names - rows:
        faults.append(f"the sweep left {len(names - rows)} objects that no row names")
    files = _all_files(world.config.home / "objects")
    if len(files) != len(names):
        faults.append("the sweep left temporary files")
    return faults
