"""The oracle itself: each of its rules finds what it is there for, and a home that nobody harmed has no fault."""

import os
import pickle
import time
from contextlib import ExitStack

import pytest
from sqlalchemy import select, text

from hub.documents.model import StoredObject
from storage.stores.folder import FolderStore
from tests.faults import child, oracle
from tests.faults.harness import Child
from tests.faults.operations import CANARY

pytestmark = pytest.mark.faults
NOTHING = {"done": False, "acks": [], "held": []}


class Home:
    """One at the beginning of an operation, to be harmed and judged."""

    def __init__(self, home, template):
        self.world = child.opened(home, "")
        self.reference = pickle.loads((template.folder / "reference.pickle").read_bytes())
        self.arranged = child._arranged(home)

    def sql(self, *statements):
        """What protects the log is taken away first, as whoever has the file can."""
        with self.world.hub.db.engine.connect() as connection:
            triggers = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
            for name in [*triggers.scalars()]:
                connection.execute(text(f'DROP TRIGGER "{name}"'))
            for statement in statements:
                connection.execute(text(statement))
            connection.commit()

    def object(self, kind="original"):
        with self.world.hub.db.reading() as session:
            row = session.scalars(select(StoredObject).where(StoredObject.kind == kind)).first()
        return oracle._path(self.world.config.home, row.name)

    def faults(self, **run):
        judged = oracle.judge(self.world, self.reference, NOTHING | run, time.monotonic(), None)
        return judged.faults


@pytest.fixture
def at(sqlite):
    """A function: the home of an operation's beginning."""
    with ExitStack() as stack:

        def opened(operation):
            template = sqlite.template(operation)
            folder, _ = stack.enter_context(sqlite.place.copy(template))
            home = Home(folder, template)
            stack.callback(home.world.hub.db.engine.dispose)
            return home

        yield opened


@pytest.mark.parametrize("operation", ["view-pages", "new-version"])
def test_an_unharmed_home_has_no_fault(at, operation):
    assert at(operation).faults() == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE account SET name = 'another' WHERE email LIKE 'police%'", "between: {'account changed name': 1}"),
        ("DELETE FROM case_shard", "between: {'case_shard removed': 1}"),
        ("UPDATE log_entry SET leaf = replace(leaf, 'police', 'health') || ' '", "the log does not follow from entry"),
        ("DELETE FROM log_entry WHERE sequence = 2", "the log has a gap"),
        ("DELETE FROM log_entry WHERE sequence = (SELECT max(sequence) FROM log_entry)", "the log does not follow"),
        ("UPDATE log_entry SET case_sequence = 900 WHERE case_sequence = 1", "has a gap in its log"),
        ("UPDATE log_case_head SET sequence = sequence + 1", "'s head"),
        ("UPDATE stored_object SET sealed_sha256 = '00' WHERE kind = 'text'", "of kind text is not as its row says"),
        ("UPDATE stored_object SET wrapped_key = zeroblob(61)", "does not open"),
        ("UPDATE case_shard SET version = version + 1", "the shard does not open"),
        ("DELETE FROM case_shard", "no shard for 1 documents"),
        ("UPDATE document_version SET text_state = 'waiting' WHERE text_state = 'ready'", "the shard holds 1 documents, 0"),
    ],
)  # fmt: skip
def test_a_row_that_is_not_as_it_was_is_found(at, statement, said):
    home = at("view-pages")
    home.sql(statement)
    assert any(said in fault for fault in home.faults())


def test_a_received_files_name_that_does_not_open_is_found(at):
    home = at("new-version")
    home.sql("UPDATE staged_file SET sealed_file_name = zeroblob(60)")
    assert any("the name of received file" in fault for fault in home.faults())


def test_an_object_that_is_gone_or_changed_is_found(at):
    home = at("view-pages")
    home.object("copy").unlink()
    changed = home.object("text")
    data = bytearray(changed.read_bytes())
    data[-1] ^= 1
    changed.write_bytes(data)
    told = "\n".join(home.faults())
    for said in ("of kind copy is not in the store", "of kind text is not as its row says", "does not open"):
        assert said in told


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
@pytest.mark.parametrize("folder", ["home", "tmp"])
def test_what_can_be_read_is_found(at, encoding, folder):
    home = at("view-pages")
    (home.world.config.home.parent / folder / "left").write_bytes(b"x" + CANARY.encode(encoding))
    assert home.faults() == [f"{folder}/left can be read"]


@pytest.mark.parametrize(
    "ack",
    [
        {"staged": "0" * 26, "sha256": "00"},
        {"document": "0" * 26, "version": 1, "sha256": "00"},
        {"document": None, "version": 1, "sha256": "00"},
        {"document": None, "version": 1, "pages": ["another text"]},
        {"shredded": "00"},
        {"snapshot": None},
        {"gone": None},
    ],
)
def test_what_was_acknowledged_and_is_not_so_is_found(at, ack):
    home = at("new-version" if "gone" in ack else "view-pages")
    known = {"document": "document", "gone": "staged"}
    for name, of in known.items():
        if name in ack and ack[name] is None:
            ack = {"sha256": home.arranged["sha256"], **ack, name: home.arranged[of]}
    assert any("acknowledged, and not so" in fault for fault in home.faults(acks=[ack]))


def test_what_was_acknowledged_and_is_so_is_no_fault(at):
    home = at("new-version")
    staged = {"staged": home.arranged["staged"], "sha256": home.arranged["sha256"]}
    assert home.faults(acks=[staged, {"gone": "0" * 26}]) == []


def test_an_operation_that_ended_and_left_nothing_is_found(at):
    assert at("new-version").faults(done=True) == ["what was acknowledged is not there"]


@pytest.mark.parametrize("form", ["text", "image", "search"])
def test_one_view_more_than_the_log_knows_is_found(at, form):
    home = at("view-pages")
    held = [{"form": form, "document": home.arranged["document"], "size": 1}]
    assert any(f"1 views of form {form}" in fault for fault in home.faults(held=held))


def test_a_byte_that_no_entry_covers_is_found(at):
    home = at("download")
    one = {"form": "original", "document": home.arranged["large"], "size": 1000, "first": 0}
    assert home.faults(held=[one]) == ["the client holds bytes 0 to 999 that no entry covers"]


def test_a_sweep_that_takes_too_much_or_too_little_is_found(at, monkeypatch):
    greedy, idle = at("sweep"), at("sweep")
    store = greedy.world.hub.vaults.store
    monkeypatch.setattr(
        greedy.world.hub.documents, "discard_orphans", lambda names: [store.delete(name) for name in names]
    )
    assert any("objects that rows name" in fault for fault in greedy.faults())
    monkeypatch.setattr(idle.world.hub.documents, "discard_orphans", lambda names: None)
    assert "the sweep left 2 objects that no row names" in idle.faults()


def test_a_temporary_file_that_stays_is_found(at, monkeypatch):
    home = at("view-pages")
    (home.object().parent / ".new-0").write_bytes(b"half")
    monkeypatch.setattr(FolderStore, "sweep", lambda self, older_than: 0)
    assert "the sweep left temporary files" in home.faults()


def test_a_slow_start_is_found(at, monkeypatch):
    home = at("view-pages")
    monkeypatch.setattr(oracle, "MOST_SECONDS", -1)
    assert any("the start took" in fault for fault in home.faults())


def test_tables_that_are_brought_to_something_else_are_found(at):
    home = at("migrate")
    home.reference["shapes"].append({"account removed": 1})
    assert any("brought forward at the next start to something else" in fault for fault in home.faults())


def test_half_of_a_page_that_a_killed_process_had_sent_is_held():
    reading, writing = os.pipe()
    os.write(writing, b'{"bytes": 10, "of": {"form": "text", "document": "d"}}\nhalf')
    os.close(writing)
    client = Child(os.pidfd_open(os.getpid()), reading)
    assert not client.until(lambda: client.done)
    os.close(reading)
    assert client.held == [{"form": "text", "document": "d", "size": 4}]
