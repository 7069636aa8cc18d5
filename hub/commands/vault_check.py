"""`python3 -m hub vault check`: everything that is stored, held against what the rows say of it."""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from hub.access.actor import program
from hub.commands.base import services
from hub.commands.install import areas
from hub.integrity.findings import Depth, Finding
from hub.integrity.orphans import Orphans
from hub.integrity.repair import index_again
from hub.integrity.service import Check
from hub.ledger.events import CommandRun
from hub.services import Services

WIDTH = 30


def add_check(what: Any) -> None:
    """Declare the command; `what` are argparse's subparsers of `vault`."""
    checked = what.add_parser("check", help="every row has its object, every object is as it was sealed")
    how = checked.add_mutually_exclusive_group()
    how.add_argument("--quick", dest="depth", action="store_const", const=Depth.QUICK, help="sizes alone")
    how.add_argument(
        "--deep", dest="depth", action="store_const", const=Depth.DEEP, help="open every segment, on record"
    )
    checked.add_argument("--repair", action="store_true", help="sweep what nothing names; index again")
    checked.add_argument("--json", action="store_true")
    checked.set_defaults(run=_run, depth=Depth.SHALLOW)


def _run(given: argparse.Namespace) -> int:
    hub = services()
    said = f"vault check {given.depth}{' repair' if given.repair else ''}"
    for area in areas(hub.db):
        hub.db.record(program(area.id), CommandRun(command=said))
    progress, begun = _Progress(), time.monotonic()
    check = Check(hub.db, hub.vaults, depth=given.depth, progress=progress)
    orphans = Orphans(hub.db, hub.clock, hub.vaults.store, hub.config.home)
    found: list[Finding] = []
    for finding in _findings(hub, check, orphans, repair=given.repair):
        found.append(finding)
        if not given.json:
            progress.clear()
            print(finding.sentence)
    progress.clear()
    seconds = time.monotonic() - begun
    bad = sum(finding.bad for finding in found)
    if given.json:
        print(json.dumps(_as_json(check, orphans, found, seconds), indent=1))
    else:
        print(_told(check, orphans, found, seconds))
    return 1 if bad else 0


def _findings(hub: Services, check: Check, orphans: Orphans, *, repair: bool) -> Iterator[Finding]:
    for finding in check.findings():
        yield index_again(hub.db, finding) if repair else finding
    yield from orphans.look(repair=repair)


def _as_json(check: Check, orphans: Orphans, found: list[Finding], seconds: float) -> dict[str, Any]:
    counts = asdict(check.counts)
    listed = [asdict(finding) | {"sentence": finding.sentence, "bad": finding.bad} for finding in found]
    swept = {"stored": orphans.stored, "swept": orphans.swept, "temporaries_removed": orphans.temporaries}
    return {**counts, **swept, "seconds": round(seconds, 2), "findings": listed}


def _told(check: Check, orphans: Orphans, found: list[Finding], seconds: float) -> str:
    counts, bad = check.counts, sum(finding.bad for finding in found)
    whole = "everything is as it should be" if not bad else f"{bad} findings need somebody"
    swept = f", {orphans.swept} orphans and {orphans.temporaries} left-overs removed"
    return (
        f"{counts.objects:,} objects of {counts.cases:,} cases ({counts.bytes:,} bytes) in {seconds:.0f} s: {whole}; "
        f"{len(found) - bad} left by uploads that did not end{swept}."
    )


class _Progress:
    """A bar where standard error is a terminal; elsewhere a line for each tenth."""

    def __init__(self) -> None:
        self._bar, self._tenths = sys.stderr.isatty(), 0

    def __call__(self, done: int, of: int) -> None:
        share = done / of if of else 1.0
        if self._bar:
            filled = round(share * WIDTH)
            bar = "#" * filled + "." * (WIDTH - filled)
            print(f"\r[{bar}] {done:,} of {of:,} objects", end="", file=sys.stderr, flush=True)
        elif int(share * 10) > self._tenths:
            self._tenths = int(share * 10)
            print(f"{done:,} of {of:,} objects", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._bar:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
