"""The store in a folder: ``area/case/ob/object.version``, folders 0700 and files 0600.

An object is written under a temporary name in its own folder, synced, then given its name by a link, which
refuses to overwrite. A sync that failed is never tried again on the same file: what it lost stays lost
while a second call may report success.
"""

import contextlib
import io
import os
import time
from collections.abc import Iterator
from pathlib import Path

from storage.disk import (
    TEMPORARY,
    Ahead,
    disk_errors,
    files_below,
    make_folders,
    open_new,
    publish,
    sync_folder,
    temporary_beside,
)
from storage.errors import AlreadyExists, BadName, StorageError
from storage.failpoints import Point, failpoint
from storage.names import check_name, check_prefix
from storage.sealed import Bytes


class FolderStore:
    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        with disk_errors():
            make_folders(self._root)

    def create(self, name: str) -> "FolderWriter":
        target = self._path(name)
        with disk_errors():
            make_folders(target.parent)
            if target.exists():
                raise AlreadyExists("The store already holds an object of this name.")
            return FolderWriter(target)

    def open(self, name: str) -> "FolderObject":
        with disk_errors():
            return FolderObject(self._path(name))

    def size(self, name: str) -> int:
        with disk_errors():
            return self._path(name).stat().st_size

    def delete(self, name: str) -> None:
        target = self._path(name)
        with disk_errors():
            target.unlink()
            sync_folder(target.parent)

    def names(self, prefix: str = "") -> Iterator[str]:
        base = self._root / check_prefix(prefix)
        for file in files_below(base):
            parts = file.relative_to(self._root).parts
            with contextlib.suppress(BadName):
                yield check_name("/".join((*parts[:-2], parts[-1])))

    def sweep(self, older_than: float) -> int:
        limit = time.time() - older_than
        stale = [file for file in files_below(self._root) if _is_stale(file, limit)]
        for file in stale:
            with disk_errors():
                file.unlink(missing_ok=True)
        return len(stale)

    def healthy(self) -> bool:
        try:
            free = os.statvfs(self._root)
        except OSError:
            return False
        return free.f_bavail * free.f_frsize > 0 and os.access(self._root, os.R_OK | os.W_OK | os.X_OK)

    def _path(self, name: str) -> Path:
        area, case, last = check_name(name).split("/")
        return self._root / area / case / last[:2] / last


class FolderWriter:
    def __init__(self, target: Path) -> None:
        self._target, self._temporary = target, temporary_beside(target)
        self._descriptor = open_new(self._temporary)
        self._ahead = Ahead(self._descriptor)

    def write(self, data: Bytes, /) -> int:
        try:
            with disk_errors():
                self._open()
                self._ahead.write(data)
        except StorageError:
            self.abort()
            raise
        return memoryview(data).nbytes

    def commit(self) -> None:
        descriptor = self._open()
        try:
            with disk_errors():
                os.fsync(descriptor)
                failpoint(Point.OBJECT_SYNCED)
                publish(self._temporary, self._target)
        finally:
            self.abort()

    def abort(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            with contextlib.suppress(OSError):
                os.close(descriptor)
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)

    def _open(self) -> int:
        if self._descriptor < 0:
            raise ValueError("This object is already committed or aborted.")
        return self._descriptor


class FolderObject(io.RawIOBase):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._position, self._descriptor = 0, -1
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        with disk_errors():
            base = (0, self._position, os.fstat(self._descriptor).st_size)[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # any writable buffer
        with disk_errors():
            got = os.preadv(self._descriptor, [buffer], self._position)
        self._position += got
        return got

    def close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)
        super().close()


def _is_stale(file: Path, limit: float) -> bool:
    try:
        return file.name.startswith(TEMPORARY) and file.stat().st_mtime < limit
    except FileNotFoundError:
        return False
