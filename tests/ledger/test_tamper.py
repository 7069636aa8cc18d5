"""A real database, changed as whoever administers it could: the bundle made of it does not verify, given one kept checkpoint.

`thorough` changes put numbers, hashes and heads right again, as far as that goes without the signing key; the first bad
entry is then known between two checkpoints, else exactly. `restory` has the key as well and signs everything anew.
"""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import create_engine, delete, insert, select, update
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from hub.ledger import notes
from hub.ledger.events import CaseViewed, SignedIn
from hub.ledger.model import LogCaseHead, LogCheckpoint, LogEntry
from hub.proof.export import Exporter, Wanted
from hub.proof.outside import verify
from tests.ledger.second import Merkle, dumps, h

pytestmark = pytest.mark.parametrize("world", ["sqlite"], indirect=True)


class Tampered:
    """The log in memory, its true rows, and what was kept outside: the newest checkpoint."""

    def __init__(self, world, tmp_path):
        self.world, self.area = world, world.area
        other = world.make_case()
        dice = random.Random(7)
        for number in range(110):
            case = dice.choice((world.case, world.case, other))
            world.hub.db.record(
                world.actor("police"), CaseViewed(case=case) if dice.random() < 0.8 else SignedIn()
            )
            if number % 11 == 0:
                world.clock.forward(seconds=20)
                world.hub.checkpoints.make(self.area)
        world.clock.forward(seconds=20)
        world.hub.checkpoints.make(self.area)
        self.signer = world.hub.checkpoints._signer(self.area)
        memory = sqlite3.connect(":memory:", check_same_thread=False)
        with sqlite3.connect(world.config.home / "hub.sqlite") as source:
            source.backup(memory)
        source.close()
        for (name,) in memory.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            memory.execute(f"DROP TRIGGER {name}")
        memory.commit()
        self.memory = memory
        self.engine = create_engine("sqlite://", creator=lambda: memory, poolclass=StaticPool)
        with Session(self.engine) as session:
            query = (
                select(LogEntry.__table__).where(LogEntry.area_id == self.area).order_by(LogEntry.sequence)
            )
            self.rows = [dict(row._mapping) for row in session.execute(query)]
            query = select(LogCheckpoint.__table__).order_by(LogCheckpoint.number)
            self.checkpoints = [dict(row._mapping) for row in session.execute(query)]
        self.size = self.checkpoints[-1]["size"]
        self.rows = self.rows[: self.size]
        self.kept = tmp_path / "kept.note"
        self.kept.write_text(self.checkpoints[-1]["note"])
        self.exporter = Exporter(world.hub.db, world.clock, world.hub.vaults.open_log, world.hub.checkpoints)
        self.folder = tmp_path / "bundle"

    def bundle(self, rows, checkpoints):
        """What the hub would export of a database with these rows."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        with Session(self.engine) as session:
            session.execute(delete(LogEntry).where(LogEntry.area_id == self.area))
            session.execute(delete(LogCheckpoint))
            session.execute(insert(LogEntry), rows) if rows else None
            session.execute(insert(LogCheckpoint), checkpoints)
            self._case_heads(session, rows)
            session.expire_all()
            for name, pieces in self.exporter.files(session, Wanted(area=self.area)):
                (self.folder / name).write_bytes(b"".join(pieces))
            session.rollback()
        return self.folder

    def _case_heads(self, session, rows):
        for case, (count, head) in heads(rows).items():
            row = update(LogCaseHead).where(LogCaseHead.case_id == case)
            session.execute(row.values(sequence=count, head=head))

    def verified(self, rows, checkpoints):
        said = []
        status = verify.main(
            [str(self.bundle(rows, checkpoints)), "--checkpoint", str(self.kept), "--json"], said.append
        )
        return status, json.loads(said[0])

    def close(self):
        self.engine.dispose()
        self.memory.close()


def heads(rows):
    found = {}
    for row in rows:
        if row["case_sequence"] is not None:
            count, head = found.get(row["case_id"], (0, bytes(32)))
            found[row["case_id"]] = (count + 1, h(b"\x02" + head + row["leaf_hash"]))
    return found


def put_right(rows):
    """Numbers, case numbers and hashes as they would be had it always been so."""
    counts, made = Counter(), []
    for number, row in enumerate(rows, 1):
        body = json.loads(row["leaf"])
        body["seq"] = number
        if body["case"] is not None:
            counts[body["case"]] += 1
            body["case_seq"] = counts[body["case"]]
        leaf = dumps(body)
        made.append(
            row
            | {
                "sequence": number,
                "case_sequence": body["case_seq"],
                "leaf": leaf.decode(),
                "leaf_hash": h(b"\x00" + leaf),
            }
        )
    return made


def changed(dice, row):
    body = json.loads(row["leaf"])
    what = dice.choice(("actor", "at", "outcome", "event", "fields", "private", "operation"))
    body[what] = {
        "actor": "a" * 26, "at": "2025-01-01T00:00:00.000000+00:00", "outcome": "failed", "event": "case.changed",
        "fields": {"case": "b" * 26}, "private": {}, "operation": "erasure",
    }[what]  # fmt: skip
    return row | {"leaf": dumps(body).decode()}


KINDS = ("edit", "flip", "delete", "insert", "reorder", "truncate", "rollback", "restory")


def tamper(dice, log):
    """(kind, rows, checkpoints, the first entry that is not as it was, whether it must be named exactly)"""
    rows, checkpoints = list(log.rows), log.checkpoints
    kind, thorough = dice.choice(KINDS), dice.random() < 0.5
    at = dice.randrange(len(rows))
    if kind == "edit":
        rows[at] = changed(dice, rows[at])
        rows = put_right(rows) if thorough else rows
    elif kind == "flip":
        leaf = bytearray(rows[at]["leaf"].encode())
        leaf[dice.randrange(len(leaf))] ^= 1
        rows[at], thorough = rows[at] | {"leaf": leaf.decode()}, False
    elif kind == "delete":
        del rows[at]
        if thorough and rows[at:]:
            checkpoints = (
                [one for one in checkpoints if one["size"] <= len(rows)]
                if dice.random() < 0.3
                else checkpoints
            )
        rows = put_right(rows) if thorough else rows
        last = at == len(rows)  # what stands since the checkpoint before is vouched for by nothing
        thorough = thorough or last
        at = min(at, checkpoints[-1]["size"])  # a bundle ends with the newest checkpoint
    elif kind == "insert":
        rows.insert(at, changed(dice, rows[dice.randrange(len(rows))]))
        rows, thorough = put_right(rows), True
    elif kind == "reorder":
        at, other = sorted(dice.sample(range(len(rows)), 2))
        one, two = rows[at], rows[other]
        rows[at], rows[other] = two | {"sequence": one["sequence"]}, one | {"sequence": two["sequence"]}
        if thorough:
            rows = put_right(rows)
        else:
            rows[at]["case_sequence"], rows[other]["case_sequence"] = (
                one["case_sequence"],
                two["case_sequence"],
            )
            rows[at]["case_id"], rows[other]["case_id"] = one["case_id"], two["case_id"]
    elif kind == "truncate":
        rows, thorough = rows[:at], True
    elif kind == "rollback":
        older = [one for one in checkpoints if one["size"] < log.size]
        checkpoints = older[: dice.randrange(1, len(older) + 1)]
        at, thorough = checkpoints[-1]["size"], False
        rows = rows[:at]
    else:
        rows[at], thorough = changed(dice, rows[at]), True
        rows = put_right(rows)
        checkpoints = [signed_anew(log, one, rows) for one in checkpoints]
    return kind, rows, checkpoints, at + 1, not thorough


def signed_anew(log, row, rows):
    size = row["size"]
    said = notes.Checkpoint.parse(notes.Note.parse(row["note"]).text)
    of_cases = [
        dumps({"case": case, "entries": n, "head": head.hex()})
        for case, (n, head) in sorted(heads(rows[:size]).items())
    ]
    made = notes.Checkpoint(
        origin=said.origin, size=size, root=Merkle(one["leaf_hash"] for one in rows[:size]).mth(), at=said.at, cases=len(of_cases),
        case_root=Merkle(h(b"\x00" + leaf) for leaf in of_cases).mth(),
    )  # fmt: skip
    return row | {"note": str(notes.sign(made, log.signer.seed))}


def found(dice, log, tally):
    kind, rows, checkpoints, first, exact = tamper(dice, log)
    status, answer = log.verified(rows, checkpoints)
    told = (kind, first, exact, answer["why"], answer["first_bad"], answer["first_bad_at_most"])
    assert status == 1, told
    assert answer["first_bad"] is not None, told
    assert answer["first_bad"] <= first <= answer["first_bad_at_most"], told
    assert not exact or answer["first_bad"] == answer["first_bad_at_most"], told
    tally[
        kind, "exact" if answer["first_bad"] == answer["first_bad_at_most"] else "between two checkpoints"
    ] += 1
    return kind


@pytest.fixture
def log(world, tmp_path):
    made = Tampered(world, tmp_path)
    yield made
    made.close()


def test_the_untouched_log_verifies(log):
    status, answer = log.verified(log.rows, log.checkpoints)
    assert (status, answer["why"], answer["entries"]) == (0, "", log.size)


def test_random_tampering_is_found_and_its_first_entry_named(log):
    dice, tally = random.Random(int(os.environ.get("HUB_TEST_SEED", "4"))), Counter()
    for _ in range(100):
        found(dice, log, tally)
    assert {kind for kind, _ in tally} == set(KINDS)


def test_the_whole_command_finds_it_too(log):
    dice = random.Random(5)
    for _ in range(4):
        _, rows, checkpoints, _, _ = tamper(dice, log)
        log.bundle(rows, checkpoints)
        command = [sys.executable, Path(verify.__file__), log.folder, "--checkpoint", log.kept]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (1, "")
        assert done.stdout.splitlines()[-1].startswith("DOES NOT HOLD")


@pytest.mark.faults
@pytest.mark.timeout(0)
def test_ten_thousand_are_all_found(log):
    if os.environ.get("HUB_TEST_FAULTS") != "long":
        pytest.skip("the long run: make faults")
    dice, tally = random.Random(int(os.environ.get("HUB_TEST_SEED", "10000"))), Counter()
    for _ in range(10_000):
        found(dice, log, tally)
    told = {f"{kind}: {how}": count for (kind, how), count in sorted(tally.items())}
    print(
        json.dumps({"name": "log-tampering", "tampered": 10_000, "found": sum(tally.values()), "kinds": told})
    )
