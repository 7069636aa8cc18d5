"""One thing done beside another: hashing or writing a segment while the next one is read and sealed.

hashlib and the operating system let other threads run meanwhile, so two processors share the work of one object.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

WORTH = 256 * 1024
"""Bytes; handing less to another thread costs more than it saves."""


class Beside:
    """Calls made in a thread of its own, one at a time and in order; small ones at once. For one thread to use.

    The data given must stay as it is until the next ``start`` or ``settle`` has returned; both raise what the
    call before raised. The thread begins with the first large call and ends with ``close``.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._running: Future[object] | None = None

    def start(self, call: Callable[[memoryview], object], data: memoryview) -> None:
        self.settle()
        if len(data) < WORTH:
            call(data)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="storage")
        self._running = self._pool.submit(call, data)

    def settle(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.result()

    def close(self) -> None:
        """Wait for the call in hand, whatever comes of it; settle first to learn that."""
        pool, self._pool, self._running = self._pool, None, None
        if pool is not None:
            pool.shutdown(wait=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.settle()
        finally:
            self.close()
