import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hub.setup.handover import Ready, with_path
from hub.setup.interpreter import LIBRARY, isolated
from hub.setup.packages import (
    names,
    packages_for_tests,
    pip_environment,
    pip_problem,
    runtime_packages,
    without,
)
from hub.setup.pip import find_pip
from hub.setup.problems import SetupProblem

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def _pip(tmp_path_factory):
    """These tests install with a real pip; without a network they cannot fetch one."""
    try:
        find_pip(tmp_path_factory.mktemp("pip"), {"PIP_INDEX_URL": "http://127.0.0.1:9/"}, print)
    except SetupProblem:
        pytest.skip("this Python carries no pip")


def wheel(folder, name, version, text="here = True\n"):
    """A wheel of one module, offered in `folder` as an index does; its line in a lock file."""
    place = folder / "simple" / name
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(f"{name}.py", text)
        packed.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        packed.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        packed.writestr(f"{info}/RECORD", "")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (place / "index.html").write_text(f'<a href="{path.name}#sha256={digest}">{path.name}</a>')
    return f"{name}=={version} \\\n    --hash=sha256:{digest}\n    # via -r requirements.in\n"


class Project:
    def __init__(self, folder, address):
        self.registry, self.source, self.place = folder, folder.parent / "source", folder.parent / "env"
        self.source.mkdir()
        self.place.mkdir()
        self.said = []
        plain = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        self.environ = plain | {
            "PIP_INDEX_URL": f"{address}simple/",
            "PIP_RETRIES": "0",
            "PIP_CONFIG_FILE": os.devnull,
        }

    def lock(self, runtime, dev=""):
        (self.source / "requirements.txt").write_text(runtime)
        (self.source / "requirements-dev.txt").write_text(dev)

    def install(self):
        return runtime_packages(self.place, self.source, self.environ, self.said.append)

    def install_tools(self):
        return packages_for_tests(self.place, self.source, self.environ, self.said.append)

    def left(self):
        return sorted(path.name for path in self.place.iterdir())


@pytest.fixture
def project(registry):
    return Project(*registry)


def test_the_pinned_package_is_there_for_an_interpreter_that_sees_no_other(project):
    project.lock(wheel(project.registry, "fenpack", "1.0"))

    folder = project.install()

    ready = Ready(python=isolated(folder), environ=with_path(os.environ, [folder / LIBRARY]))
    code = "import sys, json, fenpack, importlib.util as u; print(json.dumps([fenpack.here, sys.prefix, sys.path]))"
    told = subprocess.run(
        ready.command("-c", code), env=ready.environ, capture_output=True, text=True, check=True
    ).stdout
    here, prefix, path = json.loads(told)
    assert here is True
    assert Path(prefix) == folder
    outside = [part for part in path if "-packages" in part and not part.startswith(str(folder))]
    assert outside == []


def test_a_second_start_does_nothing(project):
    project.lock(wheel(project.registry, "fenpack", "1.0"))
    first = project.install()
    said = list(project.said)
    project.environ["PIP_INDEX_URL"] = "http://127.0.0.1:9/"

    assert project.install() == first
    assert project.said == said


def test_another_lock_gets_a_folder_of_its_own(project):
    project.lock(wheel(project.registry, "fenpack", "1.0"))
    first = project.install()
    project.lock(wheel(project.registry, "fenpack", "1.1"))

    second = project.install()

    assert first != second
    assert first.is_dir()
    assert (second / LIBRARY / "fenpack-1.1.dist-info").is_dir()


def test_a_package_that_is_not_the_locked_one_is_refused(project):
    project.lock(wheel(project.registry, "fenpack", "1.0"))
    wheel(project.registry, "fenpack", "1.0", text="import evil\n")

    with pytest.raises(
        SetupProblem, match="not the file that the hub was checked with, so nothing was installed"
    ) as told:
        project.install()

    assert "fenpack" in told.value.sentence
    assert project.left() == ["lock"]


def test_a_package_that_the_index_lacks_is_named(project):
    project.lock("absent==1.0 --hash=sha256:" + "0" * 64 + "\n")

    with pytest.raises(SetupProblem, match=r"absent==1\.0 is not offered ready-made for Python 3"):
        project.install()


def test_without_a_network_the_package_is_named_with_what_to_do(project, unused_port):
    project.lock(wheel(project.registry, "fenpack", "1.0"))
    project.environ |= {"PIP_INDEX_URL": f"http://127.0.0.1:{unused_port}/", "PIP_RETRIES": "1"}

    with pytest.raises(
        SetupProblem, match=r"fenpack==1\.0 could not be fetched: check the network, or set HTTPS_PROXY"
    ):
        project.install()

    assert project.left() == ["lock"]


def test_settings_of_pip_that_lead_elsewhere_are_ignored(project, tmp_path):
    project.lock(wheel(project.registry, "fenpack", "1.0"))
    project.environ |= {"PIP_USER": "1", "PIP_PREFIX": str(tmp_path / "away"), "PIP_REQUIRE_VIRTUALENV": "1"}

    folder = project.install()

    assert (folder / LIBRARY / "fenpack.py").is_file()
    assert not (tmp_path / "away").exists()


def test_tools_of_the_tests_stand_beside_and_repeat_nothing(project):
    shared = wheel(project.registry, "fenpack", "1.0")
    project.lock(shared, shared + wheel(project.registry, "fentool", "2.0"))

    tools = project.install_tools()

    assert (tools / LIBRARY / "fentool.py").is_file()
    assert not (tools / LIBRARY / "fenpack.py").exists()


def test_pip_believes_the_certificates_that_the_system_was_told_of(tmp_path):
    assert pip_environment({"SSL_CERT_FILE": "/a.pem"}, tmp_path)["PIP_CERT"] == "/a.pem"
    assert (
        pip_environment({"SSL_CERT_FILE": "/a.pem", "PIP_CERT": "/b.pem"}, tmp_path)["PIP_CERT"] == "/b.pem"
    )
    assert "PIP_CERT" not in pip_environment({}, tmp_path)


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "The disk under",
        ),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]'", "set SSL_CERT_FILE"),
        ("WARNING: Retrying (Retry(total=0)) after connection broken", "check the network"),
        ("ERROR: Something of its own", "The packages could not be installed: Something of its own"),
        ("", "The packages could not be installed: no reason given"),
    ],
)
def test_what_pip_says_becomes_one_sentence(told, wanted, tmp_path):
    assert wanted in pip_problem(told, tmp_path / "x").sentence
    assert "\n" not in pip_problem(told, tmp_path / "x").sentence


def test_a_lock_loses_whole_entries():
    lock = "# head\na-b==1 \\\n    --hash=sha256:00\n    # via c\nc==2 \\\n    --hash=sha256:11\n"

    assert without(lock, {"a-b"}) == "# head\nc==2 \\\n    --hash=sha256:11\n"
    assert names(lock) == {"a-b", "c"}


def pinned(name):
    return {line.split(" ")[0] for line in (ROOT / name).read_text().splitlines() if line[:1].isalpha()}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_each_line_of_the_locks_is_pinned_with_hashes_and_names_no_host(name):
    text = (ROOT / name).read_text()

    assert len(pinned(name)) > 30
    assert all("==" in line for line in pinned(name))
    assert not any(line.startswith("-") for line in text.splitlines())
    assert "://" not in text
    blocks = text.split("\n")
    assert all("--hash=sha256:" in blocks[at + 1] for at, line in enumerate(blocks) if line[:1].isalpha())


def test_the_tools_need_no_other_versions_than_the_hub():
    runtime, tools = pinned("requirements.txt"), pinned("requirements-dev.txt")
    shared = {line.split("==")[0] for line in runtime} & {line.split("==")[0] for line in tools}

    assert shared
    assert {line for line in tools if line.split("==")[0] in shared} <= runtime


@pytest.mark.skipif("HUB_ASSETS" not in os.environ, reason="run through `python3 -m hub test`")
def test_the_tests_themselves_see_no_package_of_the_machine():
    outside = [part for part in sys.path if "-packages" in part and not part.startswith(sys.prefix)]

    assert outside == []
