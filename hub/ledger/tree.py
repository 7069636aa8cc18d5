"""The Merkle tree of RFC 6962 section 2.1 and its proofs, as RFC 9162 sections 2.1.1 to 2.1.5 give them: pure.

A tree is known by its `Frontier`, the roots of its perfect subtrees: enough to append and to tell the root, some 32 x log2(n)
bytes however long the log. Proofs need the leaf hashes themselves: `Tree`.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256().digest()


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """`nodes`: the roots of the perfect subtrees from the left, one for each 1 in `size` written in binary."""

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if len(self.nodes) != self.size.bit_count() or any(len(node) != HASH_SIZE for node in self.nodes):
            raise ValueError("a frontier that fits no tree of its size")

    @classmethod
    def of(cls, size: int, data: bytes) -> "Frontier":
        """From `bytes(frontier)`; ValueError when it fits no tree of that size."""
        return cls(size, tuple(data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)))

    def __bytes__(self) -> bytes:
        return b"".join(self.nodes)

    def extended(self, hashes: Iterable[bytes]) -> "Frontier":
        """With these leaf hashes appended."""
        size, nodes = self.size, list(self.nodes)
        for added in hashes:
            merged, rest = added, size
            while rest & 1:
                merged = node_hash(nodes.pop(), merged)
                rest >>= 1
            nodes.append(merged)
            size += 1
        return Frontier(size, tuple(nodes))

    @property
    def root(self) -> bytes:
        if not self.nodes:
            return EMPTY_ROOT
        root = self.nodes[-1]
        for left in reversed(self.nodes[:-1]):
            root = node_hash(left, root)
        return root


class Tree:
    """All leaf hashes with every perfect subtree's root: 64 bytes a leaf, and each proof in O(log n)."""

    def __init__(self, hashes: Iterable[bytes]) -> None:
        self._levels: list[list[bytes]] = [list(hashes)]
        while len(below := self._levels[-1]) > 1:
            self._levels.append([node_hash(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)])

    def __len__(self) -> int:
        return len(self._levels[0])

    def root(self, size: int | None = None) -> bytes:
        """Of the tree of the first `size` leaves."""
        size = self._checked(size)
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """The proof that leaf `index` (from 0) is in the tree of `size` leaves: RFC 9162 section 2.1.3.1."""
        size = self._checked(size)
        if not 0 <= index < size:
            raise IndexError(index)
        return self._path(index, 0, size)

    def consistency(self, old: int, size: int | None = None) -> list[bytes]:
        """The proof that the tree of `size` continues that of `old` leaves (1 to size): RFC 9162 section 2.1.4.1."""
        size = self._checked(size)
        if not 0 < old <= size:
            raise IndexError(old)
        return _subproof(self._range, old, (0, size), whole=True)

    def _checked(self, size: int | None) -> int:
        size = len(self) if size is None else size
        if not 0 <= size <= len(self):
            raise IndexError(size)
        return size

    def _range(self, start: int, end: int) -> bytes:
        """Root over leaves `start` to `end`; every range met begins at a multiple of its first subtree."""
        count = end - start
        if count & (count - 1) == 0:
            level = count.bit_length() - 1
            return self._levels[level][start >> level]
        middle = start + _split(count)
        return node_hash(self._range(start, middle), self._range(middle, end))

    def _path(self, index: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        middle = start + _split(end - start)
        if index < middle:
            return [*self._path(index, start, middle), self._range(middle, end)]
        return [*self._path(index, middle, end), self._range(start, middle)]


Range = Callable[[int, int], bytes]
"""The root over the leaves from one index up to another."""


def consistency_from(frontier: Frontier, added: Sequence[bytes]) -> list[bytes]:
    """The proof that a tree continues that of the frontier (not empty), made of the leaf hashes added since alone."""
    starts, at = {}, 0
    for node, bit in zip(frontier.nodes, _bits(frontier.size), strict=True):
        starts[at], at = node, at + bit

    def over(start: int, end: int) -> bytes:
        if start < frontier.size:
            return starts[start]
        if end - start == 1:
            return added[start - frontier.size]
        middle = start + _split(end - start)
        return node_hash(over(start, middle), over(middle, end))

    if not frontier.size:
        raise IndexError(0)
    return _subproof(over, frontier.size, (0, frontier.size + len(added)), whole=True)


def _bits(size: int) -> list[int]:
    """The powers of two that make up `size`, largest first."""
    return [1 << place for place in reversed(range(size.bit_length())) if size >> place & 1]


def _subproof(over: Range, old: int, span: tuple[int, int], *, whole: bool) -> list[bytes]:
    start, end = span
    if old == end:
        return [] if whole else [over(start, end)]
    middle = start + _split(end - start)
    if old <= middle:
        return [*_subproof(over, old, (start, middle), whole=whole), over(middle, end)]
    return [*_subproof(over, old, (middle, end), whole=False), over(start, middle)]


def _split(count: int) -> int:
    """The largest power of two smaller than `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def includes(root: bytes, size: int, index: int, hashed: bytes, proof: Sequence[bytes]) -> bool:
    """Whether leaf hash `hashed` is leaf `index` of the tree of `size` and `root`: RFC 9162 section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, hashed
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            at, last = _past_left_edge(at, last)
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def continues(old_root: bytes, old: int, root: bytes, size: int, proof: Sequence[bytes]) -> bool:
    """Whether the tree of `size` and `root` begins with that of `old` and `old_root`: RFC 9162 section 2.1.4.2.

    Every tree continues the empty one; its proof is empty.
    """
    if old == 0:
        return size >= 0 and not proof and old_root == EMPTY_ROOT
    if old == size:
        return not proof and old_root == root
    if not 0 < old < size or not proof:
        return False
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    return _walks(path, old, size) == (old_root, root)


def _walks(path: Sequence[bytes], old: int, size: int) -> tuple[bytes, bytes] | None:
    """The (older, newer) roots that the path leads to, or None when it is too long or too short."""
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    older = newer = path[0]
    for node in path[1:]:
        if last == 0:
            return None
        if at & 1 or at == last:
            older, newer = node_hash(node, older), node_hash(node, newer)
            at, last = _past_left_edge(at, last)
        else:
            newer = node_hash(newer, node)
        at, last = at >> 1, last >> 1
    return (older, newer) if last == 0 else None


def _past_left_edge(at: int, last: int) -> tuple[int, int]:
    """Up to where `at` is a right child, or the root: there the path has no nodes."""
    while at and not at & 1:
        at, last = at >> 1, last >> 1
    return at, last
