"""What is looked after now and then."""

import os
import time

from hub.jobs import LEFTOVER_SECONDS, ORPHAN_SECONDS, Queue, Sweeper
from storage.names import new_id


def begun(world, age):
    """A file that a writer of `age` seconds ago left."""
    root = world.config.home / "objects"
    world.hub.vaults.store.create(f"{world.area}/{world.case}/{new_id()}.1").write(b"begun")
    file = max(root.rglob(".new-*"), key=lambda path: path.stat().st_mtime)
    os.utime(file, (time.time() - age,) * 2)
    return file


def test_what_writers_left_a_day_ago_is_taken_away_and_what_is_under_way_is_not(world):
    old = begun(world, LEFTOVER_SECONDS + 60)
    fresh = begun(world, 60)
    sweeper = Sweeper(world.hub, Queue(world.config.home, world.hub.documents))
    sweeper.run_due(0.0)
    assert (old.exists(), fresh.exists()) == (False, True)
    again = begun(world, LEFTOVER_SECONDS + 60)
    sweeper.run_due(1.0)
    assert again.exists()
    sweeper.run_due(0.0 + ORPHAN_SECONDS)
    assert not again.exists()
    assert fresh.exists()
