"""What is killed half way: each operation is a few lines, done by the hub's real services.

`arrange` makes what the operation starts from, once for each engine; what it gives is kept as JSON. `act` is what gets
killed; it tells, through `tell`, what its client was told. `world` is of `tests/world.py`, without an application.
"""

import functools
import hashlib
import io
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import update

from hub.documents.model import StagedFile
from hub.documents.reader import Reader
from hub.documents.reader.results import Examined, Kind, Rendered
from hub.documents.rules import Details
from hub.documents.service import Wanted
from hub.ids import new_id
from hub.migrations import migrate
from tests.world import World

CANARY = "Zebrafinch"
LARGE = 3_000_000


@dataclass(frozen=True, kw_only=True)
class Operation:
    """`old`: starts from the first revision's tables. `chatty`: its client holds bytes while it runs.

    `again`: it can be arranged and done any number of times in one home.
    """

    name: str
    act: Callable[[World, dict, Any], None]
    arrange: Callable[[World], dict] = lambda _world: {}
    old: bool = False
    chatty: bool = False
    again: bool = True
    resume: Callable[[World, dict], None] | None = None
    """What an operator does after the next start, where the operation goes on from where it was ended."""


OPERATIONS: dict[str, Operation] = {}


def operation(name: str, *, arrange=None, **more):
    def declared(act):
        given = {"arrange": arrange} if arrange else {}
        OPERATIONS[name] = Operation(name=name, act=act, **given, **more)
        return act

    return declared


def content(size: int, mark: str = "") -> bytes:
    """Plain text of `size` bytes with the canary in it, a line different from every other."""
    lines, have, number = [], 0, 0
    while have < size:
        number += 1
        line = f"{CANARY} {mark} line {number} of an invented file.\n".encode()
        lines.append(line)
        have += len(line)
    return b"".join(lines)[:size]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def details(world: World) -> Details:
    return Details(
        title=f"{CANARY} assessment", type="risk-assessment", owner=world.agencies["police"],
        dated=date(2026, 3, 1), audience=None, necessity="The others plan the next visits with it.",
        attested=True, retention_class="agency",
    )  # fmt: skip


def receive(world: World, data: bytes, name: str = "notes.txt") -> str:
    return world.hub.documents.receive(world.actor("police"), world.case, name, io.BytesIO(data)).id


def filed(world: World, data: bytes, name: str = "notes.txt") -> str:
    staged = receive(world, data, name)
    lines = world.hub.documents.upload(world.actor("police"), world.case, details(world), [staged], new_id())
    return lines[0].document


# --- uploading ---------------------------------------------------------------------------------


@operation("receive-small")
def _receive_small(world, arranged, tell):
    data = content(700)
    tell.ack(staged=receive(world, data), sha256=sha256(data))


@operation("receive-3mb")
def _receive_large(world, arranged, tell):
    data = content(LARGE)
    tell.ack(staged=receive(world, data), sha256=sha256(data))


def _staged(world):
    data = content(5_000)
    return {"staged": receive(world, data), "sha256": sha256(data), "token": new_id()}


@operation("file-document", arrange=_staged)
def _file_document(world, arranged, tell):
    actor = world.actor("police")
    (line,) = world.hub.documents.upload(
        actor, world.case, details(world), [arranged["staged"]], arranged["token"]
    )
    tell.ack(document=line.document, version=1, sha256=arranged["sha256"])


def _document_and_staged(world):
    document = filed(world, content(2_000, "first"))
    return {"document": document, **_staged(world)}


@operation("new-version", arrange=_document_and_staged)
def _new_version(world, arranged, tell):
    world.hub.documents.supersede(
        world.actor("police"), arranged["document"], arranged["staged"], seen=1, form_token=arranged["token"]
    )
    tell.ack(document=arranged["document"], version=2, sha256=arranged["sha256"])


@operation("discard", arrange=_staged)
def _discard(world, arranged, tell):
    world.hub.documents.discard(world.actor("police"), world.case, arranged["staged"])
    tell.ack(gone=arranged["staged"])


# --- preparing and sweeping ----------------------------------------------------------------------


class Recorded:
    """What the real reader said when this was arranged: its process is not what is killed here."""

    def __init__(self, examined: Examined) -> None:
        self._examined = examined

    def examine(self, kind: Kind, document: Any) -> Examined:
        return self._examined

    def close(self) -> None:
        pass

    def render_page(self, document: Any, page: int, **_: Any) -> Rendered:
        return Rendered(media_type="image/png", data=CANARY.encode() * 1000, width=10, height=10)


PREPARED = content(4_000)


@functools.cache
def examined_once() -> str:
    """By the real reader, once for all that are forked from this process; pickled, in hex."""
    with Reader() as reader:
        examined = reader.examine(Kind.TXT, PREPARED)
    assert examined.reading_copy
    assert CANARY in examined.pages[0]
    return pickle.dumps(replace(examined, reading_copy=examined.reading_copy)).hex()


def _waiting(world):
    return {
        "document": filed(world, PREPARED),
        "examined": examined_once(),
        "sha256": sha256(PREPARED),
    }


def _examined(arranged) -> Examined:
    return pickle.loads(bytes.fromhex(arranged["examined"]))


@operation("prepare", arrange=_waiting)
def _prepare(world, arranged, tell):
    world.hub.documents._reader = Recorded(_examined(arranged))
    assert world.hub.documents.prepare(arranged["document"], 1) == "ready"
    tell.ack(
        document=arranged["document"], version=1, sha256=arranged["sha256"], pages=_examined(arranged).pages
    )


def _left_over(world):
    """A received file that nobody filed for a month, and two objects that no row names."""
    arranged = _staged(world)
    with world.hub.db.work() as work:
        long_ago = datetime.now(UTC) - timedelta(days=30)
        work.session.execute(update(StagedFile).values(received_at=long_ago))
        vault = world.hub.vaults.of(work.session, _case(work.session, world))
        work.commit()
    return {**arranged, "orphans": [vault.put("original", [content(900)]).name for _ in range(2)]}


def _case(session, world):
    from hub.cases.model import Case

    return session.get_one(Case, world.case)


@operation("sweep", arrange=_left_over, again=False)
def _sweep(world, arranged, tell):
    long_ago = datetime.now(UTC) - timedelta(days=2)
    world.hub.documents.discard_stale()
    world.hub.documents.discard_orphans(dict.fromkeys(arranged["orphans"], long_ago))
    tell.ack(gone=arranged["staged"])


# --- reading ---------------------------------------------------------------------------------------


def _readable(world):
    arranged = _waiting(world)
    world.hub.documents._reader = Recorded(_examined(arranged))
    world.hub.documents.prepare(arranged["document"], 1)
    large = filed(world, content(LARGE), "large.txt")
    for document in (arranged["document"], large):
        world.hub.documents.give_reason(world.actor("police"), document, "casework")
    return {**arranged, "large": large}


@operation("view-pages", arrange=_readable, chatty=True)
def _view_pages(world, arranged, tell):
    world.hub.documents._reader = Recorded(_examined(arranged))
    actor, document = world.actor("police"), arranged["document"]
    for _ in range(4):
        page = world.hub.documents.read(actor, document)
        tell.bytes(page.text.encode(), document=document, form="text")
        image = world.hub.documents.page_image(actor, document, 1, 1)
        tell.bytes(image.data, document=document, form="image")


@operation("download", arrange=_readable, chatty=True)
def _download(world, arranged, tell):
    actor = world.actor("police")
    for asked in (None, "bytes=1000-1500000", "bytes=-100"):
        wanted = Wanted(document=arranged["large"], version=1, range_header=asked)
        delivery = world.hub.documents.original(actor, wanted, lambda: True)
        first = delivery.part[0] if delivery.part else 0
        for chunk in delivery.body:
            tell.bytes(chunk, document=arranged["large"], form="original", first=first)
            first += len(chunk)
        delivery.body.close()


@operation("search", arrange=_readable, chatty=True)
def _search(world, arranged, tell):
    from hub.search.service import Request

    for _ in range(3):
        answer = world.hub.search.search(world.actor("police"), Request(text=CANARY))
        for found in answer.found:
            tell.bytes(
                json.dumps([one.__repr__() for one in found.fragments]).encode(),
                document=found.document,
                form="search",
            )


# --- keys ----------------------------------------------------------------------------------------------


def _keys(world):
    from hub.keys.cases import Parts
    from hub.keys.service import KeyService

    return KeyService(
        Parts(db=world.hub.db, clock=world.hub.clock, vaults=world.hub.vaults, progress=lambda *_: None)
    )


def _finished(world, arranged):
    _keys(world).resume()
    assert not _keys(world).status().under_way


@operation("rotate-root", arrange=_readable, again=False, resume=_finished)
def _rotate_root(world, arranged, tell):
    _keys(world).rotate_root()


@operation("rotate-area", arrange=_readable, again=False, resume=_finished)
def _rotate_area(world, arranged, tell):
    _keys(world).rotate_area(world.area)


@operation("rotate-case", arrange=_readable, again=False, resume=_finished)
def _rotate_case(world, arranged, tell):
    _keys(world).rotate_cases([world.case])


# --- destroying ---------------------------------------------------------------------------------------


def _condemned(world):
    from tests.disposal.conftest import Registry

    arranged, registry = _readable(world), Registry(world, None)
    registry.close()
    registry.ask()
    registry.approve()
    return arranged


def _shred(world):
    return world.hub.shredding.shred(world.hub.shredding.find(world.case))


def _destroyed(world, arranged):
    """Where it was begun the same command finishes it; where it was not, the case is whole."""
    from hub.cases.model import Case

    with world.hub.db.reading() as session:
        begun = session.get_one(Case, world.case).key_wrapped is None
    if begun:
        assert _shred_or_certificate(world).sha256


def _shred_or_certificate(world):
    from hub.disposal.rules import Step

    target = world.hub.shredding.find(world.case)
    if target.step is Step.DONE:
        return world.hub.shredding.certificate(target.case)
    return world.hub.shredding.shred(target)


@operation("shred", arrange=_condemned, again=False, resume=_destroyed)
def _shred_case(world, arranged, tell):
    tell.ack(shredded=_shred(world).sha256)


# --- backup -------------------------------------------------------------------------------------------


def _places(world):
    return f"folder:{world.config.home.parent / 'backups'}"


def _backed_up(world, arranged):
    """The next one is made beside what was left, and is whole."""
    world.hub.backup.create(_places(world), lambda *_: None)
    assert not world.hub.backup.verify(_places(world), None, lambda *_: None).checked.faults


@operation("backup", arrange=_readable, again=False, resume=_backed_up)
def _backup(world, arranged, tell):
    tell.ack(snapshot=world.hub.backup.create(_places(world), lambda *_: None).manifest.snapshot)


# --- the tables ---------------------------------------------------------------------------------------


@operation("migrate", old=True)
def _migrate(world, arranged, tell):
    migrate(world.hub.db.engine)
    tell.ack(migrated=True)
