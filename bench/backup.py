"""Backing up against a plain copy of the same home, in one run: JSON lines, medians.

python3 bench/backup.py [--documents N] [--size BYTES]
"""

import argparse
import os
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.lines import in_turns, middle, ms, tell, timed
from hub.documents.model import StoredObject
from hub.documents.objects import stored_row
from tests import world as worlds

ROUNDS = 5
ADDED = 10
"""Objects new since the snapshot before, for the incremental figure."""


def silent(_what: str, _done: int, _total: int) -> None:
    pass


def fill(world: worlds.World, documents: int, size: int) -> None:
    """Sealed objects of random bytes with their rows: what a backup has to carry, without the reader's work."""
    with world.hub.db.work() as work:
        case = work.session.get_one(worlds.Case, world.case)
        vault = world.hub.vaults.of(work.session, case)
        for _ in range(documents):
            row: StoredObject = stored_row(
                vault, vault.put("original", [os.urandom(size)]), datetime.now(UTC)
            )
            work.session.add(row)
        work.commit()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=500)
    parser.add_argument("--size", type=int, default=200_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        worlds.build(home)
        world = worlds.open_world(home)
        try:
            measure(world, home, Path(folder), given)
        finally:
            world.hub.documents.close()
            world.hub.db.engine.dispose()


def measure(world: worlds.World, home: Path, folder: Path, given: argparse.Namespace) -> None:
    fill(world, given.documents, given.size)
    fresh, kept, copied = folder / "fresh", folder / "kept", folder / "copied"
    world.hub.backup.create(str(kept), silent)

    def copy() -> float:
        shutil.rmtree(copied, ignore_errors=True)
        took = timed(lambda: shutil.copytree(home, copied))
        os.sync()
        return took

    def create() -> float:
        shutil.rmtree(fresh, ignore_errors=True)
        return timed(lambda: world.hub.backup.create(str(fresh), silent))

    def again() -> float:
        fill(world, ADDED, given.size)
        return timed(lambda: world.hub.backup.create(str(kept), silent))

    copying, first, incremental = (middle(taken) for taken in in_turns(ROUNDS, copy, create, again))
    what = f"{given.documents} objects of {given.size / 1000:.0f} kB; copy of the home without sync {ms(copying)}"
    tell(
        "backup.create",
        first / copying,
        target=6.0,
        better="lower",
        detail=f"{what}, create with sync {ms(first)}",
    )
    tell(
        "backup.incremental",
        incremental / copying,
        target=1.0,
        better="lower",
        detail=f"{what}, create with {ADDED} new objects {ms(incremental)}",
    )


if __name__ == "__main__":
    main()
