"""A store that forgets everything when the process ends: for tests and for trying things out."""

import io
import threading
from collections.abc import Iterator

from storage.errors import AlreadyExists, NotFound
from storage.names import check_name, check_prefix
from storage.sealed import Bytes

_ABSENT = "The store does not hold this object."
_TAKEN = "The store already holds an object of this name, and nothing is ever overwritten."


class MemoryStore:
    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def create(self, name: str) -> "MemoryWriter":
        if check_name(name) in self._objects:
            raise AlreadyExists(_TAKEN)
        return MemoryWriter(self, name)

    def open(self, name: str) -> io.BytesIO:
        return io.BytesIO(self._get(name))

    def size(self, name: str) -> int:
        return len(self._get(name))

    def delete(self, name: str) -> None:
        with self._lock:
            if self._objects.pop(check_name(name), None) is None:
                raise NotFound(_ABSENT)

    def names(self, prefix: str = "") -> Iterator[str]:
        check_prefix(prefix)
        return iter([name for name in list(self._objects) if name.startswith(prefix)])

    def sweep(self, older_than: float) -> int:  # noqa: ARG002  (writers leave nothing behind here)
        return 0

    def healthy(self) -> bool:
        return True

    def keep(self, name: str, data: bytes) -> None:
        with self._lock:
            if name in self._objects:
                raise AlreadyExists(_TAKEN)
            self._objects[name] = data

    def _get(self, name: str) -> bytes:
        try:
            return self._objects[check_name(name)]
        except KeyError:
            raise NotFound(_ABSENT) from None


class MemoryWriter:
    def __init__(self, store: MemoryStore, name: str) -> None:
        self._store, self._name = store, name
        self._data: bytearray | None = bytearray()

    def write(self, data: Bytes, /) -> int:
        if self._data is None:
            raise ValueError("This object is already committed or aborted.")
        self._data += data
        return memoryview(data).nbytes

    def commit(self) -> None:
        if self._data is None:
            raise ValueError("This object is already committed or aborted.")
        data, self._data = bytes(self._data), None
        self._store.keep(self._name, data)

    def abort(self) -> None:
        self._data = None
