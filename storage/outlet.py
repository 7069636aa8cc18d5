"""The way of sealed bytes into a store: hashed and written while the next segment is being sealed.

SHA-256 and writing take longer than sealing. Side by side on two cores, 100 MB go into a vault in two thirds
of the time (bench/storage.py).
"""

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor

from storage.sealed import HEADER, SEGMENT
from storage.stores.base import StoreWriter


class HashedOutlet:
    """Full segments go through one thread, in order; anything shorter waits its turn and is written at once.

    An error of the thread is raised by the next ``write``, or by ``finish``; after it nothing is written.
    """

    def __init__(self, writer: StoreWriter) -> None:
        self._writer, self._digest = writer, hashlib.sha256()
        self._thread: ThreadPoolExecutor | None = None
        self._under_way: Future[None] | None = None
        self._held = memoryview(b"")

    def write(self, data: memoryview, /) -> None:
        self._wait()
        if len(data) < SEGMENT - HEADER:
            self._out(data)
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "sealed-outlet")
            self._held = memoryview(bytearray(SEGMENT))
        copy = self._held[: len(data)]
        copy[:] = data
        self._under_way = self._thread.submit(self._out, copy)

    def finish(self) -> str:
        """The SHA-256 of all that was written, in hexadecimal."""
        self._wait()
        self.close()
        return self._digest.hexdigest()

    def close(self) -> None:
        """End the thread, whatever became of its last piece; any number of times."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown(wait=True)

    def _wait(self) -> None:
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.result()

    def _out(self, data: memoryview) -> None:
        self._digest.update(data)
        self._writer.write(data)
