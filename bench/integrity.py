"""Checking a whole store, and starting again after kill -9, with many documents: JSON lines from one run.

python3 bench/integrity.py [--documents N]

The home lies below the temporary folder (TMPDIR). The bare loop beside the check reads each file of the store once and hashes it.
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.area import Bench, bench
from bench.lines import progress, tell, timed
from bench.serving import SOURCE, environ, free_port, wait_for

EACH = 500
"""Documents of one case."""
FEW = 10
"""The share of the documents that is checked first, to see what more of them cost in memory: a tenth."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--deep", action="store_true", help="also with every segment opened")
    given = parser.parse_args()
    wanted, ways = given.documents, ["quick", "shallow"] + ["deep"] * given.deep
    with bench() as made:
        fill(made, wanted // FEW)
        _, before = check(made.home, "--quick")
        fill(made, wanted - wanted // FEW)
        checks(made, ways, before)
        start(made.home, wanted)


def fill(made: Bench, documents: int) -> None:
    for done in range(0, documents, EACH):
        made.fill_case([os.urandom(500) for _ in range(min(EACH, documents - done))])
        if done % 10_000 == 0:
            progress(f"{done:,} of {documents:,} documents made")


def checks(made: Bench, ways: list[str], before: float) -> None:
    bare = timed(lambda: hash_all(made.home / "objects"))
    for name in ways:
        said, peak = check(made.home, *([] if name == "shallow" else [f"--{name}"]))
        seconds, objects = said["seconds"], said["objects"]
        detail = f"{objects:,} objects of {said['cases']:,} cases in {seconds:.0f} s; each file read and hashed in a bare loop {bare:.0f} s"
        tell(f"integrity.{name}_of_bare_loop", seconds / bare, target=10, better="lower", detail=detail)
        detail = f"peak of {peak:.0f} MiB; with a tenth of the objects {before:.0f} MiB (--quick)"
        tell(f"integrity.{name}_memory", peak / before, target=1.2, better="lower", detail=detail)


def check(home: Path, *words: str) -> tuple[dict[str, Any], float]:
    """What `vault check --json` says, and the peak of its process's memory in MiB; RuntimeError where it finds anything."""
    command = [sys.executable, "-m", "hub", "vault", "check", "--json", *words]
    with subprocess.Popen(command, cwd=SOURCE, env=environ(home), stdout=subprocess.PIPE) as process:
        told = process.stdout.read() if process.stdout else b""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"the check ended with {process.returncode}")
    said: dict[str, Any] = json.loads(told[told.index(b"{") :])
    if said["findings"]:
        raise RuntimeError(f"the check found {len(said['findings'])} faults in what nobody harmed")
    return said, used.ru_maxrss / 1024


def hash_all(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            hashlib.sha256(file.read_bytes()).hexdigest()


def start(home: Path, documents: int) -> None:
    """The second start is measured: the first one was killed, all its processes at once, while it served."""
    port = free_port()
    command = [sys.executable, "-m", "hub.serve", "--no-demo", "--port", str(port)]
    seconds = []
    for _ in range(2):
        with subprocess.Popen(
            command, cwd=SOURCE, env=environ(home), stdout=subprocess.DEVNULL, start_new_session=True
        ) as process:
            seconds.append(timed(lambda process=process: wait_for(port, "/readyz", process)))
            time.sleep(1)
            os.killpg(process.pid, signal.SIGKILL)
    detail = f"seconds to a green /readyz after kill -9, {documents:,} documents; the start before {seconds[0]:.1f} s"
    tell("integrity.start_after_kill", seconds[1], target=30, better="lower", detail=detail)


if __name__ == "__main__":
    main()
