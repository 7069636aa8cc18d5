"""The folders under HUB_HOME that set-up makes: each appears whole under its final name, or not at all."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hub.setup.problems import from_os_error

UNFINISHED = ".unfinished-"
Fill = Callable[[Path], None]
Say = Callable[[str], None]


def home_of(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HUB_HOME") or "var").absolute()


def make_home(home: Path) -> Path:
    """HUB_HOME/env, made if need be. Raises SetupProblem when it cannot be written."""
    place = home / "env"
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise from_os_error(error, home) from error
    return place


def make_once(place: Path, name: str, fill: Fill, say: Say) -> Path:
    """`place/name`, filled by `fill(folder)` unless it is there already.

    Two starts at once wait for each other; what a killed start left behind is cleared by the next.
    """
    wanted = place / name
    if wanted.is_dir():
        return wanted
    with _alone(place, say):
        if not wanted.is_dir():
            _make(place, wanted, fill)
    return wanted


def _make(place: Path, wanted: Path, fill: Fill) -> None:
    try:
        _clear(place)
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=place))
        unfinished.chmod(0o755)
        fill(unfinished)
        os.sync()
        unfinished.rename(wanted)
    except OSError as error:
        raise from_os_error(error, place) from error
    finally:
        _clear(place)


def _clear(place: Path) -> None:
    for left in place.glob(f"{UNFINISHED}*"):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _alone(place: Path, say: Say) -> Iterator[None]:
    try:
        lock = (place / "lock").open("a")
    except OSError as error:
        raise from_os_error(error, place) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another start is setting up the same HUB_HOME: waiting for it ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
