"""Every word and name of what one person may read, each once: what prefixes, suggestions and names that sound alike ask.

Beside them stands which shard has which, in numbers: when one of thousands changes, its list alone is read again.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress, count
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """The lines of several texts: in order, each once and ended by a line feed; and of each text the numbers of its lines."""

    text: bytes
    numbers: tuple[Numbers, ...]

    @property
    def nbytes(self) -> int:
        return len(self.text) + sum(numbers.nbytes + _ARRAY for numbers in self.numbers)


_ARRAY = 112
"""Bytes that an array takes beside what is in it."""
NO_LINES = Lines(b"", ())


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """Folded words; names, each with tabs and how it sounds. `cases`: the shards, in the order of their numbers."""

    cases: tuple[str, ...]
    words_of: Lines
    names_of: Lines

    @property
    def words(self) -> bytes:
        return self.words_of.text

    @property
    def names(self) -> bytes:
        return self.names_of.text

    @property
    def nbytes(self) -> int:
        return self.words_of.nbytes + self.names_of.nbytes


UNREAD = Vocabulary((), NO_LINES, NO_LINES)


def gathered(earlier: Lines, standing: Sequence[int], fresh: Iterable[bytes]) -> Lines:
    """The lines of those earlier texts that are still there (by their place), then of the fresh ones.

    Each line of a fresh text ends with a line feed; one that comes twice in a text is counted twice, which changes nothing.
    """
    old = earlier.text.split(b"\n")[:-1]
    kept = [earlier.numbers[place] for place in standing]
    there = np.zeros(len(old), dtype=bool)
    for numbers in kept:
        there[numbers] = True
    known = defaultdict[bytes, int](count(int(there.sum())).__next__)  # numbers a line when it is first met
    known.update(zip(compress(old, there.tolist()), count(), strict=False))
    again = (np.cumsum(there) - 1).astype(np.uint32)
    met = [again[numbers] for numbers in kept]
    for text in fresh:
        lines = text.split(b"\n")[:-1]
        met.append(np.fromiter(map(known.__getitem__, lines), dtype=np.uint32, count=len(lines)))
    ordered = sorted(known)
    place = np.empty(len(ordered), dtype=np.min_scalar_type(len(ordered)))
    place[[known[line] for line in ordered]] = np.arange(len(ordered))
    return Lines(b"".join([line + b"\n" for line in ordered]), tuple([place[numbers] for numbers in met]))


def starting(text: bytes, start: str) -> list[bytes]:
    """The lines of a sorted text that start so, where they stand together."""
    wanted = start.encode("utf-8", "replace")
    at = 0 if text.startswith(wanted) else text.find(b"\n" + wanted)
    if at < 0:
        return []
    together = re.compile(rb"\n?(?:%s[^\n]*\n)+" % re.escape(wanted))
    return cast("re.Match[bytes]", together.match(text, at))[0].split()
