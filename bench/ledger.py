"""What the access log costs, on SQLite and on PostgreSQL with every sync: appends a second, and its share of a page view.

python bench/ledger.py [sqlite] [postgresql] [--seconds 3] [--views 150]

* Appends: threads of one process each record entries one after the other, as requests do; an entry counts once it is durable. Beside
  them, in the same folder and the same run, how often a second the disk itself writes 4 KiB and syncs them, by one thread.
* A page view: one browser opens a document's page of text, and its picture, in turns at the hub and at the same hub with
  entries, and so commits, taken out (bench/unlogged.py). The share is what that saves, of the whole time.
"""

import argparse
import io
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy import select

from bench.area import Bench, bench
from bench.client import Browser
from bench.lines import in_turns, middle, ms, progress, tell, timed
from bench.serving import application, hub
from hub.documents.rules import Details
from hub.errors import LogUnwritable
from hub.ids import new_id
from hub.ledger.events import PageViewed, Reason
from hub.ledger.model import LogHead
from tests.postgres import PostgresServer, find_binaries

THREADS = (64, 128)
ROUNDS = 3
SYNC_BYTES = 4096
DATABASES = ("sqlite", "postgresql")
APPENDS_AIM, SHARE_AIM = 3000, 0.25


@contextmanager
def database(name: str) -> Iterator[str]:
    """Its URL; empty for SQLite in the home."""
    if name == "sqlite":
        yield ""
        return
    with PostgresServer(durable=True) as server:
        yield server.database("bench")


def synced(folder: Path, seconds: float) -> float:
    """Bare writes a second, each on the disk before the next."""
    path, block, count = folder / "synced", os.urandom(SYNC_BYTES), 0
    number = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        ends = time.perf_counter() + seconds
        while time.perf_counter() < ends:
            os.write(number, block)
            os.fdatasync(number)
            count += 1
    finally:
        os.close(number)
        path.unlink()
    return count / seconds


class Appending:
    """`refused` counts entries whose writer was told that the log cannot be written: of them none is counted."""

    def __init__(self, made: Bench, threads: int, seconds: float) -> None:
        self._made, self._threads, self._seconds, self.refused = made, threads, seconds, 0
        self._viewed = PageViewed(
            case=made.case_of(1), document=new_id(), version=1, page=1, form="image", reason=Reason.CASEWORK
        )

    def rate(self) -> float:
        """Durable entries a second; RuntimeError unless the log's head counts as many."""
        before, ends = self._head(), time.perf_counter() + self._seconds
        counts = [0] * self._threads

        def run(place: int) -> None:
            while time.perf_counter() < ends:
                try:
                    self._made.hub.db.record(self._made.practitioner, self._viewed)
                    counts[place] += 1
                except LogUnwritable:
                    self.refused += 1

        running = [threading.Thread(target=run, args=(place,)) for place in range(self._threads)]
        began = time.perf_counter()
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        taken, written = time.perf_counter() - began, self._head() - before
        if written != sum(counts):
            raise RuntimeError(f"{sum(counts)} entries were told to be durable, and the log has {written}")
        return written / taken

    def _head(self) -> int:
        with self._made.hub.db.reading() as session:
            return session.scalars(select(LogHead.sequence)).one()


def appends(made: Bench, name: str, seconds: float) -> None:
    for threads in THREADS:
        progress(f"ledger: appends on {name}, {threads} threads ...")
        appending = Appending(made, threads, seconds)
        entries, bare = in_turns(ROUNDS, appending.rate, lambda: synced(made.folder, seconds / 3))
        detail = (
            f"{threads} threads of one process, each entry durable before the next of its thread: {middle(entries):.0f} a second, "
            f"{appending.refused} refused; the disk alone writes and syncs 4 KiB {middle(bare):.0f} times a second, one thread"
        )
        tell(
            f"log_appends_{name}_{threads}",
            middle(entries),
            target=APPENDS_AIM,
            better="higher",
            detail=detail,
        )


def document(made: Bench) -> str:
    """The address of a prepared document of one page of text, for whose case the reason was given."""
    service, who = made.hub.documents, made.practitioner
    case = made.case_of(1)
    text = "".join(f"Line {number} of an invented assessment, of some length.\n" for number in range(40))
    details = Details(
        title="Invented assessment", type="risk-assessment", owner=made.agency, dated=date(2026, 3, 1), audience=None,
        necessity="To be measured.", attested=True, retention_class="agency",
    )  # fmt: skip
    staged = service.receive(who, case, "assessment.txt", io.BytesIO(text.encode()))
    line = service.upload(who, case, details, [staged.id], new_id())[0]
    service.prepare(line.document, 1)
    service.give_reason(who, line.document, Reason.CASEWORK)
    return f"/documents/{line.document}"


def views(made: Bench, name: str, url: str, rounds: int) -> None:
    progress(f"ledger: a page view on {name} ...")
    page = document(made)
    more = {"HUB_DATABASE_URL": url} if url else {}
    with ExitStack() as stack:
        port, _ = stack.enter_context(hub(made.home, **more))
        other = stack.enter_context(application(made.home, "bench.unlogged:app", **more))
        for what, path in (("text", page), ("image", f"{page}/versions/1/pages/1/image")):
            _share(made, f"log_share_of_{what}_view_{name}", (port, other, path), rounds)


def _share(made: Bench, name: str, asked: tuple[int, int, str], rounds: int) -> None:
    port, other, path = asked
    browsers = [Browser(port=one, cookies=made.cookies) for one in (port, other)]
    for browser in browsers:
        for _ in range(10):
            browser.get(path)
    with_entry, without = in_turns(
        rounds,
        lambda: timed(lambda: browsers[0].get(path)),
        lambda: timed(lambda: browsers[1].get(path)),
    )
    for browser in browsers:
        browser.close()
    whole, bare = middle(with_entry), middle(without)
    detail = f"one browser, {rounds} views of each in turns, median: {ms(whole)} with the entry durable first, {ms(bare)} without"
    tell(name, (whole - bare) / whole, target=SHARE_AIM, better="lower", detail=detail)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("database", nargs="*", help=f"of {', '.join(DATABASES)}: both")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--views", type=int, default=150)
    given = parser.parse_args()
    for name in given.database or DATABASES:
        if name == "postgresql" and find_binaries() is None:
            progress("ledger: PostgreSQL's binaries are not on this machine")
            continue
        with database(name) as url, bench(url) as made:
            views(made, name, url, given.views)
            appends(made, name, given.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
