"""Another process that writes to the log: `python writer.py HOME DATABASE_URL THREADS EACH`."""

import sys
import threading
import time
from pathlib import Path

from hub.errors import LogUnwritable
from hub.ledger.events import CaseViewed
from tests.world import open_world


def write(world, threads, each):
    actor, faults = _again(lambda: world.actor("police")), []

    def run():
        try:
            for _ in range(each):
                _record(world, actor)
        except Exception as error:  # noqa: BLE001 - told to whoever started the writer
            faults.append(error)

    running = [threading.Thread(target=run) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return faults


def _record(world, actor):
    return _again(lambda: world.hub.db.record(actor, CaseViewed(case=world.case)))


def _again(act):
    """As a person would: told that the log is busy, they try again."""
    for _ in range(100):
        try:
            return act()
        except LogUnwritable:
            time.sleep(0.01)
    raise RuntimeError("the log took no entry")


if __name__ == "__main__":
    home, url, threads, each = sys.argv[1:]
    failed = write(open_world(Path(home), url), int(threads), int(each))
    sys.exit(repr(failed) if failed else 0)
