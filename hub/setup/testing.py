"""What the tests need beside packages: a browser and PostgreSQL's programs, found or installed; then pytest."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from hub.setup.handover import SOURCE, Ready
from hub.setup.place import Say

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APT_TIMEOUT = FETCH_TIMEOUT = 600
ASK_TIMEOUT = 60
"""Seconds."""
OPTIONS = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", "--timeout", "300")
"""Two workers, a file's tests together in the order of tests/conftest.py, none for ever; `-n 0` or `--timeout 0` among
the words wins.
"""
OWN_BROWSER = (
    "from playwright.sync_api import sync_playwright as p\nwith p() as q: print(q.chromium.executable_path)"
)


def run_tests(ready: Ready, words: list[str], say: Say) -> int:
    """The exit code of pytest; without a browser the tests that need one skip, and where CI is set that is a failure."""
    browser = find_browser(ready, say)
    postgres = find_postgres(ready.environ, say)
    found = {"HUB_TEST_BROWSER": browser, "HUB_TEST_PG_BIN": postgres}
    ready = ready.knowing(**{name: value for name, value in found.items() if value})
    command = ready.command("-m", "pytest", *OPTIONS, *words)
    end = subprocess.run(command, cwd=SOURCE, env=ready.environ, check=False).returncode
    for line in missing(browser=browser, postgres=postgres):
        say(line)
    return end or int(not browser and in_ci(ready.environ))


def missing(*, browser: str, postgres: str) -> list[str]:
    """A sentence for each thing that the tests had to do without."""
    told = []
    if not postgres:
        told.append(
            "No PostgreSQL was found, so its tests were left out: install the postgresql package to run them."
        )
    if not browser:
        told.append(
            "No browser could be had, so the browser tests were left out: install Chromium to run them."
        )
    return told


def in_ci(environ: Mapping[str, str]) -> bool:
    return environ.get("CI", "").lower() not in {"", "0", "false"}


def find_browser(ready: Ready, say: Say) -> str:
    """Path of a Chromium that starts: named, the system's, Playwright's own, or Debian's package; else nothing."""
    named = [ready.environ[name] for name in ("HUB_TEST_BROWSER",) if ready.environ.get(name)]
    return (
        _first_that_runs([*named, *_on_path(BROWSERS)])
        or _playwrights(ready, say)
        or _debians(ready.environ, say)
    )


def _playwrights(ready: Ready, say: Say) -> str:
    asked = _told(ready.command("-c", OWN_BROWSER), ready.environ)
    if not _first_that_runs([asked]):
        say("No Chromium here: fetching Playwright's own ...")
        _try(ready.command("-m", "playwright", "install", "chromium"), ready.environ, FETCH_TIMEOUT, say)
    return _first_that_runs([asked])


def _debians(environ: Mapping[str, str], say: Say) -> str:
    apt_install("chromium", environ, say)
    return _first_that_runs(_on_path(BROWSERS))


def find_postgres(environ: Mapping[str, str], say: Say) -> str:
    """Folder of `initdb` and `postgres`; in CI, as root on Debian, the package is installed if need be."""
    found = postgres_folder(environ)
    if not found and in_ci(environ):
        apt_install("postgresql", environ, say)
        found = postgres_folder(environ)
    return found


def postgres_folder(environ: Mapping[str, str]) -> str:
    """Folder of `initdb` and `postgres`: HUB_TEST_PG_BIN, Debian's newest, or one on the PATH; else nothing."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    on_path = [Path(part) for part in environ.get("PATH", "").split(os.pathsep) if part]
    named = [Path(environ["HUB_TEST_PG_BIN"])] if environ.get("HUB_TEST_PG_BIN") else []
    whole = (folder for folder in (*named, *versions, *on_path) if _has_postgres(folder))
    return str(next(whole, ""))


def _version(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdigit() else 0


def _has_postgres(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("initdb", "postgres"))


def apt_install(package: str, environ: Mapping[str, str], say: Say) -> None:
    """Debian's package, when root and apt-get is there; what comes of it is for the caller to see."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    say(f"Installing Debian's {package} ...")
    quiet = {**environ, "DEBIAN_FRONTEND": "noninteractive"}
    _try(["apt-get", "update", "-q"], quiet, APT_TIMEOUT, say)
    _try(["apt-get", "install", "-q", "-y", "--no-install-recommends", package], quiet, APT_TIMEOUT, say)


def _on_path(names: Iterable[str]) -> list[str]:
    return [path for path in map(shutil.which, names) if path]


def _first_that_runs(paths: Iterable[str]) -> str:
    return next(
        (path for path in paths if path and Path(path).is_file() and _told([path, "--version"], os.environ)),
        "",
    )


def _told(command: list[str], environ: Mapping[str, str]) -> str:
    try:
        end = subprocess.run(
            command, env=environ, text=True, capture_output=True, timeout=ASK_TIMEOUT, check=False, cwd=SOURCE
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return end.stdout.strip() if end.returncode == 0 else ""


def _try(command: list[str], environ: Mapping[str, str], limit: int, say: Say) -> None:
    quiet = subprocess.DEVNULL
    try:
        end = subprocess.run(command, env=environ, stdout=quiet, stderr=quiet, timeout=limit, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        say(f"  that did not work: {error}")
    else:
        if end.returncode != 0:
            say(f"  that did not work: {' '.join(command)} ended with {end.returncode}")
