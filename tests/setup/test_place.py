import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hub.setup.place import UNFINISHED, make_home, make_once
from hub.setup.problems import SetupProblem, from_os_error

ROOT = Path(__file__).parents[2]


def test_a_folder_is_filled_once(tmp_path, said):
    made = [
        make_once(tmp_path, "x", lambda folder: (folder / "f").write_text("1"), said.append) for _ in range(2)
    ]

    assert made == [tmp_path / "x"] * 2
    assert (tmp_path / "x" / "f").read_text() == "1"


def test_a_fill_that_fails_leaves_no_folder(tmp_path, said):
    def fail(folder):
        (folder / "half").write_text("half")
        raise SetupProblem("Half.")

    with pytest.raises(SetupProblem):
        make_once(tmp_path, "x", fail, said.append)

    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_what_a_killed_start_left_is_cleared(tmp_path, said):
    (tmp_path / f"{UNFINISHED}old").mkdir()
    (tmp_path / f"{UNFINISHED}old" / "half").write_text("half")

    make_once(tmp_path, "x", lambda folder: None, said.append)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "x"]


def test_two_starts_at_once_fill_it_once(tmp_path, said):
    entered, go_on, fills = threading.Event(), threading.Event(), []

    def fill(folder):
        fills.append(folder)
        entered.set()
        assert go_on.wait(30)

    def tell(line):
        said.append(line)
        go_on.set()

    first = threading.Thread(target=make_once, args=(tmp_path, "x", fill, said.append))
    first.start()
    assert entered.wait(30)

    make_once(tmp_path, "x", fill, tell)
    first.join()

    assert len(fills) == 1
    assert said == ["Another start is setting up the same HUB_HOME: waiting for it ..."]


def test_a_killed_start_does_not_block_the_next(tmp_path, said):
    code = (
        f"import sys, os, signal; sys.path.insert(0, {str(ROOT)!r}); from pathlib import Path\n"
        "from hub.setup.place import make_once\n"
        f"make_once(Path({str(tmp_path)!r}), 'x', lambda f: os.kill(os.getpid(), signal.SIGKILL), print)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert not (tmp_path / "x").exists()

    assert make_once(tmp_path, "x", lambda folder: None, said.append).is_dir()
    assert said == []


def test_a_full_disk_is_said_with_what_to_do(tmp_path, said):
    def fill(_):
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"x")

    with pytest.raises(SetupProblem, match=r"The disk under .* is full: free about 1 GB") as told:
        make_once(tmp_path, "x", fill, said.append)

    assert told.value.code == 1


def test_a_home_that_is_a_file_is_said(tmp_path):
    (tmp_path / "taken").write_text("x")

    with pytest.raises(SetupProblem, match="set HUB_HOME to another folder"):
        make_home(tmp_path / "taken")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_without_write_permission_is_said(tmp_path):
    tmp_path.chmod(0o500)

    with pytest.raises(SetupProblem, match="cannot be written: make it writable, or set HUB_HOME"):
        make_home(tmp_path / "home")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_each_refusal_of_a_file_system_says_what_to_do(number):
    told = from_os_error(OSError(number, os.strerror(number)), Path("/somewhere"))

    assert (
        told.sentence
        == "/somewhere cannot be written: make it writable, or set HUB_HOME to a folder that is."
    )


def test_home_and_its_content_are_the_owners_alone(tmp_path):
    make_home(tmp_path / "home")

    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700
