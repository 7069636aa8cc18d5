"""The search shard of one case: what is found in its documents, as three byte strings that are sealed before they are kept.

    scan       hashes of the words, who has each and how often, and the table of documents: read by every query
    positions  where the words stand: read for phrases and to say the page of a hit
    words      each document's own names and words: read for prefixes, suggestions and names that sound alike

docs/search.md gives the layout. Nothing here is trusted when read back: every count, offset and order is checked, and
`BadShard` says so. Nothing is un-pickled or evaluated.
"""

import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import accumulate, pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hub.search import language
from storage.errors import Tampered

VERSION = 2
"""Of the layout. A shard of another version is not read but made anew: `python3 -m hub search rebuild`."""
TITLE_WEIGHT = 3  # a word in the title counts as three in the text
TITLE_GAP = 8  # places between title and text, so that no phrase runs from one into the other
MOST_DOCUMENTS = 65_535
MOST_FREQUENCY = 255  # BM25 has long since levelled out
TOO_MANY = f"A case can hold {MOST_DOCUMENTS} searchable documents."
LONGEST_ID = 32
LONGEST_TYPE = 24
SMALLEST_GRID = 512
WIDE = 1
MANY = 3
"""Flags: numbers of four bytes instead of two; and, as well, documents numbered in two bytes instead of one."""
FEW_DOCUMENTS = 256
OFTEN = 8
"""Two words that both stand in a document so often (as the scan part counts) have their neighbourhood written down as a
term of its own: phrases of the commonest words are then answered without reading where each word stands."""

_SCAN = struct.Struct("<4sHHIIIII16s20s")
_PART = struct.Struct("<4sHH16s")
SCAN_HEADER, PART_HEADER = _SCAN.size, _PART.size
# The same two heads for numpy, which reads those of many shards at once.
SCAN_HEAD = np.dtype(
    [
        ("magic", "S4"),
        ("version", "<u2"),
        ("flags", "<u2"),
        ("documents", "<u4"),
        ("terms", "<u4"),
        ("postings", "<u4"),
        ("pages", "<u4"),
        ("places", "<u4"),
        ("stamp", "V16"),
        ("spare", "V20"),
    ]
)
PART_HEAD = np.dtype([("magic", "S4"), ("version", "<u2"), ("flags", "<u2"), ("stamp", "V16")])
ROW = np.dtype(
    [
        ("key", "S32"),
        ("agency", "S32"),
        ("type", "S24"),
        ("length", "<u4"),
        ("day", "<u4"),
        ("pages", "<u4"),
        ("words", "<u4"),
        ("names", "<u4"),
    ]
)

Ints: TypeAlias = NDArray[np.int64]
Array: TypeAlias = NDArray[Any]


class BadShard(Tampered):
    """The bytes are no shard that this program wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """`key`: ASCII, at most 32 characters; `day`: proleptic ordinal (`date.toordinal`); `type_code` at most 24.

    `names`: words known to be names, beside those that the text writes as names.
    """

    key: str
    title: str
    pages: tuple[str, ...]
    day: int
    type_code: str
    agency: str
    names: tuple[str, ...] = ()


class Parts(NamedTuple):
    """The three byte strings of one shard; each is to be sealed on its own, bound to the case and the shard's version."""

    scan: bytes
    positions: bytes
    words: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """A decoded shard. Postings are ordered by (hash, document); `places` holds each posting's positions in a row.

    `words`: for each document its names, then its words; `rows["names"]` says where the names end.
    """

    rows: Array
    hashes: NDArray[np.uint64]
    starts: Ints
    documents: Ints
    frequencies: Ints
    place_starts: Ints
    places: Ints
    page_starts: Ints
    words: tuple[bytes, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(key.decode("ascii") for key in self.rows["key"].tolist())


@dataclass(frozen=True, slots=True, eq=False)
class _Flat:
    """Postings one by one, in any order, before they are sorted into a shard."""

    hashes: NDArray[np.uint64]
    documents: Ints
    frequencies: Ints
    counts: Ints
    places: Ints


@dataclass(slots=True)
class _Stream:
    """The tokens of one document as they are met."""

    hashes: "array[int]" = field(default_factory=lambda: array("Q"))
    places: "array[int]" = field(default_factory=lambda: array("q"))
    next_place: int = 0

    def take(self, text: str) -> None:
        base = self.next_place
        hashes, positions = language.codes(text)
        self.hashes.extend(hashes)
        self.places.extend([base + position for position in positions])
        self.next_place = base + positions[-1] + 1 if positions else base


def build(documents: Iterable[Document]) -> Shard:
    """A shard of these documents; the same documents in the same order give the same bytes."""
    return _extend(_empty(), list(documents))


def add(parts: Parts | None, document: Document) -> Parts:
    """The shard with this document, in place of an earlier one with the same key."""
    return joined(parts, build([document]))


def joined(parts: Parts | None, added: Shard) -> Parts:
    """The shard with these documents, in place of earlier ones with the same keys."""
    shard = decode(parts) if parts else _empty()
    return encode(_together(without(shard, set(added.keys)), added))


def remove(parts: Parts, key: str) -> Parts:
    """The shard without this document; unchanged if it never held it."""
    return encode(without(decode(parts), {key}))


def without(shard: Shard, keys: set[str]) -> Shard:
    keep = np.array([key not in keys for key in shard.keys], dtype=bool)
    if keep.all():
        return shard
    flat = _flatten(shard)
    chosen = keep[flat.documents]
    number = np.cumsum(keep) - 1
    pages = np.repeat(keep, shard.rows["pages"])
    kept = _Flat(
        hashes=flat.hashes[chosen],
        documents=number[flat.documents[chosen]],
        frequencies=flat.frequencies[chosen],
        counts=flat.counts[chosen],
        places=flat.places[np.repeat(chosen, flat.counts)],
    )
    words = tuple(text for text, stays in zip(shard.words, keep, strict=True) if stays)
    return _sorted(shard.rows[keep], kept, shard.page_starts[pages], words)


def moved(parts: Parts, key: str, into: Parts | None) -> tuple[Parts, Parts | None]:
    """Both shards after a document went from the first into the second; unchanged if the first never held it."""
    source = decode(parts)
    if key not in source.keys:
        return parts, into
    alone = without(source, set(source.keys) - {key})
    target = without(decode(into), {key}) if into else _empty()
    return encode(without(source, {key})), encode(_together(target, alone))


def _together(first: Shard, second: Shard) -> Shard:
    if len(first.rows) + len(second.rows) > MOST_DOCUMENTS:
        raise ValueError(TOO_MANY)
    flat = _flatten(second)
    flat = replace(flat, documents=flat.documents + len(first.rows))
    return _sorted(
        np.concatenate([first.rows, second.rows]),
        _joined([_flatten(first), flat]),
        np.concatenate([first.page_starts, second.page_starts]),
        (*first.words, *second.words),
    )


def encode(shard: Shard) -> Parts:
    wide = _flags(shard)
    number, document = ("<u4" if wide else "<u2"), ("<u2" if wide == MANY else "u1")
    high, low = (shard.hashes >> np.uint64(32)), shard.hashes & np.uint64(0xFFFFFFFF)
    scan = _bytes(
        (shard.rows, ROW),
        (high, "<u4"),
        (low, "<u4"),
        (shard.starts, number),
        (shard.documents, document),
        (shard.frequencies, "u1"),
    )
    positions = _bytes((shard.page_starts, "<u4"), (shard.place_starts, number), (shard.places, number))
    words = b"".join(shard.words)
    stamp = blake2b(scan + positions + words, digest_size=16).digest()
    sizes = (
        len(shard.rows),
        len(shard.hashes),
        len(shard.documents),
        len(shard.page_starts),
        len(shard.places),
    )
    return Parts(
        scan=_padded(_SCAN.pack(b"MHSS", VERSION, wide, *sizes, stamp, b"") + scan),
        positions=_padded(_PART.pack(b"MHSP", VERSION, wide, stamp) + positions),
        words=_padded(_PART.pack(b"MHSW", VERSION, wide, stamp) + words),
    )


def decode(parts: Parts) -> Shard:
    """The shard of three unsealed parts, every value checked; raises BadShard."""
    head = Header.of(parts.scan)
    scan = head.cut(parts.scan)
    positions, words = head.cut_positions(parts.positions), head.cut_words(parts.words, scan.rows)
    if encode_stamp(head, parts, words) != head.stamp:
        raise BadShard("The parts of the shard do not belong together.")
    shard = Shard(
        rows=scan.rows,
        hashes=(scan.high.astype(np.uint64) << np.uint64(32)) | scan.low,
        starts=scan.starts.astype(np.int64),
        documents=scan.documents.astype(np.int64),
        frequencies=scan.frequencies.astype(np.int64),
        place_starts=positions.starts.astype(np.int64),
        places=positions.places.astype(np.int64),
        page_starts=positions.page_starts.astype(np.int64),
        words=words,
    )
    _check(shard)
    return shard


class Scan(NamedTuple):
    """The arrays of a scan part, as they lie in it."""

    rows: Array
    high: Array
    low: Array
    starts: Array
    documents: Array
    frequencies: Array


class Positions(NamedTuple):
    page_starts: Array
    starts: Array
    places: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the head of a scan part says, with the sizes of everything that must follow from it."""

    flags: int
    documents: int
    terms: int
    postings: int
    pages: int
    places: int
    stamp: bytes

    @classmethod
    def of(cls, scan: bytes) -> "Header":
        if len(scan) < SCAN_HEADER:
            raise BadShard("The shard is shorter than its head.")
        magic, version, flags, *sizes, stamp, spare = _SCAN.unpack_from(scan)
        if (magic, version) != (b"MHSS", VERSION) or flags not in {0, WIDE, MANY} or any(spare):
            raise BadShard("The shard is of an unknown kind or version.")
        head = cls._sized(flags, sizes, stamp)
        if len(scan) != grid(SCAN_HEADER + head.scan_size) or head.documents > MOST_DOCUMENTS:
            raise BadShard("The shard is not as long as its head says.")
        return head

    @classmethod
    def of_fields(cls, fields: Array) -> "Header":
        """From one SCAN_HEAD that has been checked."""
        sizes = [int(fields[name]) for name in ("documents", "terms", "postings", "pages", "places")]
        return cls._sized(int(fields["flags"]), sizes, fields["stamp"].tobytes())

    @classmethod
    def _sized(cls, flags: int, sizes: list[int], stamp: bytes) -> "Header":
        documents, terms, postings, pages, places = sizes
        return cls(
            flags=flags,
            documents=documents,
            terms=terms,
            postings=postings,
            pages=pages,
            places=places,
            stamp=stamp,
        )

    @property
    def width(self) -> int:
        return 4 if self.flags else 2

    @property
    def document_width(self) -> int:
        return 2 if self.flags == MANY else 1

    @property
    def scan_layout(self) -> tuple[int, ...]:
        """Bytes of each section of the scan part, in order."""
        terms, postings = self.terms, self.postings
        starts = self.width * (terms + 1)
        rows = ROW.itemsize * self.documents
        return (rows, 4 * terms, 4 * terms, starts, self.document_width * postings, postings)

    @property
    def scan_size(self) -> int:
        return sum(self.scan_layout)

    @property
    def positions_layout(self) -> tuple[int, ...]:
        return (4 * self.pages, self.width * (self.postings + 1), self.width * self.places)

    def cut(self, scan: bytes) -> Scan:
        number = f"<u{self.width}"
        kinds: tuple[Any, ...] = (ROW, "<u4", "<u4", number, f"<u{self.document_width}", "u1")
        return Scan(*_arrays(scan, SCAN_HEADER, kinds, self.scan_layout))

    def cut_positions(self, part: bytes) -> Positions:
        self.check_part(part, b"MHSP", sum(self.positions_layout))
        kinds: tuple[Any, ...] = ("<u4", f"<u{self.width}", f"<u{self.width}")
        return Positions(*_arrays(part, PART_HEADER, kinds, self.positions_layout))

    def cut_words(self, part: bytes, rows: Array) -> tuple[bytes, ...]:
        """Each document's names and words, every one followed by a line feed."""
        sizes = rows["words"].tolist()
        if np.any(rows["names"] > rows["words"]):
            raise BadShard("A document of the shard has more names than words.")
        self.check_part(part, b"MHSW", sum(sizes))
        ends = list(accumulate(sizes, initial=PART_HEADER))
        if part[ends[-1] :].strip(b"\0"):
            raise BadShard("The shard goes on after its end.")
        return tuple(part[start:end] for start, end in pairwise(ends))

    def check_part(self, part: bytes, magic: bytes, size: int) -> None:
        if len(part) < PART_HEADER or len(part) != grid(PART_HEADER + size):
            raise BadShard("A part of the shard is not as long as its head says.")
        if _PART.unpack_from(part) != (magic, VERSION, self.flags, self.stamp):
            raise BadShard("The parts of the shard do not belong together.")


def encode_stamp(head: Header, parts: Parts, words: tuple[bytes, ...]) -> bytes:
    digest = blake2b(memoryview(parts.scan)[SCAN_HEADER : SCAN_HEADER + head.scan_size], digest_size=16)
    digest.update(memoryview(parts.positions)[PART_HEADER : PART_HEADER + sum(head.positions_layout)])
    digest.update(b"".join(words))
    return digest.digest()


def grid(size: int) -> int:
    """The padded size: the next multiple of a sixteenth of the power of two below it, so a size tells little."""
    step = max(SMALLEST_GRID, 1 << max(0, size.bit_length() - 5))
    return -(-size // step) * step


def grids(sizes: Ints) -> Ints:
    """`grid` of many sizes."""
    lengths = np.frexp(sizes.astype(np.float64))[1].astype(np.int64)
    steps = np.maximum(SMALLEST_GRID, np.left_shift(1, np.maximum(0, lengths - 5)))
    rounded: Ints = -(-sizes // steps) * steps
    return rounded


def _padded(part: bytes) -> bytes:
    return part.ljust(grid(len(part)), b"\0")


def _arrays(part: bytes, offset: int, kinds: Sequence[Any], sizes: Sequence[int]) -> Iterator[Array]:
    for kind, size in zip(kinds, sizes, strict=True):
        yield np.frombuffer(part, dtype=kind, count=size // np.dtype(kind).itemsize, offset=offset)
        offset += size
    if part[offset:].strip(b"\0"):
        raise BadShard("The shard goes on after its end.")


def _bytes(*sections: tuple[Array, Any]) -> bytes:
    return b"".join(values.astype(kind, copy=False).tobytes() for values, kind in sections)


def _flags(shard: Shard) -> int:
    if len(shard.rows) > FEW_DOCUMENTS:
        return MANY
    most = max(len(shard.documents), len(shard.places), int(shard.places.max(initial=0)))
    return WIDE if most >= 1 << 16 else 0


def _empty() -> Shard:
    none = np.zeros(0, dtype=np.int64)
    start = np.zeros(1, dtype=np.int64)
    return Shard(np.zeros(0, dtype=ROW), none.astype(np.uint64), start, none, none, start, none, none, ())


def _extend(shard: Shard, documents: list[Document]) -> Shard:
    """The shard with these documents after its own."""
    if len(shard.rows) + len(documents) > MOST_DOCUMENTS:
        raise ValueError(TOO_MANY)
    flats, rows, pages, words = [_flatten(shard)], [shard.rows], [shard.page_starts], list(shard.words)
    for number, document in enumerate(documents, start=len(shard.rows)):
        analysed = _analyse(document, number)
        names, listed = _name_list(document), _word_list(document)
        flats += [analysed.flat, _neighbours(analysed, number)]
        pages.append(analysed.page_starts)
        words.append(names + listed)
        rows.append(_row(document, analysed.length, len(names), len(names + listed)))
    return _sorted(np.concatenate(rows), _joined(flats), np.concatenate(pages), tuple(words))


@dataclass(frozen=True, slots=True, eq=False)
class _Analysed:
    """One document: its postings, and its tokens in reading order."""

    flat: _Flat
    length: int
    page_starts: Ints
    hashes: NDArray[np.uint64]
    places: Ints


def _analyse(document: Document, number: int) -> _Analysed:
    stream = _Stream()
    stream.take(language.clean(document.title))
    in_title = len(stream.hashes)
    stream.next_place += TITLE_GAP
    page_starts = []
    for page in document.pages:
        page_starts.append(stream.next_place)
        stream.take(language.clean(page))
    weights = np.ones(len(stream.hashes), dtype=np.int64)
    weights[:in_title] = TITLE_WEIGHT
    hashes = np.frombuffer(stream.hashes, dtype=np.uint64)
    order = np.argsort(hashes, kind="stable")
    distinct, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    weighed = np.bincount(inverse, weights=weights, minlength=len(distinct)).astype(np.int64)
    places = np.frombuffer(stream.places, dtype=np.int64)
    numbers = np.full(len(distinct), number, dtype=np.int64)
    flat = _Flat(distinct, numbers, weighed, counts.astype(np.int64), places[order])
    often = (np.minimum(weighed, MOST_FREQUENCY) >= OFTEN)[inverse]
    return _Analysed(
        flat, int(weights.sum()), np.array(page_starts, dtype=np.int64), hashes[often], places[often]
    )


def _neighbours(analysed: _Analysed, number: int) -> _Flat:
    """How often each two of the document's frequent words stand side by side, as postings without places."""
    distinct, codes = np.unique(analysed.hashes, return_inverse=True)
    after = np.searchsorted(analysed.places, analysed.places + 1)
    counts = np.searchsorted(analysed.places, analysed.places + 1, side="right") - after
    pairs = np.repeat(codes * len(distinct), counts) + codes[spread(after, counts)]
    found, often = np.unique(pairs, return_counts=True)
    first, second = distinct[found // max(len(distinct), 1)], distinct[found % max(len(distinct), 1)]
    none = np.zeros(len(found), dtype=np.int64)
    return _Flat(
        hashes=np.array(list(map(language.pair_hash, first.tolist(), second.tolist())), dtype=np.uint64),
        documents=none + number,
        frequencies=often.astype(np.int64),
        counts=none,
        places=none[:0],
    )


def _name_list(document: Document) -> bytes:
    """A line for each name: the folded word, and how it sounds, each after a tab."""
    found = set[str]()
    for text in (document.title, *document.pages):
        found |= language.names(language.clean(text))
    for text in document.names:
        found |= language.words(language.clean(text))
    return "".join("\t".join((word, *language.sounds(word))) + "\n" for word in sorted(found)).encode(
        "utf-8", "replace"
    )


def _word_list(document: Document) -> bytes:
    texts = map(language.clean, (document.title, *document.pages))
    found = language.words("\n".join(texts))
    return "\n".join([*sorted(found), ""]).encode("utf-8", "replace")


def _row(document: Document, length: int, names: int, words: int) -> Array:
    key, agency = _ascii(document.key, LONGEST_ID), _ascii(document.agency, LONGEST_ID)
    type_code = _ascii(document.type_code, LONGEST_TYPE)
    values = (key, agency, type_code, length, document.day, len(document.pages), words, names)
    return np.array([values], dtype=ROW)


def _ascii(text: str, longest: int) -> bytes:
    code = text.encode("ascii")
    if not code or len(code) > longest or b"\0" in code:
        raise ValueError(
            f"An id of a document, agency or type has 1 to {longest} plain characters, not {text!r}."
        )
    return code


def _flatten(shard: Shard) -> _Flat:
    return _Flat(
        hashes=np.repeat(shard.hashes, np.diff(shard.starts)),
        documents=shard.documents,
        frequencies=shard.frequencies,
        counts=np.diff(shard.place_starts),
        places=shard.places,
    )


def _joined(flats: list[_Flat]) -> _Flat:
    return _Flat(
        hashes=np.concatenate([flat.hashes for flat in flats]),
        documents=np.concatenate([flat.documents for flat in flats]),
        frequencies=np.concatenate([flat.frequencies for flat in flats]),
        counts=np.concatenate([flat.counts for flat in flats]),
        places=np.concatenate([flat.places for flat in flats]),
    )


def _sorted(rows: Array, flat: _Flat, page_starts: Ints, words: tuple[bytes, ...]) -> Shard:
    order = np.lexsort((flat.documents, flat.hashes))
    hashes, first = np.unique(flat.hashes[order], return_index=True)
    counts = flat.counts[order]
    place_from = (np.cumsum(flat.counts) - flat.counts)[order]
    return Shard(
        rows=rows,
        hashes=hashes,
        starts=np.append(first, len(order)).astype(np.int64),
        documents=flat.documents[order],
        frequencies=np.minimum(flat.frequencies[order], MOST_FREQUENCY),
        place_starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        places=flat.places[spread(place_from, counts)],
        page_starts=page_starts,
        words=words,
    )


def spread(starts: Ints, counts: Ints) -> Ints:
    """The indices start, start+1, ... of each run, one run after the other."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    runs: Ints = np.arange(total, dtype=np.int64) + np.repeat(starts - (ends - counts), counts)
    return runs


def _check(shard: Shard) -> None:
    """Every invariant that the reading code relies on."""
    rows, postings = shard.rows, len(shard.documents)
    found = (
        _climbs(shard.starts, postings, 1),
        _climbs(shard.place_starts, len(shard.places), 0),
        bool(np.all(shard.hashes[1:] > shard.hashes[:-1])),
        bool(np.all(shard.documents < len(rows))),
        bool(np.all(shard.frequencies > 0)),
        _within(shard.documents, shard.starts),
        _within(shard.places, shard.place_starts),
        int(rows["pages"].sum()) == len(shard.page_starts),
        _within(shard.page_starts, np.concatenate([[0], np.cumsum(rows["pages"])]), strictly=False),
        len(set(rows["key"].tolist())) == len(rows) and all(rows["key"].tolist()),
        all(not words or words.endswith(b"\n") for words in shard.words),
        bool(np.all(rows["names"] <= rows["words"])),
    )
    if not all(found):
        raise BadShard("The shard contradicts itself.")


def _climbs(starts: Array, end: int, least: int) -> bool:
    return bool(starts[0] == 0 and starts[-1] == end and np.all(np.diff(starts) >= least))


def _within(values: Ints, starts: Array, *, strictly: bool = True) -> bool:
    """Whether the values rise inside each run."""
    rises = np.diff(values) >= (1 if strictly else 0)
    if len(rises):
        inner = starts[1:-1].astype(np.int64)
        rises[inner[(inner > 0) & (inner <= len(rises))] - 1] = True
    return bool(rises.all())
