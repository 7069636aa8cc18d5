"""Named files below a URL: a folder, or a prefix in an S3 service. For what is no sealed object: manifests, tables, small keys.

A name is one to eight parts with slashes between them. A file is there whole and durable, or not at all.
"""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from storage.disk import (
    TEMPORARY,
    disk_errors,
    files_below,
    make_folders,
    sync_folder,
    write_instead,
    write_new,
)
from storage.errors import BadName, NotFound, Tampered

CHUNK = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,120}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,120}){0,7}")
_PREFIX = re.compile(r"([A-Za-z0-9_][A-Za-z0-9._-]{0,120}/){0,7}")


class Place(Protocol):
    """Errors as of a `storage.stores.base.Store`."""

    def write(self, name: str, chunks: Iterable[bytes], *, replace: bool = False) -> None:
        """`AlreadyExists` where there is one of this name, unless it may be replaced."""

    def chunks(self, name: str) -> Iterator[bytes]: ...

    def names(self, prefix: str = "") -> Iterator[str]:
        """All below a prefix that is empty or ends in a slash, in no promised order."""
        ...

    def delete(self, name: str) -> None:
        """It is no error when it was not there."""

    def destroy(self, name: str) -> None:
        """As `delete`, for a small secret, or for all below a prefix: written over first in a folder, with what a writer left
        half way; in an S3 service every version of it.

        What a file system's snapshots, a disk's spare blocks or another copy hold is not reached.
        """

    def sweep(self, prefix: str) -> None:
        """Remove what writers left behind below the prefix. Nobody else may be writing there."""


def read(place: Place, name: str) -> bytes:
    """All of a small file."""
    return b"".join(place.chunks(name))


def place_from_url(url: str) -> Place:
    """A path, `folder:/path` or `s3://bucket/prefix`; nothing is made or asked yet."""
    if url.startswith("s3://"):
        parts = urlsplit(url)
        from storage.aws import client  # noqa: PLC0415  (boto3 takes 0.3 s to import)
        from storage.places_s3 import S3Place  # noqa: PLC0415  (the same)

        return S3Place(client("s3"), parts.netloc, parts.path.strip("/"))
    path = url.removeprefix("folder:")
    if not path or "://" in path:
        raise BadName("This must be a folder's path or begin with s3://.")
    return FolderPlace(Path(path))


def is_file(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def check_file(name: str) -> str:
    if not is_file(name):
        raise BadName("This is not the name of a file in such a place.")
    return name


def check_folder(prefix: str) -> str:
    if _PREFIX.fullmatch(prefix) is None:
        raise BadName("This is not the name of a folder in such a place.")
    return prefix


class FolderPlace:
    """No link below its own folder is followed: whoever may write here would have other files read, written over or removed."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def write(self, name: str, chunks: Iterable[bytes], *, replace: bool = False) -> None:
        target = self._path(name)
        with disk_errors():
            make_folders(target.parent)
            write_instead(target, chunks) if replace else write_new(target, chunks)

    def chunks(self, name: str) -> Iterator[bytes]:
        with disk_errors(), os.fdopen(_opened(self._path(name), os.O_RDONLY), "rb") as file:
            while data := file.read(CHUNK):
                yield data

    def names(self, prefix: str = "") -> Iterator[str]:
        for path in files_below(self._folder(prefix)):
            name = path.relative_to(self._root).as_posix()
            if is_file(name):
                yield name

    def delete(self, name: str) -> None:
        path = self._path(name)
        with contextlib.suppress(NotFound), disk_errors():
            path.unlink()
            sync_folder(path.parent)
            self._drop_empty(path.parent)

    def destroy(self, name: str) -> None:
        for path in self._all_of(name):
            with contextlib.suppress(NotFound), disk_errors():
                _write_over(path)
                path.unlink()
                sync_folder(path.parent)
                self._drop_empty(path.parent)

    def sweep(self, prefix: str) -> None:
        with disk_errors():
            for path in files_below(self._folder(prefix)):
                if path.name.startswith(TEMPORARY):
                    path.unlink(missing_ok=True)

    def _all_of(self, name: str) -> list[Path]:
        if name.endswith("/"):
            return list(files_below(self._folder(name)))
        return [self._path(name)]

    def _path(self, name: str) -> Path:
        path = self._root / check_file(name)
        self._require_no_link(path.parent)
        return path

    def _folder(self, prefix: str) -> Path:
        folder = self._root / check_folder(prefix)
        self._require_no_link(folder)
        return folder

    def _require_no_link(self, folder: Path) -> None:
        while folder != self._root:
            if folder.is_symlink():
                raise Tampered(f"{folder} is a link to elsewhere and not the folder that was made here.")
            folder = folder.parent

    def _drop_empty(self, folder: Path) -> None:
        """Folders are made as they are needed, so an empty one is never missed."""
        with contextlib.suppress(OSError):
            while folder != self._root:
                folder.rmdir()
                folder = folder.parent


def _opened(path: Path, how: int) -> int:
    return os.open(path, how | os.O_NOFOLLOW | os.O_CLOEXEC)


def _write_over(path: Path) -> None:
    """Of a link nothing: what it leads to was not made here."""
    if path.is_symlink():
        return
    with os.fdopen(_opened(path, os.O_RDWR), "r+b") as file:
        file.write(bytes(os.fstat(file.fileno()).st_size))
        file.flush()
        os.fsync(file.fileno())
