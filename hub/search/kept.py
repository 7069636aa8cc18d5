"""Indexes kept in memory between queries, one for each person, within a bound.

A kept index is used only if the cases, the version of each shard and the allowed documents are exactly those the caller
has just read from the database; whatever changed is fetched again, so a revocation acts on the next query.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from hub.search.engine import Fetch, Index, OpenShard, assemble, cut


class Access(NamedTuple):
    """What a person may read of one case now: the shard's version, and the documents (None: all of them)."""

    case: str
    version: int
    allowed: frozenset[str] | None


class KeptIndexes:
    """Safe to share between threads. `most_bytes` bounds all kept indexes together; the longest unused goes first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, tuple[tuple[Access, ...], Index]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        with self._lock:
            return sum(index.nbytes for _, index in self._kept.values())

    def index(self, person: str, access: Sequence[Access], scans: Fetch) -> Index:
        """The index of exactly this access. `scans` gives the unsealed scan parts of the cases that are new or changed."""
        wanted = tuple(access)
        with self._lock:
            known, kept = self._kept.get(person, ((), None))
        if kept is not None and known == wanted:
            self._keep(person, wanted, kept)
            return kept
        index = _renewed(known, kept, access, scans)
        self._keep(person, wanted, index)
        return index

    def forget(self, person: str) -> None:
        """For sign-out, and when a person's rights are withdrawn."""
        with self._lock:
            self._kept.pop(person, None)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()

    def _keep(self, person: str, access: tuple[Access, ...], index: Index) -> None:
        with self._lock:
            self._kept[person] = (access, index)
            self._kept.move_to_end(person)
            total = sum(kept.nbytes for _, kept in self._kept.values())
            while total > self._most_bytes and self._kept:
                total -= self._kept.popitem(last=False)[1][1].nbytes


def opened(access: Sequence[Access], scans: Fetch) -> Index:
    """An index made for this query alone."""
    return _renewed((), None, access, scans)


def _renewed(known: tuple[Access, ...], kept: Index | None, access: Sequence[Access], scans: Fetch) -> Index:
    versions = {one.case: one.version for one in known}
    changed = [one for one in access if versions.get(one.case) != one.version]
    fetched = scans([one.case for one in changed]) if changed else {}
    sections = cut([OpenShard(case=one.case, scan=fetched[one.case], allowed=one.allowed) for one in changed])
    if kept:
        number = {case: place for place, case in enumerate(kept.cases)}
        same = [one for one in access if versions.get(one.case) == one.version]
        sections += kept.again([number[one.case] for one in same], [one.allowed for one in same])
    return assemble(sections)
