"""The log in its database: gap-free under many writers, kept by triggers, verified, and nothing without it."""

import json
import random
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, event, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from hub.access.actor import program
from hub.db import Database
from hub.engine import LOCK_WAIT_MS, make_engine
from hub.errors import LogUnwritable
from hub.ids import new_id
from hub.ledger.entries import NO_HEAD, case_link, commitment, leaf_hash
from hub.ledger.events import AccessRefused, CaseViewed, SearchRun, SignedIn
from hub.ledger.model import LogCaseHead, LogEntry, LogHead
from hub.ledger.service import open_private, verify
from hub.migrations.guards import KEPT
from hub.people.founding import found_area
from hub.people.model import Account
from storage.errors import Tampered

ROOT = Path(__file__).parent.parent.parent


def record(world, count=1, who="police"):
    for _ in range(count):
        world.hub.db.record(world.actor(who), CaseViewed(case=world.case))


def verified(world):
    with world.hub.db.reading() as session:
        fault = verify(session, world.area, world.hub.vaults.open_log)
    return fault.sequence if fault else None


# --- appending -------------------------------------------------------------------------------


def test_each_case_has_its_own_gap_free_sequence_and_refusals_count_in_none(world):
    other, actor = world.make_case(), world.actor("police")
    for case in (world.case, other, world.case, other, other):
        world.hub.db.record(actor, CaseViewed(case=case))
    world.hub.db.record(actor, AccessRefused(permission="p", why="w", case=other, document=None))
    numbers = [(entry.case_id, entry.case_sequence) for entry in world.events() if entry.case_id]
    assert numbers == [(world.case, 1), (other, 1), (world.case, 2), (other, 2), (other, 3), (other, None)]


def test_entries_of_two_areas_never_share_a_unit_of_work(world):
    with world.hub.db.work() as work:
        elsewhere = found_area(work.session, world.clock, world.hub.vaults, name="E", localities=["E"]).id
        work.commit()
    with pytest.raises(ValueError, match="one area"), world.hub.db.work() as work:
        work.record(program(world.area), SignedIn())
        work.record(program(elsewhere), SignedIn())
        work.commit()
    assert verified(world) is None


def test_an_address_and_a_query_are_sealed_beside_the_entry(world):
    world.hub.db.record(world.actor("police"), SearchRun(query="Quetzalcanary", documents=(), total=0))
    entry = world.events("search.run")[-1]
    assert b"Quetzalcanary" not in entry.sealed + entry.leaf.encode()
    with world.hub.db.reading() as session:
        opened = open_private(session, entry, world.hub.vaults.open_log)
    assert {name: one.value for name, one in opened.items()} == {
        "query": "Quetzalcanary",
        "address": "192.0.2.7",
        "device": "tests",
    }
    assert json.loads(entry.leaf)["private"] == {name: commitment(name, one) for name, one in opened.items()}


def test_private_parts_of_two_entries_do_not_open_in_each_others_place(world):
    record(world, 2)
    last = len(world.events())
    other = world.events()[last - 2].sealed
    unguarded(world, update(LogEntry).where(LogEntry.sequence == last).values(sealed=other))
    assert verified(world) == last
    with world.hub.db.reading() as session, pytest.raises(Tampered):
        open_private(session, world.events()[-1], world.hub.vaults.open_log)


# --- the unit of work ------------------------------------------------------------------------


def test_work_that_is_not_committed_leaves_neither_row_nor_entry(world):
    actor, before, done = world.actor("police"), len(world.events()), []
    with pytest.raises(RuntimeError), world.hub.db.work() as work:
        work.session.get_one(Account, world.people["police"]).name = "Changed"
        work.record(actor, SignedIn())
        work.after(lambda: done.append(1))
        raise RuntimeError
    with world.hub.db.work() as work:
        work.session.get_one(Account, world.people["police"]).name = "Changed"
        work.session.flush()
    assert world.account("police").name != "Changed"
    assert (len(world.events()), done) == (before, [])


def test_what_follows_a_commit_happens_after_it_and_once(world):
    seen = []
    with world.hub.db.work() as work:
        work.record(program(world.area), SignedIn())
        work.after(lambda: seen.append(len(world.events("session.signed_in"))))
        assert seen == []
        work.commit()
        assert seen == [1]
        work.commit()
    assert seen == [1]


def test_a_second_commit_writes_no_entry_twice(world):
    with world.hub.db.work() as work:
        first = work.record(program(world.area), SignedIn())
        work.commit()
        number = first.sequence
        second = work.record(program(world.area), SignedIn())
        work.commit()
    assert (first.sequence, second.sequence) == (number, number + 1)
    assert len(world.events("session.signed_in")) == 2


def test_no_receipt_of_an_entry_that_is_not_durable(world):
    actor = world.actor("police")
    with world.hub.db.work() as work:
        entry = work.record(actor, CaseViewed(case=world.case))
        with pytest.raises(LogUnwritable):
            work.receipt(entry, case=world.case, objects=["o"])
        work.commit()
        assert work.receipt(entry, case=world.case, objects=["o"]).entry == entry.sequence
        later = work.record(actor, CaseViewed(case=world.case))
        with pytest.raises(LogUnwritable):
            work.receipt(later, case=world.case, objects=["o"])
    with world.hub.db.work() as another, pytest.raises(LogUnwritable):
        another.receipt(entry, case=world.case, objects=["o"])


def test_no_receipt_when_the_commit_itself_failed_after_one_that_did_not(world, monkeypatch):
    actor = world.actor("police")
    with world.hub.db.work() as work:
        work.record(actor, SignedIn())
        work.commit()
        entry = work.record(actor, CaseViewed(case=world.case))
        monkeypatch.setattr(work.session, "commit", _fail)
        with pytest.raises(LogUnwritable):
            work.commit()
        assert entry.sequence is not None
        with pytest.raises(LogUnwritable):
            work.receipt(entry, case=world.case, objects=["o"])


def _fail():
    raise DBAPIError("COMMIT", {}, OSError("disk full"))


# --- kept for ever ----------------------------------------------------------------------------


A_COLUMN = {"log_entry": "at", "acceptance": "at", "statement_version": "reason"}


@pytest.mark.parametrize("table", KEPT)
@pytest.mark.parametrize("change", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}"])
def test_the_database_itself_refuses_to_change_or_delete(world, table, change):
    record(world)
    with pytest.raises(DBAPIError, match="never changed"), world.hub.db.engine.begin() as connection:
        connection.execute(text(change.format(table, A_COLUMN[table])))


# --- verifying --------------------------------------------------------------------------------


def unguarded(world, statement):
    """As whoever administers the database could."""
    with world.hub.db.engine.execution_options(hub_writes=True).begin() as connection:
        if world.config.database_url.startswith("sqlite"):
            connection.execute(text("DROP TRIGGER IF EXISTS log_entry_no_update"))
            connection.execute(text("DROP TRIGGER IF EXISTS log_entry_no_delete"))
        else:
            connection.execute(text("ALTER TABLE log_entry DISABLE TRIGGER ALL"))
        connection.execute(statement)


COLUMNS = ("case_id", "actor_id", "agency_id", "session_id", "event", "operation", "outcome", "document_id", "meeting_id",
           "reason", "leaf", "leaf_hash", "sealed", "at", "case_sequence")  # fmt: skip


@pytest.mark.parametrize("column", COLUMNS)
def test_an_edit_of_any_column_is_found_at_its_entry(world, column):
    record(world, 6)
    at = len(world.events()) - 3
    value = {
        "leaf_hash": bytes(32),
        "sealed": b"x",
        "at": world.clock(),
        "case_sequence": 99,
    }
    here = (LogEntry.area_id == world.area) & (LogEntry.sequence == at)
    unguarded(world, update(LogEntry).where(here).values({column: value.get(column, "other")}))
    assert verified(world) == at


def test_deletion_insertion_and_truncation_are_found_at_their_place(world):
    record(world, 6)
    last = len(world.events())
    whole = select(LogEntry).where(LogEntry.sequence == last)
    with world.hub.db.reading() as session:
        row = session.scalars(whole).one()
        values = {column.name: getattr(row, column.name) for column in LogEntry.__table__.columns}
    unguarded(world, delete(LogEntry).where(LogEntry.sequence == last))
    assert verified(world) == last
    unguarded(world, insert(LogEntry).values(values))
    assert verified(world) is None
    unguarded(world, insert(LogEntry).values(values | {"sequence": last + 1, "case_sequence": 999}))
    assert verified(world) == last + 1
    unguarded(world, delete(LogEntry).where(LogEntry.sequence == last + 1))
    unguarded(world, delete(LogEntry).where(LogEntry.sequence == 3))
    assert verified(world) == 3


def test_a_recomputed_hash_does_not_hide_an_edit(world):
    """Without a checkpoint the place is not known, only that the root is another."""
    record(world, 4)
    at = len(world.events()) - 1
    forged = world.events()[at - 1].leaf.replace(world.people["police"], world.people["outsider"])
    here = LogEntry.sequence == at
    values = {"leaf": forged, "leaf_hash": leaf_hash(forged), "actor_id": world.people["outsider"]}
    unguarded(world, update(LogEntry).where(here).values(values))
    assert verified(world) == 1


def test_the_head_of_a_case_is_over_its_entries_and_held_against_them(world):
    other = world.make_case()
    for case in (world.case, other, world.case):
        world.hub.db.record(world.actor("police"), CaseViewed(case=case))
    head = NO_HEAD
    for entry in world.events("case.viewed"):
        head = case_link(head, entry.leaf_hash) if entry.case_id == world.case else head
    with world.hub.db.work() as work:
        row = work.session.get_one(LogCaseHead, world.case)
        assert (row.area_id, row.sequence, row.head) == (world.area, 2, head)
        row.head = bytes(32)
        work.commit()
    assert verified(world) == world.events("case.viewed")[-1].sequence


def test_a_head_that_is_gone_or_differs_is_found(world):
    record(world, 2)
    last = len(world.events())
    with world.hub.db.work() as work:
        work.session.execute(update(LogHead).values(sequence=last + 5))
        work.commit()
    assert verified(world) == last + 1
    with world.hub.db.work() as work:
        work.session.execute(delete(LogHead))
        work.commit()
    assert verified(world) == last + 1


def test_random_damage_is_always_found_where_it_begins(world):
    record(world, 8)
    dice, last = random.Random(5), len(world.events())
    at = dice.randrange(2, last)
    swap = {at: -1, at + 1: at, -1: at + 1} if at < last else {}
    for old, new in swap.items():
        unguarded(world, update(LogEntry).where(LogEntry.sequence == old).values(sequence=new))
    assert verified(world) == at


# --- nothing without it -------------------------------------------------------------------------


@pytest.fixture
def locked(world):
    """Somebody else holds the log and does not let go; `free()` ends it."""
    engine = make_engine(world.config.database_url)
    connection = engine.execution_options(hub_writes=True).connect()
    connection.execute(select(LogHead).where(LogHead.area_id == world.area).with_for_update())
    yield connection.rollback
    connection.close()
    engine.dispose()


@pytest.fixture
def waits():
    """Every statement that failed, in this process."""
    seen = []

    def note(context):
        seen.append(context.statement)

    event.listen(Engine, "handle_error", note)
    yield seen
    event.remove(Engine, "handle_error", note)


def test_while_the_log_cannot_be_written_nothing_is_served_and_soon_told(world, request, waits, monkeypatch):
    monkeypatch.setattr("hub.proof.ready.KEPT_SECONDS", 0)
    assert LOCK_WAIT_MS < 2000
    clients = [world.client("police"), world.client("governance")]
    paths = [f"/cases/{world.case}", "/log/"]
    assert world.client().get("/readyz").status_code == 200
    free = request.getfixturevalue("locked")
    for client, path in zip(clients, paths, strict=True):
        for method in ("GET", "HEAD"):
            waits.clear()
            answer = client.open(path, method=method)
            assert len(waits) == 1, "one wait for the lock, not one for the page and one for its error"
            assert answer.status_code == 503, (path, method)
            assert b"Norman Nominal" not in answer.data
            assert answer.headers["Cache-Control"] == "no-store"
    assert world.client().get("/readyz").status_code == 503
    free()
    assert clients[0].get(paths[0]).status_code == 200
    assert world.client().get("/readyz").status_code == 200


def test_a_refusal_that_cannot_be_recorded_is_not_told_either(world, request):
    client = world.client("outsider")
    free = request.getfixturevalue("locked")
    there, absent = (client.get(f"/cases/{case}") for case in (world.case, new_id()))
    assert there.status_code == absent.status_code == 503
    assert there.data == absent.data
    free()
    assert client.get(f"/cases/{world.case}").status_code == 404


def test_a_database_that_is_gone_is_503_with_a_page_and_comes_back(world, monkeypatch):
    client, db = world.client("police"), world.hub.db
    gone = Database(make_engine(_nowhere(world)), db._ledger, db._receipts)
    with monkeypatch.context() as patch:
        for name, value in vars(gone).items():
            patch.setattr(db, name, value)
        for path in ("/", f"/cases/{world.case}"):
            assert client.head(path).status_code == 503
            assert client.post(path).status_code == 405, "an error's own page does not fail either"
            assert b"Try again in a minute" in client.get(path).data
        assert client.get("/healthz").status_code == 200
        assert world.app.test_client().get("/readyz").status_code == 503
    gone.engine.dispose()
    assert client.get(f"/cases/{world.case}").status_code == 200


def _nowhere(world):
    if world.config.database_url.startswith("sqlite"):
        return "sqlite:////nonexistent/folder/hub.sqlite"
    return "postgresql+psycopg://hub@/gone?host=/nonexistent"


def test_the_head_of_a_case_is_never_behind_its_entries(world):
    record(world, 3)
    with world.hub.db.reading() as session:
        head = session.get_one(LogCaseHead, world.case)
    assert head.sequence == max(entry.case_sequence for entry in world.events("case.viewed"))
