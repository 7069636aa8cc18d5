"""Checkpoints: signed as the standards say, never over a log that was changed, kept in every place, cosigned where asked."""

import base64
import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from moto import mock_aws
from sqlalchemy import delete, select, update

from hub.errors import LogUnwritable
from hub.ledger import guard as guards
from hub.ledger.entries import leaf_hash
from hub.ledger.events import CaseViewed
from hub.ledger.guard import Guard
from hub.ledger.model import LogCaseHead, LogCheckpoint, LogEntry, LogHead, LogSigner
from hub.ledger.notes import (
    COSIGNATURE,
    BadNote,
    Checkpoint,
    Line,
    Note,
    VerifierKey,
    cosigned,
    log_key,
    opened,
)
from hub.ledger.tree import Frontier, Tree, continues
from hub.proof.checkpoints import Checkpoints, NotAsSigned, origin, superfluous
from hub.proof.witnesses import Witness, Witnesses
from storage.anchors import FolderAnchors, S3Anchors, anchors_from_url
from storage.errors import AlreadyExists, Unavailable
from tests.ledger.test_log import record, unguarded


def made(world, **more):
    """A checkpoint of the world's log as it is now, with its row."""
    maker = checkpoints(world, **more)
    world.clock.forward(seconds=61)
    assert maker.make(world.area)
    return rows(world)[-1]


def checkpoints(world, *, places=None, witnesses=(), required=False):
    guard = Guard(world.clock, copy_required=required)
    world.hub.db._ledger._allow = guard.check
    home = {"home": FolderAnchors(world.config.home / "checkpoints")} if places is None else places
    return Checkpoints(world.hub.db, world.clock, world.hub.vaults, guard, home, Witnesses(witnesses))


def rows(world):
    with world.hub.db.reading() as session:
        return list(session.scalars(select(LogCheckpoint).order_by(LogCheckpoint.number)))


def key_of(world):
    with world.hub.db.reading() as session:
        return log_key(origin(session, world.area), session.get_one(LogSigner, world.area).public_key)


def hashes(world):
    return [leaf_hash(entry.leaf) for entry in world.events()]


# --- the note ------------------------------------------------------------------------------------


def test_the_note_is_to_the_byte_what_the_format_says(world):
    record(world, 3)
    row = made(world)
    key = key_of(world)
    with world.hub.db.reading() as session:
        heads = session.scalars(select(LogCaseHead).order_by(LogCaseHead.case_id)).all()
        name = origin(session, world.area)
    leaves = [
        f'{{"case":"{one.case_id}","entries":{one.sequence},"head":"{one.head.hex()}"}}'.encode()
        for one in heads
    ]
    case_root = Tree([hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]).root()
    text = (
        f"{name}\n{len(world.events())}\n{base64.b64encode(Tree(hashes(world)).root()).decode()}\n"
        f"at {row.at.isoformat(timespec='microseconds')}\n"
        f"case-heads {len(heads)} {base64.b64encode(case_root).decode()}\n"
    )
    said, _, signature = row.note.partition("\n\n")
    assert said + "\n" == text
    mark, signer, data = signature.rstrip("\n").split(" ")
    raw = base64.b64decode(data)
    assert (mark, signer) == ("\u2014", name)
    assert raw[:4] == hashlib.sha256(name.encode() + b"\n\x01" + key.public).digest()[:4]
    Ed25519PublicKey.from_public_bytes(key.public).verify(raw[4:], text.encode())
    assert opened(row.note, key).text == text
    assert VerifierKey.parse(str(key)) == key


@pytest.mark.parametrize("spoil", [
    lambda note: note.replace("\n3\n", "\n4\n").replace("case-heads 1", "case-heads 2"),
    lambda note: note.replace("\n\n", "\n"),
    lambda note: note[:-1],
    lambda note: note.replace("at 2026", "at 2027"),
    lambda note: note.split("\n\n")[0] + "\n\n",
])  # fmt: skip
def test_a_note_that_was_changed_is_none(world, spoil):
    record(world)
    row = made(world)
    with pytest.raises(BadNote):
        opened(spoil(row.note), key_of(world))


def test_a_note_of_another_log_or_key_is_none(world):
    note = made(world).note
    key = key_of(world)
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    for wrong in (log_key(key.name, other), log_key(key.name + "x", key.public)):
        with pytest.raises(BadNote):
            opened(note, wrong)
    for text in ("", "a+b", f"{key.name}+00000000+AAAA", str(key).replace("mappa-hub/", "mappa hub/")):
        with pytest.raises(BadNote):
            VerifierKey.parse(text)


# --- when, and by whom -------------------------------------------------------------------------------


def test_each_continues_the_one_before(world):
    record(world)
    first, sizes = made(world), []
    for count in (1, 5, 0, 2):
        record(world, count)
        row = made(world)
        sizes.append(row.size - first.size)
        tree = Tree(hashes(world))
        proof = tree.consistency(first.size, row.size)
        older, newer = (opened(one.note, key_of(world)) for one in (first, row))
        assert continues(older.root, first.size, newer.root, row.size, proof)
    assert sizes == [1, 6, 6, 8]
    assert [row.number for row in rows(world)] == [1, 2, 3, 4, 5]


def test_one_is_due_after_a_minute_or_a_thousand_entries_even_when_nothing_happened(world, monkeypatch):
    maker = checkpoints(world)
    count = lambda: len(rows(world))  # noqa: E731 - read often
    maker.run_due(world.area)
    maker.run_due(world.area)
    assert count() == 1
    world.clock.forward(seconds=60)
    maker.run_due(world.area)
    maker.run_due(world.area)
    assert count() == 2, "a heartbeat"
    monkeypatch.setattr("hub.proof.checkpoints.EVERY_ENTRIES", 3)
    record(world, 2)
    maker.run_due(world.area)
    assert count() == 2
    record(world, 1)
    maker.run_due(world.area)
    assert count() == 3


def test_of_many_that_sign_at_once_one_wins(world):
    record(world, 3)
    makers = [checkpoints(world) for _ in range(6)]
    makers[0].make(world.area)
    world.clock.forward(seconds=61)
    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(lambda maker: maker.make(world.area), makers))
    assert won.count(True) == 1
    assert [row.number for row in rows(world)] == [1, 2]


def test_nothing_is_signed_twice_within_a_second(world):
    maker = checkpoints(world)
    assert maker.make(world.area)
    assert not maker.make(world.area)


# --- refusing ----------------------------------------------------------------------------------------


def refusing(world, damage):
    maker = checkpoints(world)
    record(world, 4)
    assert maker.make(world.area)
    record(world, 4)
    damage(len(world.events()))
    world.clock.forward(seconds=61)
    with pytest.raises(NotAsSigned):
        maker.make(world.area)
    return maker


def entry_at(at):
    return LogEntry.sequence == at


DAMAGE = {
    "an edited entry": lambda world, last: unguarded(
        world, update(LogEntry).where(entry_at(last - 1)).values(leaf="{}", leaf_hash=leaf_hash("{}"))
    ),
    "a deleted entry": lambda world, last: unguarded(world, delete(LogEntry).where(entry_at(last - 2))),
    "a shortened log": lambda world, last: unguarded(world, delete(LogEntry).where(entry_at(last))),
    "a log from before": lambda world, last: unguarded(
        world, update(LogHead).values(sequence=2, frontier=bytes(Frontier().extended(hashes(world)[:2])))
    ),
    "another head": lambda world, last: unguarded(
        world,
        update(LogHead).values(frontier=bytes(Frontier().extended([*hashes(world)[: last - 1], bytes(32)]))),
    ),
    "a forged checkpoint": lambda world, last: unguarded(
        world,
        update(LogCheckpoint).values(frontier=bytes(Frontier().extended([bytes(32)] * rows(world)[-1].size))),
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_what_does_not_continue_the_last_is_not_signed_and_nothing_more_is_served(world, name):
    client = world.client("police")
    assert client.get(f"/cases/{world.case}").status_code == 200
    maker = refusing(world, lambda last: DAMAGE[name](world, last))
    assert len(rows(world)) == 1
    for _ in range(2):
        answer = client.get(f"/cases/{world.case}")
        assert answer.status_code == 503
        assert b"Norman Nominal" not in answer.data
        assert b"log" in answer.data
    with pytest.raises(LogUnwritable):
        record(world)
    with pytest.raises(NotAsSigned):
        maker.run_due(world.area)
    assert maker.status(world.area).refused


def test_a_key_that_was_put_there_by_another_hand_signs_nothing_and_nothing_more_is_served(world):
    made(world)
    with world.hub.db.work() as work:
        work.session.execute(update(LogSigner).values(public_key=bytes(32)))
        work.commit()
    with pytest.raises(NotAsSigned):
        made(world)
    assert world.client("police").get(f"/cases/{world.case}").status_code == 503
    with pytest.raises(LogUnwritable):
        record(world)


# --- keeping -----------------------------------------------------------------------------------------


class Down:
    """A place that takes nothing while `down`."""

    def __init__(self, place):
        self.place, self.down = place, True

    def write(self, name, text):
        if self.down:
            raise Unavailable("The place is down.")
        self.place.write(name, text)

    def __getattr__(self, name):
        return getattr(self.place, name)


def test_each_is_kept_in_the_home_and_the_second_place_under_its_name(world, tmp_path):
    places = {"home": FolderAnchors(tmp_path / "a"), "second": FolderAnchors(tmp_path / "b")}
    maker = checkpoints(world, places=places)
    maker.run_due(world.area)
    row = rows(world)[-1]
    name = f"{world.area}/{row.size:012d}-{row.at:%Y%m%dT%H%M%SZ}.note"
    for place in places.values():
        assert list(place.names(world.area)) == [name]
        assert place.read(name) == row.note
        with pytest.raises(AlreadyExists):
            place.write(name, "x")
    assert row.copied_at is not None


def test_a_place_that_was_down_is_caught_up_and_what_stands_there_already_is_taken_as_kept(world, tmp_path):
    second = Down(FolderAnchors(tmp_path / "b"))
    maker = checkpoints(world, places={"home": FolderAnchors(tmp_path / "a"), "second": second})
    for _ in range(3):
        maker.run_due(world.area)
        world.clock.forward(seconds=61)
    assert [row.copied_at for row in rows(world)] == [None] * 3
    second.down = False
    assert maker.keep(world.area)
    assert len(list(second.names(world.area))) == 3
    assert all(row.copied_at for row in rows(world))


def test_with_a_second_place_required_and_down_too_long_nothing_is_served_until_it_is_back(
    world, tmp_path, monkeypatch
):
    monkeypatch.setattr(guards, "KEPT_SECONDS", 0)
    second = Down(FolderAnchors(tmp_path / "b"))
    second.down = False
    maker = checkpoints(world, places={"second": second}, required=True)
    client = world.client("police")
    maker.run_due(world.area)
    second.down = True
    world.clock.forward(minutes=4)
    maker.run_due(world.area)
    assert client.get(f"/cases/{world.case}").status_code == 200
    world.clock.forward(minutes=2)
    answer = client.get(f"/cases/{world.case}")
    assert answer.status_code == 503
    assert b"second place" in answer.data
    second.down = False
    maker.keep(world.area)
    assert client.get(f"/cases/{world.case}").status_code == 200
    monkeypatch.setattr(guards, "COPY_ENTRIES", 3)
    with pytest.raises(LogUnwritable):
        record(world, 9)
    maker.make(world.area)
    maker.keep(world.area)
    record(world)


def test_a_place_that_is_not_required_keeps_nobody_from_anything(world, tmp_path):
    maker = checkpoints(world, places={"second": Down(FolderAnchors(tmp_path))})
    maker.run_due(world.area)
    world.clock.forward(hours=9)
    record(world, 3)


@mock_aws
def test_in_s3_a_checkpoint_is_locked_and_never_replaced(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "fictional")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
    s3 = boto3.client("s3")
    where = {"LocationConstraint": "eu-west-2"}
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration=where, ObjectLockEnabledForBucket=True)
    place = anchors_from_url("s3://kept/logs?lock-days=30")
    assert isinstance(place, S3Anchors)
    names = [f"area1/{size:012d}-20261121T140000Z.note" for size in (7, 40, 1000)]
    for name in names:
        place.write(name, name)
    assert list(place.names("area1")) == names
    assert list(place.names("area1", after=names[0])) == names[1:]
    assert place.read(names[0]) == names[0]
    with pytest.raises(AlreadyExists):
        place.write(names[0], "x")
    told = s3.head_object(Bucket="kept", Key=f"logs/{names[0]}")
    assert told["ObjectLockMode"] == "COMPLIANCE"
    assert told["ObjectLockRetainUntilDate"] > datetime.now(UTC) + timedelta(days=29)
    place.drop(names[0])
    assert list(place.names("area1")) == names
    place.set_aside(names[0])
    assert list(place.names("area1")) == names[1:]
    versions = s3.list_object_versions(Bucket="kept", Prefix=f"logs/{names[0]}")["Versions"]
    assert len(versions) == 1


@pytest.mark.parametrize(
    "url", ["", "folder:relative", "s3://", "http://x/y", "s3://b/p?lock-days=x", "s3://b/p?other=1"]
)
def test_an_address_that_names_no_place_is_refused(url):
    with pytest.raises(ValueError, match="HUB_LOG_COPY_URL"):
        anchors_from_url(url)


# --- thinning ----------------------------------------------------------------------------------------


def test_of_one_size_the_first_the_last_and_one_an_hour_stay(world):
    start = datetime(2026, 3, 2, 9, 0, 30, tzinfo=UTC)
    idle = [(7, start + timedelta(minutes=minute)) for minute in range(150)]
    busy = [(8, start + timedelta(minutes=150)), (9, start + timedelta(minutes=151))]
    going = superfluous([*idle, *busy], start + timedelta(days=2))
    kept = [at for at in range(152) if at not in going]
    assert kept == [0, 60, 120, 149, 150, 151]
    assert superfluous(idle, start) == []


def test_thinned_out_ones_are_gone_from_every_place(world, tmp_path):
    place = FolderAnchors(tmp_path)
    maker = checkpoints(world, places={"home": place})
    for _ in range(5):
        maker.run_due(world.area)
        world.clock.forward(minutes=1)
    world.clock.forward(days=2)
    assert maker.thin(world.area) == 3
    assert len(list(place.names(world.area))) == len(rows(world)) == 2
    world.clock.forward(minutes=1)
    assert maker.make(world.area), "the next continues the last that is left"


# --- witnesses ----------------------------------------------------------------------------------------


@contextmanager
def witness_served(behave="well"):
    """A witness of c2sp.org/tlog-witness: knows one log, checks what it is told, and cosigns."""
    private = Ed25519PrivateKey.generate()
    key = VerifierKey("witness.example", COSIGNATURE, private.public_key().public_bytes_raw())
    seen = {"size": 0, "root": None, "asked": []}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            head, _, note = body.partition("\n\n")
            old, *proof = head.split("\n")
            seen["asked"].append((self.path, old))
            said = Checkpoint.parse(Note.parse(note).text)
            if int(old.removeprefix("old ")) != seen["size"]:
                return self.answer(409, f"{seen['size']}\n")
            nodes = [base64.b64decode(one) for one in proof]
            if seen["size"] and not continues(seen["root"], seen["size"], said.root, said.size, nodes):
                return self.answer(422, "")
            if behave == "fails":
                return self.answer(500, "")
            seen.update(size=said.size, root=said.root)
            signed = (
                private.sign(cosigned(Note.parse(note).text, 1700000000)) if behave == "well" else bytes(64)
            )
            line = Line(key.name, key.key_hash, (1700000000).to_bytes(8, "big") + signed)
            return self.answer(200, str(line))

        def answer(self, status, text):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = threading.Thread(target=server.serve_forever)
    running.start()
    try:
        yield Witness(url=f"http://127.0.0.1:{server.server_port}/w", key=key), seen
    finally:
        server.shutdown()
        running.join()
        server.server_close()


def test_a_witness_cosigns_each_and_its_line_is_kept_everywhere(world):
    with witness_served() as (witness, seen):
        maker = checkpoints(world, witnesses=[witness])
        for _ in range(3):
            record(world, 3)
            world.clock.forward(seconds=61)
            maker.run_due(world.area)
            row = rows(world)[-1]
            assert Note.parse(row.note).signature_of(witness.key) is not None
            assert opened(row.note, key_of(world)).size == row.size
            newest = maker.places["home"]
            assert newest.read(list(newest.names(world.area))[-1]) == row.note
        assert maker.status(world.area).witnesses == {"witness.example": row.at}
        asked_again = checkpoints(world, witnesses=[witness])
        world.clock.forward(seconds=61)
        asked_again.make(world.area)
        assert Note.parse(rows(world)[-1].note).signature_of(witness.key) is not None, (
            "after a restart, by its 409"
        )
    assert {path for path, _ in seen["asked"]} == {"/w/add-checkpoint"}


@pytest.mark.parametrize("behave", ["fails", "signs rubbish"])
def test_a_witness_that_does_not_keep_its_word_adds_nothing_and_stops_nothing(world, behave):
    with witness_served(behave) as (witness, _):
        maker = checkpoints(world, witnesses=[witness])
        maker.run_due(world.area)
    row = rows(world)[-1]
    assert len(Note.parse(row.note).lines) == 1
    assert row.copied_at is not None
    assert maker.status(world.area).witnesses == {"witness.example": None}


def test_a_witness_that_is_not_there_stops_nothing(world):
    with witness_served() as (witness, _):
        pass
    maker = checkpoints(world, witnesses=[witness])
    maker.run_due(world.area)
    assert rows(world)[-1].copied_at is not None


def test_entries_are_written_while_checkpoints_are_made(world):
    maker, faults = checkpoints(world), []

    def sign():
        try:
            for _ in range(10):
                world.clock.forward(seconds=2)
                maker.make(world.area)
        except Exception as error:  # noqa: BLE001 - told below
            faults.append(error)

    thread = threading.Thread(target=sign)
    thread.start()
    for _ in range(30):
        world.hub.db.record(world.actor("police"), CaseViewed(case=world.case))
    thread.join()
    assert faults == []
    tree = Tree(hashes(world))
    assert all(opened(row.note, key_of(world)).root == tree.root(row.size) for row in rows(world))
