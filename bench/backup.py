"""Backing up and restoring against a plain copy of the same home, in one run: JSON lines, medians.

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
from config import Config
from hub.app import build_services
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
    back = folder / "back"
    world.hub.backup.create(str(kept), silent)

    def copy() -> float:
        shutil.rmtree(copied, ignore_errors=True)
        return timed(lambda: copied_home(home, copied))

    def create() -> float:
        shutil.rmtree(fresh, ignore_errors=True)
        return timed(lambda: world.hub.backup.create(str(fresh), silent))

    def again() -> float:
        fill(world, ADDED, given.size)
        return timed(lambda: world.hub.backup.create(str(kept), silent))

    def restore() -> float:
        shutil.rmtree(back, ignore_errors=True)
        return restored(world, fresh, back)

    turns = in_turns(ROUNDS, copy, create, again, restore)
    copying, first, incremental, restoring = (middle(taken) for taken in turns)
    what = f"{given.documents} objects of {given.size / 1000:.0f} kB; copy of the home, each file synced, {ms(copying)}"
    for name, took, target, said in (
        ("create", first, 2.0, "everything new"),
        ("incremental", incremental, 0.5, f"{ADDED} new objects"),
        ("restore", restoring, 2.0, "onto an empty home, log and keys checked"),
    ):
        detail = f"{what}; {said} {ms(took)}"
        tell(f"backup.{name}", took / copying, target=target, better="lower", detail=detail)


def copied_home(home: Path, target: Path) -> None:
    """Every file as it is, each synced, as a backup's are; what the database is writing meanwhile is not looked after."""

    def copy(source: str, to: str) -> None:
        with Path(source).open("rb") as reading, Path(to).open("wb") as writing:
            shutil.copyfileobj(reading, writing, 1 << 20)
            writing.flush()
            os.fsync(writing.fileno())

    shutil.copytree(home, target, copy_function=copy)


def restored(world: worlds.World, repository: Path, home: Path) -> float:
    (home / "keys").mkdir(parents=True, mode=0o700)
    shutil.copy(world.config.home / "keys" / "root.json", home / "keys" / "root.json")
    hub = build_services(Config.from_env({"HUB_HOME": str(home), "HUB_SECRET": worlds.SECRET}))
    try:
        return timed(lambda: hub.backup.restore(str(repository), None, silent))
    finally:
        hub.db.engine.dispose()


if __name__ == "__main__":
    main()
