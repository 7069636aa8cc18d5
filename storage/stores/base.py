"""What every store promises, whatever lies behind it. One suite of tests holds all of them to it."""

from collections.abc import Iterator
from typing import Protocol

from storage.sealed import Bytes


class StoredObject(Protocol):
    """Bytes of one committed object, readable anywhere. Not for several threads at once."""

    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def read(self, size: int = -1, /) -> bytes | None: ...
    def readinto(self, buffer: memoryview, /) -> int | None: ...
    def close(self) -> None: ...


class StoreWriter(Protocol):
    """One object on its way in: end with ``commit`` or ``abort``. Nothing is visible before ``commit``.

    When ``commit`` returns the object survives a power cut. When it raises, the object is not there: only
    where the answer to the last request was lost on the network it may be, as an orphan that no row names.
    After a failed ``write`` the object is aborted. ``abort`` may be called any number of times, and after ``commit`` does nothing.
    """

    def write(self, data: Bytes, /) -> object: ...
    def commit(self) -> None: ...
    def abort(self) -> None: ...


class Store(Protocol):
    """Objects are written once and never changed.

    Errors: ``BadName`` for a name it would never give, ``NotFound``, ``AlreadyExists`` (from ``create`` or
    from ``commit``), ``Full`` when there is no room, ``Unavailable`` for anything else that is no answer.
    """

    def create(self, name: str) -> StoreWriter: ...
    def open(self, name: str) -> StoredObject: ...
    def size(self, name: str) -> int: ...

    def delete(self, name: str) -> None:
        """Remove for good; ``NotFound`` when it was not there."""

    def names(self, prefix: str = "") -> Iterator[str]:
        """Committed names under ``""``, ``"area/"`` or ``"area/case/"``, in no promised order."""
        ...

    def sweep(self, older_than: float) -> int:
        """Remove what writers left behind, begun more than ``older_than`` seconds ago; return how many."""
        ...

    def healthy(self) -> bool:
        """Whether a write would have a chance now. Never raises."""
        ...
