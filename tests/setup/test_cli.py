import ast
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hub.setup.checks import check_port
from hub.setup.cli import COMMANDS
from hub.setup.problems import SetupProblem

ROOT = Path(__file__).parents[2]
ENTRY = ("hub/__init__.py", "hub/__main__.py", "hub/setup/__init__.py", "hub/setup/python.py")


def start(home, *words):
    environ = os.environ | {"HUB_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-m", "hub", *words],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def one_sentence(text):
    return len(text.strip().splitlines()) == 1 and text.strip().endswith(".")


@pytest.mark.parametrize("name", ENTRY)
def test_an_old_python_can_read_what_tells_it_so(name):
    ast.parse((ROOT / name).read_text(), feature_version=(3, 6))


def test_set_up_imports_nothing_beyond_the_standard_library():
    code = "import sys, hub.setup.cli; print('\\n'.join({name.split('.')[0] for name in sys.modules}))"
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert (
        set(told.split()) - sys.stdlib_module_names - {"hub", "__main__", "__mp_main__", "sitecustomize"}
        == set()
    )


def test_help_works_before_anything_is_set_up(tmp_path):
    told = start(tmp_path / "home", "--help")

    assert told.returncode == 0
    assert all(f"  {name} " in told.stdout for name in COMMANDS)
    assert not (tmp_path / "home").exists()


def test_a_taken_port_is_said_before_anything_is_set_up(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        told = start(tmp_path / "home", "--port", str(taken.getsockname()[1]))

    assert told.returncode == 1
    assert "is taken" in told.stderr
    assert "--port" in told.stderr
    assert one_sentence(told.stderr)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "words", [("--port", "0"), ("--port", "70000"), ("--port", "x"), ("--what",), ("../x",)]
)
def test_wrong_usage_ends_with_code_2(tmp_path, words):
    assert start(tmp_path / "home", *words).returncode == 2


def test_an_address_that_is_not_this_machines_is_said():
    with pytest.raises(SetupProblem, match="no address of this machine") as told:
        check_port("no such host", 8080)

    assert told.value.code == 2


def test_a_home_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("x")

    told = start(tmp_path / "file" / "home", "bench")

    assert told.returncode == 1
    assert "HUB_HOME" in told.stderr
    assert one_sentence(told.stderr)
