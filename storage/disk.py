"""Files written so that they are there after a power cut, or not at all."""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from storage.errors import AlreadyExists, Full, NotFound, StorageError, Unavailable
from storage.failpoints import Point, failpoint

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
TEMPORARY = ".new-"
AHEAD = 8 << 20
"""Bytes after which the disk is set to work."""


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Say an operating system's error as one of ours."""
    try:
        yield
    except OSError as error:
        raise said(error) from error


def said(error: OSError) -> StorageError:
    if error.errno in NO_ROOM:
        return Full("There is no room left on the disk, so this could not be kept.")
    if isinstance(error, FileNotFoundError):
        return NotFound("The store does not hold this object.")
    if isinstance(error, FileExistsError):
        return AlreadyExists(
            "The store already holds an object of this name, and nothing is ever overwritten."
        )
    return Unavailable(f"The disk gave an error: {error.strerror}.")


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(folder: Path) -> None:
    """Make a folder and those above it, mode 0700, each durable in the one above."""
    if folder.is_dir():
        return
    make_folders(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    sync_folder(folder.parent)


def temporary_beside(target: Path) -> Path:
    return target.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")


def open_new(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def write_all(descriptor: int, data: bytes | bytearray | memoryview) -> None:
    rest = memoryview(data).cast("B")
    while len(rest):
        rest = rest[os.write(descriptor, rest) :]


class Ahead:
    """A sink over a descriptor that has the disk begin on what was written, so that the sync at the end waits for less.

    Nothing is durable before that sync. Closes nothing.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._written, self._begun = descriptor, 0, 0

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        write_all(self._descriptor, data)
        self._written += memoryview(data).nbytes
        if self._written - self._begun >= AHEAD:
            self._begin()

    def _begin(self) -> None:
        """Linux starts writing a range that is told to be no longer needed; what is still dirty stays in memory."""
        if hasattr(os, "posix_fadvise"):
            length = self._written - self._begun
            os.posix_fadvise(self._descriptor, self._begun, length, os.POSIX_FADV_DONTNEED)
        self._begun = self._written


def write_synced(path: Path, chunks: Iterable[bytes | memoryview]) -> None:
    """A new file, mode 0600, with its bytes durable; its name is once the folder is synced."""
    descriptor = open_new(path)
    try:
        for chunk in chunks:
            write_all(descriptor, chunk)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_new(target: Path, chunks: Iterable[bytes]) -> None:
    """Whole and durable under a name that is free, or not at all; FileExistsError where it is taken."""
    with _written_beside(target, chunks) as temporary:
        publish(temporary, target)


def write_instead(target: Path, chunks: Iterable[bytes]) -> None:
    """As `write_new`, in the place of what has the name, if anything."""
    with _written_beside(target, chunks) as temporary:
        temporary.replace(target)
        sync_folder(target.parent)


@contextlib.contextmanager
def _written_beside(target: Path, chunks: Iterable[bytes]) -> Iterator[Path]:
    temporary = temporary_beside(target)
    try:
        write_synced(temporary, chunks)
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def files_below(folder: Path) -> Iterator[Path]:
    for parent, _, files in os.walk(folder):
        yield from (Path(parent) / file for file in files)


def publish(temporary: Path, target: Path) -> None:
    """Give a synced file its name, refusing to take another's place, and make the name durable.

    When the folder cannot be synced the name is taken back: nobody may rely on it.
    """
    os.link(temporary, target)
    failpoint(Point.OBJECT_LINKED)
    try:
        temporary.unlink(missing_ok=True)
        sync_folder(target.parent)
    except OSError:
        target.unlink(missing_ok=True)
        raise
