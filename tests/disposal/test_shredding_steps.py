"""A shredding that is ended half way, and people who are at the case meanwhile."""

import io
import os

import pytest
from sqlalchemy import select

from hub.cases.model import Case
from hub.disposal.model import Disposal, DisposalRequest
from hub.disposal.rules import Step
from hub.documents.deliver import Cut, Wanted
from hub.ledger.service import verify
from hub.search.service import Request
from storage import failpoints
from storage.errors import StorageError
from storage.failpoints import Point
from tests.disposal.conftest import WORD
from tests.documents.conftest import pdf

STEPS = [
    Point.SHRED_EMPTIED, Point.SHRED_KEYS_GONE, Point.SHRED_OBJECT_GONE, Point.SHRED_OBJECTS_GONE, Point.SHRED_BACKUPS_GONE,
    Point.SHRED_DATABASE_CLEAN, Point.SHRED_CERTIFIED,
]  # fmt: skip
BOTH = {Point.SHRED_KEYS_GONE, Point.SHRED_DATABASE_CLEAN}
"""On PostgreSQL too; the others there when HUB_TEST_FAULTS=long. A real process is ended at each in tests/faults."""
LONG = os.environ.get("HUB_TEST_FAULTS") == "long"
RUNS = [("sqlite", point) for point in STEPS] + [
    pytest.param("postgresql", point, marks=() if point in BOTH else pytest.mark.faults)
    for point in STEPS
    if point in BOTH or LONG
]


class Killed(BaseException):
    """As a process that is gone: nothing catches it."""


@pytest.fixture
def at_point(monkeypatch):
    """`at_point(point, do)`: do this when the failpoint is passed, once."""

    def arm(point, do):
        left = [do]

        def passed(met):
            if met is point and left:
                left.pop()()

        failpoints.watch(passed)

    yield arm
    monkeypatch.setattr(failpoints, "_armed", None)


def kill():
    raise Killed


@pytest.mark.parametrize(("world", "point"), RUNS, indirect=["world"])
def test_killed_at_any_step_it_is_before_or_after_and_the_same_command_goes_on(
    world, registry, at_point, point
):
    registry.ready()
    at_point(point, kill)
    with pytest.raises(Killed):
        registry.shred()
    with world.hub.db.reading() as session:
        begun = session.get(Disposal, world.case) is not None
        assert (session.get_one(Case, world.case).key_wrapped is None) == begun
        assert verify(session, world.area) is None
    assert begun == (point is not Point.SHRED_EMPTIED)
    assert (registry.sealed() == []) == begun
    certificate = registry.shred()
    assert registry.names() == []
    assert len(world.events("case.shredded")) == len(world.events("disposal.certified")) == 1
    assert registry.shredding.find(world.case).step is Step.DONE
    assert registry.shred().pdf == certificate.pdf
    assert registry.shredding.certificate(world.case).text == certificate.text


def test_a_step_that_fails_says_so_and_what_was_done_stays_done(world, registry, monkeypatch):
    registry.ready()

    def fails(_name):
        raise StorageError("The store does not answer.")

    with monkeypatch.context() as broken:
        broken.setattr(world.hub.vaults.store, "delete", fails)
        with pytest.raises(StorageError):
            registry.shred()
    assert registry.sealed() == []
    assert registry.names() != []
    assert world.client("police").get(f"/cases/{world.case}").status_code == 410
    registry.shred()
    assert registry.names() == []


# --- others at the same time -----------------------------------------------------------------


def test_a_download_under_way_is_cut(world, registry):
    text_file = io.BytesIO(b"An invented line of text.\n" * 60_000)
    service, who = world.hub.documents, world.actor("police")
    staged = service.receive(who, world.case, "long.txt", text_file)
    line = service.upload(who, world.case, registry.desk.details(), [staged.id], "b" * 26)[0]
    registry.ready()
    service.give_reason(who, line.document, "casework")
    body = service.original(who, Wanted(document=line.document, version=1), lambda: True).body
    delivered = len(next(body))
    registry.shred()
    body._asked -= 2
    with pytest.raises(Cut):
        next(body)
    assert 0 < delivered < text_file.getbuffer().nbytes
    assert world.events("document.download_ended")[-1].leaf.count("no longer allowed") == 1


def test_a_request_while_it_is_destroyed_gets_nothing(world, registry, at_point):
    registry.ready()
    client, stranger, seen = world.client("police"), world.client("outsider"), {}
    assert client.get(f"/cases/{world.case}").status_code == 200

    def look():
        seen["case"] = client.get(f"/cases/{world.case}").status_code
        seen["document"] = client.get(f"/documents/{registry.documents[0]}").status_code
        seen["stranger"] = stranger.get(f"/cases/{world.case}").status_code

    at_point(Point.SHRED_KEYS_GONE, look)
    registry.shred()
    assert seen == {"case": 410, "document": 410, "stranger": 404}


def test_what_another_process_kept_in_memory_goes_with_its_next_sweep(world, registry):
    registry.ready()
    who, search, other = world.actor("police"), world.hub.search, world.hub.shredding
    assert search.search(who, Request(text=WORD)).total == 2
    other.forget_destroyed()
    assert search._kept.nbytes > 0
    with world.hub.db.work() as work:
        request = work.session.scalars(select(DisposalRequest)).one()
        work.session.add(
            Disposal(
                case_id=world.case,
                request_id=request.id,
                step=Step.KEYS,
                began_at=world.clock(),
                objects=0,
                bytes=0,
                found="{}",
            )
        )
        work.commit()
    other.forget_destroyed()
    assert search._kept.nbytes == 0


def test_a_version_that_is_being_prepared_is_not_brought_back(world, registry):
    line = registry.desk.upload(pdf(f"{WORD} late"), "late.pdf", title="Late")
    service = world.hub.documents
    task = service._opened(line.document, 1, lambda _: True)
    registry.close()
    registry.ask()
    registry.approve()
    registry.shred()
    outcome = service._prepared(task) if registry.names() else None
    assert outcome is None
    assert service.prepare(line.document, 1) is None
    assert service.waiting() == []
