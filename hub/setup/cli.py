"""What `python3 -m hub` does with its words, before the environment stands."""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable

from hub.setup.checks import check_port
from hub.setup.handover import SOURCE, Ready, ready_to_run, ready_to_test
from hub.setup.packages import runtime_folder
from hub.setup.place import home_of
from hub.setup.problems import USAGE, SetupProblem
from hub.setup.testing import run_tests

Words = list[str]
PROGRAM = "python3 -m hub"


def main(words: Words) -> int:
    """The exit code: 0, 1 when something failed (one sentence on standard error), 2 when asked wrongly."""
    try:
        return _run(words)
    except SetupProblem as problem:
        say_wrong(problem.sentence)
        return problem.code
    except KeyboardInterrupt:
        say_wrong("Stopped.")
        return 130


def _run(words: Words) -> int:
    if words[:1] in (["--help"], ["-h"], ["help"]):
        return show_help()
    first = words[0] if words and not words[0].startswith("-") else "run"
    rest = words[1:] if words[:1] == [first] else words
    if first in COMMANDS:
        return COMMANDS[first][1](rest)
    return _delegate([first, *rest])


def run(words: Words) -> int:
    options = _run_options(words)
    check_port(options.host, options.port)
    ready = ready_to_run(os.environ, say)
    arguments = ["-m", "hub.serve", "--host", options.host, "--port", str(options.port)]
    ready.replace_process([*arguments, *(["--no-demo"] if options.no_demo else [])])
    return 0


def _run_options(words: Words) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"{PROGRAM} run", description=COMMANDS["run"][0])
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8080, help="port to listen on (8080)")
    parser.add_argument("--no-demo", action="store_true", help="load no demo data into an empty HUB_HOME")
    return parser.parse_args(words)


def test(words: Words) -> int:
    return run_tests(_to_test(), words, say)


def faults(words: Words) -> int:
    return run_tests(_to_test().knowing(HUB_TEST_FAULTS="long"), ["-m", "faults", *words], say)


def bench(words: Words) -> int:
    _to_test().replace_process(["-m", "bench", *words])
    return 0


def lint(words: Words) -> int:
    """Every check is run, whichever fails; a folder named in `words` narrows the first two."""
    ready, folders = _to_test(), words or ["."]
    checks = (
        ["-m", "ruff", "check", *folders],
        ["-m", "ruff", "format", "--check", *folders],
        ["-m", "mypy", *(["-p", "hub", "-p", "storage"])],
    )
    ends = [
        subprocess.run(ready.command(*check), cwd=SOURCE, env=ready.environ, check=False) for check in checks
    ]
    return int(any(end.returncode for end in ends))


def show_help() -> int:
    rows = {name: summary for name, (summary, _) in COMMANDS.items()} | _other_commands()
    print(f"usage: {PROGRAM} [command] [options]\n\nWithout a command: run. Each takes --help.\n")
    for name, summary in rows.items():
        print(f"  {name:<12} {summary}")
    print("\nHUB_HOME (./var) holds everything the hub writes.")
    return 0


def _other_commands() -> dict[str, str]:
    """The product's own commands; they can be asked only when the environment stands."""
    if not runtime_folder(home_of(os.environ) / "env", SOURCE).is_dir():
        print("(The first start makes the environment; then this list has more.)\n")
        return {}
    ready = ready_to_run(os.environ, say)
    command = ready.command("-m", "hub.setup.delegate", "--list")
    told = subprocess.run(command, env=ready.environ, text=True, stdout=subprocess.PIPE, check=False).stdout
    return dict(line.split("\t", 1) for line in told.splitlines() if "\t" in line)


def _delegate(words: Words) -> int:
    if not words[0].replace("-", "").isalnum():
        raise SetupProblem(f"{words[0]!r} is no command: see {PROGRAM} --help.", USAGE)
    ready_to_run(os.environ, say).replace_process(["-m", "hub.setup.delegate", *words])
    return 0


def _to_test() -> Ready:
    return ready_to_test(os.environ, say)


def say(line: str) -> None:
    print(line, flush=True)


def say_wrong(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


COMMANDS: dict[str, tuple[str, Callable[[Words], int]]] = {
    "run": ("serve the hub: environment, database, keys, demo data, then the web server", run),
    "test": ("run all tests, a browser included; further words go to pytest", test),
    "bench": ("measure, and print one JSON line for each figure", bench),
    "lint": ("check the code: ruff, its formatter, mypy", lint),
    "faults": ("run the long fault tests, which kill real processes", faults),
}
