"""The launch alone, with a small application in the product's place: what the hub serves is tested elsewhere."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hub.serve.signins import sign_ins
from hub.setup.handover import SOURCE, ready_to_run

APP = """
import os
from pathlib import Path

def create_app(config):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{os.getpid()} {environ['wsgi.url_scheme']} {os.environ['HUB_ASSETS']}".encode()]
    application.home = config.home
    return application

def start_background(application):
    (application.home / f"background-{os.getpid()}").write_text("on")
"""
COMMANDS = """
import json
from config import ConfigError

COMMANDS = {"log": ("verify the log", None)}

def main(words):
    print("main", *words)
    return 7

def prepare(config, *, demo, progress):
    progress(f"prepared demo={demo}")
    if (config.home / "refuse").exists():
        raise ConfigError("Production refuses to start.")
    if demo:
        rows = [{"name": "Ada Example", "email": "ada@fen.example", "password": "p"}]
        (config.home / "demo-accounts.json").write_text(json.dumps(rows))
"""
INSTALL = """
from hub.commands import prepare

def record_start(config):
    (config.home / "started").write_text("on record")

def record_stop(config):
    (config.home / "stopped").write_text("on record")
"""
needs_environment = pytest.mark.skipif(
    "HUB_ASSETS" not in os.environ, reason="run through `python3 -m hub test`"
)
pytestmark = needs_environment


@pytest.fixture
def tree(tmp_path):
    """A copy of the launcher around the stand-in, with a home that shares this run's environment."""
    tree = tmp_path / "tree"
    for folder in ("hub/setup", "hub/serve"):
        shutil.copytree(SOURCE / folder, tree / folder)
    shutil.copytree(SOURCE / "storage", tree / "storage")
    for name in (
        "config.py",
        "hub/errors.py",
        "wsgi.py",
        "requirements.txt",
        "hub/__init__.py",
        "hub/__main__.py",
    ):
        shutil.copy(SOURCE / name, tree / name)
    (tree / "hub" / "app.py").write_text(APP)
    (tree / "hub" / "commands").mkdir()
    (tree / "hub" / "commands" / "__init__.py").write_text(COMMANDS)
    (tree / "hub" / "commands" / "install.py").write_text(INSTALL)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "env").symlink_to(Path(os.environ["HUB_ASSETS"]).parent)
    return tree


def launch(tree, *words):
    home = tree.parent / "home"
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("HUB_", "PYTHON"))}
    return subprocess.Popen(
        [sys.executable, "-m", "hub", *words], cwd=tree, env=environ | {"HUB_HOME": str(home)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


class Running:
    def __init__(self, tree, port, *words):
        self.home, self.port, self.told = tree.parent / "home", port, []
        self.process = launch(tree, "--port", str(port), *words)
        self._read_until("The hub is at")

    def _read_until(self, wanted):
        for line in self.process.stdout:
            self.told.append(line)
            if wanted in line:
                return
        pytest.fail("".join(self.told) + self.process.stderr.read())

    def get(self, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/", headers=headers)
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        return answer.status, content

    def end(self, number):
        self.process.send_signal(number)
        with self.process:
            # Not communicate(): it passes over what reading by lines has buffered.
            self.told.append(self.process.stdout.read())
            wrong = self.process.stderr.read()
        return self.process.returncode, wrong


@pytest.fixture
def running(tree, unused_port_freed):
    started = []

    def start(*words):
        started.append(Running(tree, unused_port_freed, *words))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_hub_serves_and_ends_on_a_signal(running, number):
    hub = running()

    assert hub.get()[0] == 200
    assert (hub.home / "started").exists(), "the start is on record before anything is served"
    code, wrong = hub.end(number)

    assert (code, wrong) == (0, "")
    assert (hub.home / "stopped").exists()
    with pytest.raises(ConnectionRefusedError):
        hub.get()


def test_address_and_sign_ins_are_told_once_the_port_is_open(running):
    hub = running()
    hub.end(signal.SIGTERM)

    told = "".join(hub.told)
    assert f"The hub is at http://127.0.0.1:{hub.port}/" in told
    assert "prepared demo=True" in told
    assert "Ada Example" in told
    assert "ada@fen.example" in told


def test_without_demo_nobody_is_listed(running):
    hub = running("--no-demo")
    hub.end(signal.SIGTERM)

    assert "prepared demo=False" in "".join(hub.told)
    assert "sign-ins" not in "".join(hub.told)


def test_each_of_several_workers_does_background_work_and_files_are_the_owners_alone(running):
    hub = running()
    until = time.monotonic() + 60
    while len(found := list(hub.home.glob("background-*"))) < 2 and time.monotonic() < until:
        time.sleep(0.05)

    assert len(found) == 2
    assert {path.stat().st_mode & 0o777 for path in found} == {0o600}
    assert str(hub.process.pid) not in {path.name.split("-")[1] for path in found}


def test_a_client_cannot_claim_https(running):
    hub = running()

    _, content = hub.get(**{"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "on"})

    assert content.split(" ")[1] == "http"


def test_the_application_is_told_where_the_front_end_files_are(running):
    assets = Path(running().get()[1].split(" ")[2])

    assert (assets / "assets.json").is_file()


def test_a_refusal_to_start_is_one_sentence(tree, unused_port_freed):
    (tree.parent / "home" / "refuse").write_text("x")

    started = launch(tree, "--port", str(unused_port_freed))
    _, wrong = started.communicate()

    assert started.returncode == 1
    assert wrong == "Production refuses to start.\n"


def test_other_words_go_to_the_products_commands(tree):
    started = launch(tree, "log", "verify")
    told, _ = started.communicate()

    assert started.returncode == 7
    assert told == "main log verify\n"


def test_help_lists_the_products_commands_too(tree):
    told, _ = launch(tree, "--help").communicate()

    assert "  log          verify the log" in told
    assert "  run " in told


def test_a_standing_environment_is_used_without_a_word():
    said = []

    ready = ready_to_run(os.environ, said.append)

    assert said == []
    assert ready.environ["HUB_ASSETS"] == os.environ["HUB_ASSETS"]


def test_sign_ins_are_a_table_with_every_column(tmp_path):
    accounts = tmp_path / "demo-accounts.json"
    row = {"name": "Ada Example", "role": "Coordinator", "agency": "Fen Police", "email": "a@fen.example"}
    accounts.write_text(json.dumps([row | {"password": "p q", "totp_secret": "ABC"}]))

    lines = sign_ins(accounts).splitlines()

    assert lines[1].split() == ["name", "role", "agency", "email", "password", "totp", "secret"]
    assert all(value in lines[2] for value in (*row.values(), "p q", "ABC"))


def test_a_real_hub_lists_no_sign_ins(tmp_path):
    assert sign_ins(tmp_path / "demo-accounts.json") == ""
