"""Measure, and print one JSON line for each figure; progress goes to standard error.

    python3 -m hub bench              all
    python3 -m hub bench download     only that; several names may be given

Each figure is held against something real in the same run; a missed target is reported and is no error.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable

from bench import downloads, idle, pages, uploads
from bench.area import Bench, bench
from bench.lines import progress
from bench.serving import SOURCE, environ

OWN: dict[str, Callable[[Bench], None]] = {
    "download": downloads.download,
    "case-page": pages.case_page,
    "upload": uploads.upload,
    "logged": pages.logged,
    "memory": idle.idle,
    "start": idle.start,
}
PROGRAMS = {
    "storage": ["bench/storage.py"],
    "stores": ["bench/stores.py"],
    "backup": ["bench/backup.py"],
    "search": ["bench/search.py", "--cases", "400", "--queries", "60"],
    "governance": ["bench/governance.py"],
    "ledger": ["bench/ledger.py"],
    "verifier": ["bench/verifier.py"],
}


def main(words: list[str]) -> int:
    names = _asked(words)
    own = [name for name in OWN if name in names]
    ends: list[int] = []
    if own:
        with bench() as made:
            ends += [_figure(name, made) for name in own]
    ends += [_program(name) for name in PROGRAMS if name in names]
    return max(ends, default=0)


def _figure(name: str, made: Bench) -> int:
    """0, or 1 when it could not be measured: the others still are."""
    try:
        OWN[name](made)
    except (OSError, RuntimeError) as error:
        progress(f"{name} could not be measured: {error}")
        return 1
    return 0


def _asked(words: list[str]) -> list[str]:
    parser = argparse.ArgumentParser(
        prog="python3 -m hub bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = [*OWN, *PROGRAMS]
    parser.add_argument("name", nargs="*", help=f"what to measure: {', '.join(every)}")
    names: list[str] = parser.parse_args(words).name or every
    unknown = [name for name in names if name not in every]
    if unknown:
        parser.error(f"there is no figure named {unknown[0]!r}; there are {', '.join(every)}")
    return names


def _program(name: str) -> int:
    """A measurement that stands alone; its lines are passed through. 0 or 1."""
    progress(f"{name} ...")
    command = [sys.executable, *PROGRAMS[name]]
    sys.stdout.flush()
    return int(subprocess.run(command, cwd=SOURCE, env=environ(SOURCE / "var"), check=False).returncode != 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
