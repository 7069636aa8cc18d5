"""A circuit breaker: a service that does not answer is soon no longer waited for.

One call to a service that hangs costs its time limits times the attempts. After ``limit`` of them in a row the
breaker opens: for ``rest_seconds`` every call is refused at once. Then one call, and only one, is let through as a trial;
its answer closes the breaker, its failure opens it again.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from storage.errors import StorageError, Unavailable

LIMIT = 3
REST_SECONDS = 10.0


class Breaker:
    """Safe to share between threads. ``clock`` counts seconds and never goes back."""

    def __init__(
        self,
        *,
        limit: int = LIMIT,
        rest_seconds: float = REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit, self._rest, self._clock = limit, rest_seconds, clock
        self._lock = threading.Lock()
        self._failures = 0
        self._refused_until = 0.0
        self._trying = False

    @property
    def is_open(self) -> bool:
        """Whether a call made now would be refused at once."""
        with self._lock:
            return self._refuses()

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Around one call. ``Unavailable`` counts as a failure; every other storage error is an answer."""
        trial = self._enter()
        try:
            yield
        except Unavailable:
            self._failed()
            raise
        except StorageError:
            self._answered()
            raise
        except BaseException:
            self._gave_up(trial=trial)
            raise
        else:
            self._answered()

    def _enter(self) -> bool:
        with self._lock:
            if self._refuses():
                raise Unavailable(
                    "The storage or key service does not answer, and is not asked for a moment."
                )
            self._trying = self._failures >= self._limit
            return self._trying

    def _refuses(self) -> bool:
        if self._failures < self._limit:
            return False
        return self._trying or self._clock() < self._refused_until

    def _failed(self) -> None:
        with self._lock:
            self._failures += 1
            self._trying = False
            self._refused_until = self._clock() + self._rest

    def _answered(self) -> None:
        with self._lock:
            self._failures, self._trying = 0, False

    def _gave_up(self, *, trial: bool) -> None:
        """The call ended for a reason of its own, so it tells nothing of the service."""
        with self._lock:
            self._trying = self._trying and not trial
