"""Indexes kept in memory between queries, one for each person, within a bound.

A kept index is used only if the cases, the version of each shard and the allowed documents are exactly those the caller
has just read from the database; whatever changed is fetched again, so a revocation acts on the next query.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from hub.search.engine import Fetch, Index, OpenShard, assemble, cut, vocabulary
from hub.search.vocabulary import UNREAD, Vocabulary


class Access(NamedTuple):
    """What a person may read of one case now: the shard's version, and the documents (None: all of them)."""

    case: str
    version: int
    allowed: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class _Kept:
    """`listed`: what the vocabulary was made of; another access than the index's, until it is asked for again."""

    access: tuple[Access, ...]
    index: Index
    listed: tuple[Access, ...] = ()
    vocabulary: Vocabulary = UNREAD

    @property
    def nbytes(self) -> int:
        return self.index.nbytes + self.vocabulary.nbytes


class KeptIndexes:
    """Safe to share between threads. `most_bytes` bounds all kept indexes together; the longest unused goes first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        with self._lock:
            return sum(kept.nbytes for kept in self._kept.values())

    def index(self, person: str, access: Sequence[Access], scans: Fetch) -> Index:
        """The index of exactly this access. `scans` gives the unsealed scan parts of the cases that are new or changed."""
        wanted = tuple(access)
        with self._lock:
            kept = self._kept.get(person)
        if kept is None or kept.access != wanted:
            index = _renewed(kept, access, scans)
            kept = replace(kept, access=wanted, index=index) if kept else _Kept(wanted, index)
        self._keep(person, kept)
        return kept.index

    def vocabulary(self, person: str, index: Index, words: Fetch) -> Vocabulary:
        """Of this very index, as `index` gave it; made at its first use.

        `words` gives the unsealed word lists: of shards that are not as they were when it was last made.
        """
        with self._lock:
            kept = self._kept.get(person)
        if kept is None or kept.index is not index:
            return vocabulary(index, words)
        if kept.listed == kept.access:
            return kept.vocabulary
        standing = {one.case for one in set(kept.access).intersection(kept.listed)}
        found = vocabulary(index, words, kept.vocabulary, standing)
        self._keep(person, replace(kept, listed=kept.access, vocabulary=found))
        return found

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()

    def _keep(self, person: str, kept: _Kept) -> None:
        with self._lock:
            self._kept[person] = kept
            self._kept.move_to_end(person)
            total = sum(one.nbytes for one in self._kept.values())
            while total > self._most_bytes and self._kept:
                total -= self._kept.popitem(last=False)[1].nbytes


def opened(access: Sequence[Access], scans: Fetch) -> Index:
    """An index made for this query alone."""
    return _renewed(None, access, scans)


def _renewed(kept: _Kept | None, access: Sequence[Access], scans: Fetch) -> Index:
    versions = {one.case: one.version for one in kept.access} if kept else {}
    changed = [one for one in access if versions.get(one.case) != one.version]
    fetched = scans([one.case for one in changed]) if changed else {}
    sections = cut([OpenShard(case=one.case, scan=fetched[one.case], allowed=one.allowed) for one in changed])
    if kept:
        number = {case: place for place, case in enumerate(kept.index.cases)}
        same = [one for one in access if versions.get(one.case) == one.version]
        sections += kept.index.again([number[one.case] for one in same], [one.allowed for one in same])
    return assemble(sections)
