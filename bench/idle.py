"""What the hub takes when nobody asks anything: memory, and the seconds of a second start."""

import os
import sys
import time
from pathlib import Path

from bench.area import Bench
from bench.client import Browser
from bench.lines import middle, progress, tell
from bench.serving import SOURCE, environ, free_port, hub, memory, running, wait_for
from bench.uploads import pdf, until_found

SETTLE = 3.0
ROUNDS = 5


def idle(bench: Bench) -> None:
    progress("memory: a hub that has shown pages and prepared a document ...")
    case = bench.case_of(5)
    with hub(bench.home) as (port, process):
        fresh = sum(memory(process).values())
        _use(bench, port, case)
        time.sleep(SETTLE)
        readings = []
        for _ in range(ROUNDS):
            found = memory(process)
            readings.append(sum(found.values()))
            time.sleep(0.2)
    each = ", ".join(f"{name.split(' ', 1)[1]} {size:.0f}" for name, size in found.items())
    detail = (
        f"MiB, PSS of all {len(found)} processes after pages, a search and a prepared document ({each}); "
        f"just started {fresh:.0f}"
    )
    tell("memory_idle_mib", middle(readings), target=250, better="lower", detail=detail)


def _use(bench: Bench, port: int, case: str) -> None:
    for _ in range(8):
        browser = Browser(port=port, cookies=bench.cookies)
        browser.get(f"/cases/{case}")
        browser.get("/search/?q=invented")
        browser.close()
    word = f"idlefen{os.getpid()}"
    until_found(Browser(port=port, cookies=bench.cookies), bench, case, word, pdf(word))


def start(bench: Bench) -> None:
    progress("second start: python3 -m hub to the first page ...")
    environment = Path(os.environ.get("HUB_HOME", "var")).absolute() / "env"
    if not environment.is_dir():
        progress("second start: left out, for the environment does not stand; use `python3 -m hub bench`.")
        return
    home = bench.folder / "started"
    home.mkdir()
    (home / "env").symlink_to(environment)
    taken = [_start(home) for _ in range(ROUNDS + 1)][1:]
    detail = f"seconds from `python3 -m hub --no-demo` to the sign-in page, {ROUNDS} starts after the first"
    tell("second_start_seconds", middle(taken), target=3, better="lower", detail=detail)


def _start(home: Path) -> float:
    port = free_port()
    base = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
    command = [base, "-m", "hub", "--no-demo", "--port", str(port)]
    began = time.perf_counter()
    with running(command, environ(home, PYTHONPATH=str(SOURCE))) as process:
        wait_for(port, "/sign-in", process)
        return time.perf_counter() - began
