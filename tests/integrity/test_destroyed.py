"""A check of a hub in which a case was destroyed: its rows are no findings, and what is still there of it is one."""

import pytest

from hub.integrity.findings import Depth, Fault
from hub.integrity.service import Check
from storage.failpoints import Point
from tests.disposal.conftest import Registry
from tests.documents.conftest import Desk, desk, one_reader  # noqa: F401 - fixtures


@pytest.fixture
def registry(desk):  # noqa: F811
    made = Registry(desk.world, desk)
    made.ready()
    return made


def check(world, depth=Depth.SHALLOW):
    found = Check(world.hub.db, world.hub.vaults, depth=depth, progress=lambda *_: None)
    return [(one.fault, one.case) for one in found.findings()], found.counts


@pytest.mark.parametrize("depth", list(Depth))
def test_a_destroyed_case_has_no_findings_and_its_rows_are_counted(registry, depth):
    """All but the received file's: its row goes with the case."""
    world = registry.world
    _, before = check(world, depth)
    world.hub.shredding.shred(world.hub.shredding.find(world.case))
    found, after = check(world, depth)
    assert found == []
    assert after.objects == before.objects - 1 > 0
    assert list(world.hub.vaults.store.names()) == []


def test_what_is_left_of_a_destroyed_case_is_found_until_the_destruction_is_finished(registry, monkeypatch):
    world = registry.world
    target = world.hub.shredding.find(world.case)

    def stop(point):
        if point is Point.SHRED_KEYS_GONE:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("hub.disposal.shredding.failpoint", stop)
        with pytest.raises(KeyboardInterrupt):
            world.hub.shredding.shred(target)
    found, counts = check(world)
    assert found == [(Fault.REMAINS, world.case)] * counts.objects
    assert counts.objects > 0
    world.hub.shredding.shred(world.hub.shredding.find(world.case))
    assert check(world)[0] == []
