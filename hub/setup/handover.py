"""Hands over from set-up to the product: the same Python, seeing the environment's packages and no others."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hub.setup.assets import files_for_tests, front_end
from hub.setup.interpreter import LIBRARY, isolated
from hub.setup.packages import packages_for_tests, runtime_packages
from hub.setup.place import Say, home_of, make_home

SOURCE = Path(__file__).resolve().parents[2]
"""The folder that holds `hub`, `config.py` and the requirements."""

PRIVATE = 0o077
OF_THE_PERSON = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONWARNINGS",
    "PYTHONOPTIMIZE",
    "PYTHONDONTWRITEBYTECODE",
    "PYTEST_ADDOPTS",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """An environment that stands; `environ` is what the product's process is to see."""

    python: str
    environ: dict[str, str]

    def command(self, *arguments: str) -> list[str]:
        return [self.python, *arguments]

    def knowing(self, **settings: str) -> "Ready":
        """The same with further environment variables."""
        return replace(self, environ=self.environ | settings)

    def replace_process(self, arguments: Sequence[str]) -> None:
        """Become the product: the same process id, so signals reach it; does not return.

        What it writes is for its owner alone.
        """
        os.umask(PRIVATE)
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(self.python, self.command(*arguments), self.environ)  # noqa: S606 - no shell is wanted


def ready_to_run(environ: Mapping[str, str], say: Say) -> Ready:
    """The environment of the hub itself, made where it does not stand."""
    home = home_of(environ)
    place = make_home(home)
    packages = runtime_packages(place, SOURCE, environ, say)
    assets = front_end(place, environ, say)
    kept = with_path(environ, [packages / LIBRARY, SOURCE])
    return Ready(python=isolated(packages), environ=kept | {"HUB_HOME": str(home), "HUB_ASSETS": str(assets)})


def ready_to_test(environ: Mapping[str, str], say: Say) -> Ready:
    """The same with the tools of the tests behind it."""
    ready = ready_to_run(environ, say)
    place = make_home(home_of(environ))
    tools = packages_for_tests(place, SOURCE, environ, say)
    axe = files_for_tests(place, environ, say) / "axe.min.js"
    path = os.pathsep.join((ready.environ["PYTHONPATH"], str(tools / LIBRARY)))
    return ready.knowing(PYTHONPATH=path, HUB_TEST_AXE=str(axe))


def with_path(environ: Mapping[str, str], folders: Sequence[Path]) -> dict[str, str]:
    """These folders before any other, in child processes too; the person's own PYTHON* settings end here."""
    kept = {name: value for name, value in environ.items() if name not in OF_THE_PERSON}
    return kept | {"PYTHONPATH": os.pathsep.join(map(str, folders)), "PYTHONNOUSERSITE": "1"}
