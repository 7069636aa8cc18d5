import os
import sys
from pathlib import Path

import pytest

from hub.setup import testing
from hub.setup.handover import Ready
from hub.setup.testing import find_browser, in_ci, missing, postgres_folder, run_tests


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine whose PATH holds one empty folder, and where nothing can be installed."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(testing, "apt_install", lambda *_: None)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("HUB_TEST", "CI"))}
    return Ready(python=str(program(tmp_path / "bin" / "python3", "exit 1")), environ=environ)


def program(path, body):
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_the_systems_browser_is_taken_first(bare, tmp_path, said):
    browser = program(tmp_path / "bin" / "chromium", "echo Chromium 1")

    assert find_browser(bare, said.append) == str(browser)
    assert said == []


def test_a_browser_that_does_not_start_is_passed_over(bare, tmp_path, said):
    program(tmp_path / "bin" / "chromium", "exit 127")
    good = program(tmp_path / "bin" / "google-chrome", "echo Chrome 1")

    assert find_browser(bare, said.append) == str(good)


def test_playwrights_own_is_fetched_when_there_is_none(bare, tmp_path, said):
    browser = tmp_path / "own"
    script = f'case "$*" in *install*) printf "#!/bin/sh\\necho 1\\n" > {browser}; /bin/chmod 755 {browser};; *) echo {browser};; esac'
    program(Path(bare.python), script)

    assert find_browser(bare, said.append) == str(browser)
    assert said == ["No Chromium here: fetching Playwright's own ..."]


def test_debians_is_installed_last(bare, tmp_path, said, monkeypatch):
    monkeypatch.setattr(
        testing, "apt_install", lambda package, *_: program(tmp_path / "bin" / package, "echo Chromium 1")
    )

    assert find_browser(bare, said.append) == str(tmp_path / "bin" / "chromium")


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_without_a_browser_it_is_said_at_the_end_and_fails_in_ci(bare, said, monkeypatch, ci, code):
    monkeypatch.setattr(testing, "find_browser", lambda *_: "")
    green = Ready(python=str(program(Path(bare.python), "exit 0")), environ=bare.environ | {"CI": ci})

    assert run_tests(green, [], said.append) == code
    assert "No browser could be had" in said[-1]


def test_pytests_own_end_is_kept_and_nothing_follows_when_all_was_there(bare, said, monkeypatch):
    monkeypatch.setattr(testing, "find_browser", lambda *_: "/b")
    monkeypatch.setattr(testing, "find_postgres", lambda *_: "/p")
    red = Ready(python=str(program(Path(bare.python), "exit 3")), environ=bare.environ)

    assert run_tests(red, [], said.append) == 3
    assert said == []


def test_each_lack_is_told():
    assert missing(browser="/b", postgres="/p") == []
    assert len(missing(browser="", postgres="")) == 2


@pytest.mark.parametrize(
    ("value", "meant"), [("true", True), ("1", True), ("", False), ("0", False), ("False", False)]
)
def test_what_counts_as_ci(value, meant):
    assert in_ci({"CI": value}) is meant


def test_postgres_is_a_folder_with_both_programs(tmp_path):
    program(tmp_path / "initdb", "exit 0")
    assert postgres_folder({"HUB_TEST_PG_BIN": str(tmp_path), "PATH": ""}) != str(tmp_path)
    program(tmp_path / "postgres", "exit 0")

    assert postgres_folder({"HUB_TEST_PG_BIN": str(tmp_path), "PATH": ""}) == str(tmp_path)


def test_the_interpreter_of_the_tests_is_the_environments():
    if "HUB_ASSETS" not in os.environ:
        pytest.skip("run through `python3 -m hub test`")

    assert (Path(sys.prefix) / "pyvenv.cfg").is_file()
