"""Installs the pinned packages of a lock file into a folder of their own, by their hashes and as ready-made wheels.

Nothing is resolved or built here: the lock names every package, so pip is told not to look for more.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from hub.setup.interpreter import LIBRARY, base_interpreter, make_isolated
from hub.setup.pip import find_pip
from hub.setup.place import Say, make_once
from hub.setup.problems import SetupProblem, disk_full

OPTIONS = (
    "--require-hashes", "--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check",
    "--progress-bar=off", "--no-color", "--no-warn-script-location", "--root-user-action=ignore",
)  # fmt: skip
UNWANTED = (
    "PIP_USER",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_CONSTRAINT",
    "PIP_REQUIREMENT",
    "PIP_NO_BINARY",
    "PIP_QUIET",
)
"""Settings of pip that would put packages elsewhere, or take others than the lock's."""
SAY_EACH = 10


def runtime_packages(place: Path, source: Path, environ: Mapping[str, str], say: Say) -> Path:
    """The folder of what the hub needs, an isolated interpreter included; does nothing when it stands."""
    lock = (source / "requirements.txt").read_text("utf-8")
    installer = _Installer(lock=lock, environ=environ, say=say)
    return make_once(place, f"run-{_key(lock)}", installer.fill, say)


def packages_for_tests(place: Path, source: Path, environ: Mapping[str, str], say: Say) -> Path:
    """The folder of what only the tests need, beside the other one."""
    runtime = (source / "requirements.txt").read_text("utf-8")
    lock = without((source / "requirements-dev.txt").read_text("utf-8"), names(runtime))
    installer = _Installer(lock=lock, environ=environ, say=say)
    return make_once(place, f"dev-{_key(lock)}", installer.fill, say)


def runtime_folder(place: Path, source: Path) -> Path:
    """Where `runtime_packages` would put them."""
    return place / f"run-{_key((source / 'requirements.txt').read_text('utf-8'))}"


def names(lock: str) -> set[str]:
    return set(re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE))


def without(lock: str, unwanted: set[str]) -> str:
    """The lock file less some packages, each with the lines of its hashes."""
    blocks = re.split(r"^(?=[A-Za-z0-9._-]+==)", lock, flags=re.MULTILINE)
    return "".join(block for block in blocks if not names(block) & unwanted)


def _key(lock: str) -> str:
    parts = (
        lock,
        sys.implementation.cache_tag or sys.version,
        sysconfig.get_platform(),
        str(base_interpreter()),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


class _Installer:
    def __init__(self, *, lock: str, environ: Mapping[str, str], say: Say) -> None:
        self._lock, self._environ, self._say = lock, environ, say

    def fill(self, folder: Path) -> None:
        make_isolated(folder)
        scratch = folder / ".setup"
        scratch.mkdir()
        wanted = scratch / "requirements.txt"
        wanted.write_text(self._lock, "utf-8")
        pip = find_pip(scratch, self._environ, self._say)
        command = [*pip, "install", *OPTIONS, "--target", str(folder / LIBRARY), "-r", str(wanted)]
        self._say(
            f"Installing {len(names(self._lock))} packages; the first time this takes a minute or two ..."
        )
        self._run(command, folder)
        shutil.rmtree(scratch)

    def _run(self, command: list[str], folder: Path) -> None:
        running = subprocess.Popen(
            command, env=pip_environment(self._environ, folder), text=True, errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        with running:
            told = self._follow(running)
        if running.returncode != 0:
            raise pip_problem("\n".join(told), folder)
        self._say("  installed")

    def _follow(self, running: subprocess.Popen[str]) -> list[str]:
        told, seen, total = [], 0, len(names(self._lock))
        for line in running.stdout or ():
            told.append(line.rstrip())
            if line.startswith(("Collecting ", "Processing ")):
                seen += 1
                if seen % SAY_EACH == 0:
                    self._say(f"  {seen} of {total} packages fetched")
        return told


def pip_environment(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The person's settings of pip (index, proxy, certificates), less those that would lead elsewhere."""
    kept = {name: value for name, value in environ.items() if name not in UNWANTED}
    kept |= {
        "PIP_USER": "0",
        "PIP_REQUIRE_VIRTUALENV": "0",
        "TMPDIR": str(folder / ".setup"),
        "LC_ALL": "C.UTF-8",
    }
    kept.setdefault("PIP_RETRIES", "2")
    certificates = environ.get("SSL_CERT_FILE")
    if certificates and not environ.get("REQUESTS_CA_BUNDLE"):
        kept.setdefault("PIP_CERT", certificates)
    return kept


def pip_problem(told: str, folder: Path) -> SetupProblem:
    """One sentence out of pip's many."""
    if re.search(r"No space left on device|Disk quota exceeded", told):
        return disk_full(folder.parent)
    if "DO NOT MATCH THE HASHES" in told:
        return SetupProblem(
            f"{_first(r'^ +(.*==.*?) from ', told) or 'A package'} is not the file that the hub was checked with, so nothing "
            "was installed: look for a proxy or mirror that changes files, then try again."
        )
    package = _first(r"(?:satisfies the requirement|distribution found for) (\S+)", told) or "A package"
    if re.search(
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|Could not find a suitable TLS CA", told
    ):
        return SetupProblem(
            f"{package} could not be fetched because the index's certificate cannot be checked: install the ca-certificates "
            "package, or set SSL_CERT_FILE to your organisation's certificates."
        )
    if re.search(r"Retrying \(|ConnectionError|Max retries|Connection (?:refused|reset)|timed out", told):
        return SetupProblem(
            f"{package} could not be fetched: check the network, or set HTTPS_PROXY if this machine needs a proxy."
        )
    return _other_problem(told, package)


def _other_problem(told: str, package: str) -> SetupProblem:
    if "No matching distribution" in told or "satisfies the requirement" in told:
        version = ".".join(map(str, sys.version_info[:2]))
        return SetupProblem(
            f"{package} is not offered ready-made for Python {version} on {sysconfig.get_platform()}: "
            "start the hub with Python 3.11, or check PIP_INDEX_URL."
        )
    last = _first(r"^ERROR: (.+)$", told) or (told.strip().splitlines() or ["no reason given"])[-1]
    return SetupProblem(f"The packages could not be installed: {last}")


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1) if found else ""
