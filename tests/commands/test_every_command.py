"""Every command and every job of the background is here, with what it opens of cases and what it puts on record before.

What is opened is seen at the seals themselves: fields, shards and objects under a case's own key. A command, a switch of one or a
job that is in neither table fails, and so does one that opens what it is not said to open.
"""

import argparse
import ast
import shutil
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from hub import jobs
from hub.app import build_services
from hub.cases.model import Case
from hub.cases.rules import ExitReason
from hub.cases.service import Decision
from hub.commands.registry import COMMANDS, main
from hub.documents.model import DocumentVersion, StoredObject, TextState
from hub.ledger.model import LogEntry
from hub.proof import outside
from hub.search.model import CaseShard
from storage.vault import FieldBox, Vault
from tests.conftest import ENGINES
from tests.documents.conftest import Desk, one_reader, pdf  # noqa: F401 - one_reader is a fixture
from tests.ledger import ways as w
from tests.world import open_world

RUN = "service.command_run"
HASH = "sha256"
"""The sealed hash of an object: what it takes to open one, and no content."""


@dataclass(frozen=True)
class Way:
    """`events`: on record by the end. `opens`: the first of them is on record before anything of a case is opened."""

    argv: Callable[[Any], list[str]]
    events: tuple[str, ...] = ()
    opens: bool = False


def plain(*words):
    return lambda _there: list(words)


COMMAND_WAYS = {
    "area": [
        Way(
            lambda there: [
                "--name", "Otherfen", "--localities", "Eastfen", "--agency", "Otherfen Council (fictional)",
                "--admin", "first@otherfen.example", "--admin-name", "Fay First-Fable",
            ],
            (RUN, "account.created"),
        )
    ],
    "review-settings": [Way(plain("--area", "Fenmarch", "glass_hours", "2"), (RUN,))],
    "backup create": [
        Way(lambda there: ["--to", there.backups], ("backup.created",)),
        Way(lambda there: ["--to", there.backups, "--check"], ("backup.created",)),
    ],
    "backup list": [Way(lambda there: ["--from", there.backups])],
    "backup verify": [
        Way(lambda there: ["--from", there.backups]),
        Way(lambda there: ["--from", there.backups, "--deep"], ("backup.opened",), opens=True),
    ],
    "backup restore": [Way(lambda there: ["--from", there.backups], ("backup.restored",))],
    "backup prune": [Way(lambda there: ["--from", there.backups, "--keep", "1"])],
    "backup rewrap": [Way(plain())],
    "documents reread": [Way(plain(), (RUN, "document.processed"), opens=True)],
    "search rebuild": [Way(plain(), (RUN, "search.indexed"), opens=True)],
    "vault ls": [
        Way(plain(), ("vault.listed",)),
        Way(plain("--json"), ("vault.listed",)),
    ],
    "vault recovery-key": [
        Way(
            lambda there: [
                "--case", there.case, "--object", there.object, "--reason", "Asked by a court.",
                "--to", str(there.folder / "recovery"),
            ],
            ("vault.recovery_key",),
            opens=True,
        )
    ],
    "vault check": [
        Way(plain("--quick", "--json"), (RUN,), opens=True),
        Way(plain("--repair"), (RUN,), opens=True),
        Way(plain("--deep"), (RUN,), opens=True),
    ],
    "log verify": [Way(plain())],
    "log export": [
        Way(lambda there: ["--area", there.area, "--to", str(there.folder / "bundle")], ("log.bundled",)),
        Way(
            lambda there: ["--case", there.case, "--to", str(there.folder / "opened"), "--open-private"],
            ("log.bundled",),
        ),
    ],
    "log checkpoint": [Way(lambda there: ["--area", there.area])],
    "log accept-restore": [Way(plain("--reason", "Looked into."), ("log.restore_accepted",))],
    "keys status": [Way(plain(), (RUN,)), Way(plain("--json"), (RUN,))],
    "keys escrow": [
        Way(
            lambda there: ["--shares", "2", "--threshold", "2", "--to", str(there.folder / "shares")],
            ("keys.escrowed",),
        )
    ],
    "keys recover": [
        Way(lambda there: ["--drill", "--from", *there.shares()], ("keys.drilled",)),
        Way(lambda there: ["--from", *there.shares(lost=True)], ("keys.recovered",)),
    ],
    "keys rotate": [
        Way(lambda there: ["--case", there.case], ("keys.case_rotated",), opens=True),
        Way(plain("--all-cases"), ("keys.case_rotated",), opens=True),
        Way(lambda there: ["--area", there.area], ("keys.rotated",)),
        Way(plain("--root"), ("keys.rotated",)),
        Way(plain("--root", "--keep-old"), ("keys.rotated",)),
    ],
    "case shred": [
        Way(lambda there: ["--case", there.doomed, "--yes"], (RUN, "case.shredded"), opens=True)
    ],
}  # fmt: skip
OUTSIDE = {"witness init", "witness add-log", "witness run", "witness status"}
"""Programs that open nothing of a hub: see the test of what they import."""
JOB_WAYS = {
    "following the log": Way(plain()),
    "break-glass": Way(plain()),
    "requeue": Way(plain()),
    "search shards": Way(plain(), ("search.indexed",), opens=True),
    "stale files": Way(plain()),
    "searches asked": Way(plain()),
    "destroyed cases": Way(plain()),
    "orphans": Way(plain()),
    "leftovers of writers": Way(plain()),
    "queue": Way(plain()),
    "prepare": Way(plain(), ("document.processed",), opens=True),
    "reading again": Way(plain(), ("document.processed",), opens=True),
}


# --- that none is missing --------------------------------------------------------------------------


class Declared(Exception):  # noqa: N818 - what the parser says, no error
    pass


def declared(name, monkeypatch):
    """The parser of a command, as it is about to read words."""

    def stop(self, *_args, **_more):
        raise Declared(self)

    with monkeypatch.context() as patched:
        patched.setattr(argparse.ArgumentParser, "parse_args", stop)
        patched.setenv("HUB_SECRET", "x" * 40)
        with pytest.raises(Declared) as told:
            COMMANDS[name][1]([])
    return told.value.args[0]


def leaves(words, parser):
    """(words, the switches that they take) of each thing that a command does."""
    actions = parser._actions
    below = [one for one in actions if isinstance(one, argparse._SubParsersAction)]
    if below:
        return [
            leaf for one in below for word, sub in one.choices.items() for leaf in leaves([*words, word], sub)
        ]
    named = [one for one in actions if not one.option_strings and one.choices]
    switches = {
        one.option_strings[0]
        for one in actions
        if one.nargs == 0 and not isinstance(one, argparse._HelpAction)
    }
    said = [" ".join([*words, choice]) for one in named for choice in one.choices] or [" ".join(words)]
    return [(one, switches) for one in said]


def test_every_command_and_switch_is_in_the_table(monkeypatch):
    found = dict(leaf for name in COMMANDS for leaf in leaves([name], declared(name, monkeypatch)))
    assert found.keys() == COMMAND_WAYS.keys() | OUTSIDE
    there = Anything()
    for said, ways in COMMAND_WAYS.items():
        used = {word for way in ways for word in way.argv(there)}
        assert found[said] <= used, f"{said}: what does a switch that nobody tried open?"


class Anything:
    def __getattr__(self, _name):
        return "x"

    folder = Path()

    def shares(self, **_more):
        return []


def test_every_job_is_in_the_table():
    tree = ast.parse(Path(jobs.__file__).read_text(encoding="utf-8"))
    calls = [one for one in ast.walk(tree) if isinstance(one, ast.Call)]
    named = {one.args[1].value for one in calls if getattr(one.func, "id", "") == "_carefully"}
    assert named == JOB_WAYS.keys()


def test_what_runs_outside_knows_nothing_of_a_hub():
    for file in Path(outside.__file__).parent.glob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        modules = {
            name
            for one in ast.walk(tree)
            for name in ([one.module] if isinstance(one, ast.ImportFrom) else [a.name for a in getattr(one, "names", [])])
            if isinstance(one, ast.Import | ast.ImportFrom)
        }  # fmt: skip
        assert not {name for name in modules if name and name.split(".")[0] in {"hub", "storage", "config"}}


# --- that each does as it says ---------------------------------------------------------------------


@dataclass
class There:
    world: Any
    folder: Path
    case: str
    object: str
    doomed: str

    @property
    def area(self):
        return self.world.area

    @property
    def backups(self):
        return str(self.folder / "backups")

    @property
    def key_file(self):
        return self.world.config.home / "keys" / "root.json"

    def shares(self, *, lost=False):
        if lost:
            self.key_file.rename(self.folder / "root.json.lost")
        return sorted(str(one) for one in (self.folder / "shares").iterdir())


@pytest.fixture(scope="module", params=ENGINES)
def there(request, one_reader, tmp_path_factory):  # noqa: F811 - the fixture of that name
    with w.furnished(request, tmp_path_factory, one_reader) as made:
        world, desk = made.world, Desk(made.world)
        doomed = world.make_case()
        desk.prepared(pdf("Quinceberry"), case=doomed)
        agree(world, doomed)
        with world.hub.db.reading() as session:
            kept = session.scalars(
                select(StoredObject.id).where(StoredObject.case_id == made.values["case"])
            ).first()
        yield There(world, tmp_path_factory.mktemp("commands"), made.values["case"], kept, doomed)


def agree(world, case):
    who = world.actor("coordinator")
    seen = world.hub.cases.for_change(who, case).seen
    world.hub.cases.close(
        who, case, ExitReason.REGISTRATION, Decision(reason="The registration ended.", seen=seen)
    )
    world.hub.disposal.ask(who, case, "review decided", "Nothing in it is needed.")
    world.hub.disposal.approve(world.actor("governance"), case, "Nothing in it is needed.")


@dataclass
class Seen:
    """`opened`: of each opening under a case's key, the entries on record then, as area, number and event."""

    world: Any
    opened: list[set]

    def entries(self):
        with self.world.hub.db.reading() as session:
            query = select(LogEntry.area_id, LogEntry.sequence, LogEntry.event)
            return {tuple(row) for row in session.execute(query)}

    def names(self, before, then=None):
        return {event for _, _, event in (self.entries() if then is None else then) - before}

    def check(self, way, before):
        assert bool(self.opened) == way.opens
        assert set(way.events) <= self.names(before)
        if way.opens:
            assert way.events[0] in self.names(before, self.opened[0]), "on record before it was opened"


@contextmanager
def spied(world):
    with world.hub.db.reading() as session:
        cases = [one.encode() for one in session.scalars(select(Case.id))]
    seen, patch = Seen(world, []), pytest.MonkeyPatch()

    def spy(kind, name, of_case):
        own = getattr(kind, name)

        def opening(self, *given, **more):
            if of_case(self) and HASH not in given:
                seen.opened.append(seen.entries())
            return own(self, *given, **more)

        patch.setattr(kind, name, opening)

    spy(FieldBox, "open", lambda box: any(case in box._bound for case in cases))
    spy(Vault, "open", lambda _vault: True)
    spy(Vault, "recovery", lambda _vault: True)
    try:
        yield seen
    finally:
        patch.undo()


def unread(world, document):
    """As an older reader left it."""
    with world.hub.db.work() as work:
        work.session.execute(
            update(DocumentVersion)
            .where(DocumentVersion.document_id == document)
            .values(text_state=TextState.FAILED, reader="0")
        )
        work.commit()


def at_the_machine(patch, world):
    config = world.config
    patch.setattr("hub.commands.base.build_services", lambda config: build_services(config, world.clock))
    patch.setenv("HUB_HOME", str(config.home))
    patch.setenv("HUB_SECRET", config.secret)
    patch.setenv("HUB_DATABASE_URL", config.database_url)


@pytest.mark.parametrize(
    ("said", "way"),
    [(said, way) for said, ways in COMMAND_WAYS.items() for way in ways],
    ids=[f"{said} {number}" for said, ways in COMMAND_WAYS.items() for number, _ in enumerate(ways)],
)
def test_a_command_opens_what_it_is_said_to_open_and_is_on_record_first(there, said, way, monkeypatch):
    at_the_machine(monkeypatch, there.world)
    if said == "documents reread":
        unread(there.world, only_document(there))
    if said == "backup restore":
        restored(there, way, monkeypatch)
        return
    with spied(there.world) as seen:
        before = seen.entries()
        assert main([*said.split(), *way.argv(there)]) == 0
        seen.check(way, before)


def restored(there, way, monkeypatch):
    """Onto a machine with nothing but the key file; the entry is in what was restored."""
    home = there.folder / "new"
    (home / "keys").mkdir(parents=True)
    shutil.copy(there.key_file, home / "keys")
    monkeypatch.setenv("HUB_HOME", str(home))
    monkeypatch.setenv("HUB_DATABASE_URL", "")
    with spied(there.world) as seen:
        assert main(["backup", "restore", *way.argv(there)]) == 0
        assert not seen.opened
    shutil.copy(there.world.config.home / "ids.json", home)
    new = open_world(home)
    assert [one.event for one in new.events()][-1] in way.events
    new.hub.documents.close()
    new.hub.db.engine.dispose()


def only_document(there):
    with there.world.hub.db.reading() as session:
        query = select(DocumentVersion.document_id).where(DocumentVersion.text_state == TextState.READY)
        return session.scalars(query).first()


def test_a_job_opens_what_it_is_said_to_open_and_is_on_record_first(world, one_reader, monkeypatch):  # noqa: F811
    world.hub.documents._reader = one_reader
    desk, ran = Desk(world), set()
    document = desk.prepared(pdf("Quinceberry"))
    waiting = desk.upload(pdf("Quinceberry"), "second.pdf").document
    with world.hub.db.work() as work:
        work.session.execute(update(CaseShard).values(format=0))
        work.commit()

    def watched(what, name):
        """As `jobs._carefully`, and nothing is forgiven."""
        with spied(world) as seen:
            before = seen.entries()
            done = what()
            if name != "queue":
                seen.check(JOB_WAYS[name], before)
        ran.add(name)
        return done

    monkeypatch.setattr(jobs, "_carefully", watched)
    queue = jobs.Queue(world.config.home, world.hub.documents)
    jobs.Sweeper(world.hub, queue).run_due(0)
    while watched(queue.run_one, "queue"):
        pass
    with world.hub.db.reading() as session:
        assert session.get_one(DocumentVersion, (waiting, 1)).text_state == TextState.READY
    unread(world, document)
    rereader = jobs.Rereader(world.config.home, world.hub.documents)
    rereader._documents.announce = queue.put
    assert rereader._read(document, 1)
    assert ran == JOB_WAYS.keys()
