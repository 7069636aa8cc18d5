"""Finds a pip: the interpreter's own, the wheel that ensurepip carries, else one pinned wheel from the index."""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

from hub.setup.fetch import Pin, fetch, fetch_pinned
from hub.setup.interpreter import base_interpreter
from hub.setup.place import Say
from hub.setup.problems import SetupProblem
from hub.setup.registries import python_index

WHEEL = "pip-26.3-py3-none-any.whl"
WHEEL_PIN = Pin(algorithm="sha256", digest="f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13")


def find_pip(scratch: Path, environ: Mapping[str, str], say: Say) -> list[str]:
    """The command that runs pip, apart from the person's own packages; a fetched wheel goes into `scratch`."""
    for command in (*_own_pips(), *_bundled_pips()):
        if _works(command):
            return command
    say("This Python has no pip: fetching one ...")
    return _fetched_pip(scratch, environ)


def _own_pips() -> list[list[str]]:
    """Ours first; in a virtual environment that has none, the one of the Python under it."""
    return [
        [python, "-I", "-m", "pip"] for python in dict.fromkeys((sys.executable, str(base_interpreter())))
    ]


def _bundled_pips() -> list[list[str]]:
    found = importlib.util.find_spec("ensurepip")
    if found is None or not found.origin:
        return []
    wheels = sorted((Path(found.origin).parent / "_bundled").glob("pip-*.whl"))
    return [_run_wheel(wheel) for wheel in wheels]


def _fetched_pip(scratch: Path, environ: Mapping[str, str]) -> list[str]:
    wheel = scratch / WHEEL
    wheel.write_bytes(fetch_pinned(_wheel_address(environ), WHEEL_PIN))
    return _run_wheel(wheel)


def _wheel_address(environ: Mapping[str, str]) -> str:
    page = urljoin(python_index(environ), "pip/")
    links = re.findall(r'href="([^"]+)"', fetch(page).decode("utf-8", "replace"))
    wanted = [link for link in map(unescape, links) if link.split("#")[0].endswith(f"/{WHEEL}")]
    if not wanted:
        raise SetupProblem(
            f"{page} does not offer {WHEEL}: install pip with your system's package manager, then try again."
        )
    return urljoin(page, wanted[0].split("#")[0])


def _run_wheel(wheel: Path) -> list[str]:
    return [sys.executable, "-I", f"{wheel}/pip"]


def _works(command: list[str]) -> bool:
    answer = subprocess.run([*command, "--version"], capture_output=True, check=False)
    return answer.returncode == 0
