"""A real process that is ended by SIGKILL while it makes or restores a snapshot; what it left is before or after."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from config import ConfigError
from hub.commands import prepare
from hub.ledger.service import verify
from storage.failpoints import Point
from tests.backup.conftest import ON_SQLITE, contents, root, silent
from tests.world import SECRET

SOURCE = Path(__file__).resolve().parents[2]
PROGRAM = "import sys; from hub.commands import main; sys.exit(main(sys.argv[1:]))"
LONG = os.environ.get("HUB_TEST_FAULTS") == "long"
RUNS = 40


@pytest.fixture
def tmp_path():
    """On a disk: the homes of other tests are in memory."""
    with tempfile.TemporaryDirectory(prefix="hubkilled") as folder:
        yield Path(folder)


def begun(config, *words, failpoint=""):
    """(the process, the pipe on which it names the failpoint that it stands at)"""
    reading, writing = os.pipe()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    own = {"HUB_HOME": str(config.home), "HUB_SECRET": SECRET, "HUB_DATABASE_URL": config.database_url}
    if failpoint:
        own |= {"HUB_FAILPOINT": failpoint, "HUB_FAILPOINT_FD": str(writing)}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words], cwd=SOURCE, env=kept | own, pass_fds=[writing],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writing)
    return process, reading


def ended_at(config, point, *words):
    process, pipe = begun(config, *words, failpoint=point)
    try:
        assert os.read(pipe, 100).decode().strip() == point
    finally:
        process.send_signal(signal.SIGKILL)
        os.close(pipe)
        assert process.wait() == -signal.SIGKILL


def whole_again(full, machine, made, before):
    """It does not start as it is, and the same command puts it right."""
    with pytest.raises(ConfigError, match="restore"):
        prepare(machine.config, demo=False, progress=lambda _: None)
    assert machine.backup.restore(full.url, None, silent).objects == len(before)
    assert contents(machine, full.world.area) == before
    [state] = made.areas
    assert root(machine, full.world.area, state.entries) == state.root
    with machine.db.reading() as session:
        assert verify(session, full.world.area) is None
    prepare(machine.config, demo=False, progress=lambda _: None)


@ON_SQLITE
@pytest.mark.parametrize(
    ("point", "target"), [(Point.RESTORE_OBJECTS, "postgresql"), (Point.RESTORE_FILLED, "sqlite")]
)
def test_a_restore_that_was_killed_is_done_again(full, clean, point, target):
    made, before = full.create().manifest, contents(full.hub, full.world.area)
    machine = clean(full.world, target)
    ended_at(machine.config, point, "backup", "restore", "--from", full.url)
    whole_again(full, machine, made, before)


@ON_SQLITE
@pytest.mark.faults
@pytest.mark.timeout(0)
@pytest.mark.skipif(not LONG, reason="`make faults` runs it")
def test_restores_killed_at_random(full, clean):
    made, before = full.create().manifest, contents(full.hub, full.world.area)
    chance, started = random.Random(17), time.monotonic()
    process, pipe = begun(clean(full.world).config, "backup", "restore", "--from", full.url)
    assert process.wait() == 0
    os.close(pipe)
    took = time.monotonic() - started
    for _ in range(RUNS):
        machine = clean(full.world)
        process, pipe = begun(machine.config, "backup", "restore", "--from", full.url)
        try:
            process.wait(chance.uniform(0, took))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(pipe)
        if (machine.config.home / "restoring.json").exists():
            whole_again(full, machine, made, before)
        elif machine.backup.installed():
            assert contents(machine, full.world.area) == before
        else:
            assert list(machine.vaults.store.names()) == []


@ON_SQLITE
@pytest.mark.parametrize("point", [Point.BACKUP_DUMPED, Point.BACKUP_OBJECTS, Point.BACKUP_PUBLISHED])
def test_a_snapshot_whose_making_was_killed_is_whole_or_none(full, point):
    first = full.create().manifest
    full.upload()
    ended_at(full.world.config, point, "backup", "create", "--to", full.url)
    left = set(full.repository.snapshots()) - {first.snapshot}
    assert len(left) == (point is Point.BACKUP_PUBLISHED)
    for snapshot in (first.snapshot, *left):
        assert full.verify(snapshot=snapshot, deep=True).checked.faults == ()
    newest = full.create().manifest
    assert full.verify(deep=True).checked.faults == ()
    assert {name.split("/")[1] for name in full.repository.place.names("snapshots/")} == {
        first.snapshot, *left, newest.snapshot,
    }  # fmt: skip
