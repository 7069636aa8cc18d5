"""Answers a query from the shards one person may read, and from nothing else.

Every number in an answer (scores, counts, order) is computed over the allowed documents of the given shards alone, so
nothing about any other document can show in it. docs/search.md has the formula and the figures.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hub.search import language
from hub.search.query import Alike, All, Either, Phrase, Prefix, Some, Term, Tree, Understood
from hub.search.shard import (
    MANY,
    MOST_DOCUMENTS,
    MOST_FREQUENCY,
    OFTEN,
    PART_HEAD,
    PART_HEADER,
    ROW,
    SCAN_HEAD,
    SCAN_HEADER,
    VERSION,
    WIDE,
    Array,
    BadShard,
    Header,
    Ints,
    grids,
    spread,
)
from hub.search.vocabulary import UNREAD, Vocabulary, gathered, starting

K1 = 1.5
B = 0.75
FIRST_WORDS = 3
"""Up to so many plain words, what has all of them stands before what has not. In longer questions some words are there by the
way, and long documents that happen to have them all would stand first: docs/search.md has the figures."""
NEWNESS = 0.1  # a document of today counts a tenth more than a very old one
NEWNESS_HALVES = 365.0  # days
ALIKE = 0.6  # what a word that only resembles the one asked for counts
MOST_EXPANSIONS = 512
"""Words that all the prefixes of a query stand for together."""
FEW = 6  # up to so many words it is quicker to compare each than to look all up in a table
BATCH = 1 << 16  # numbers that are worked on together: as many as a processor keeps at hand

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Sort: TypeAlias = Literal["best", "newest", "oldest"]
Fetch: TypeAlias = Callable[[Sequence[str]], Mapping[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenShard:
    """The unsealed scan part of one shard. `allowed` names the documents this person may read; None means all.

    `case`: the case's id; with "/" and more after it where the case has several shards.
    """

    case: str
    scan: bytes
    allowed: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Empty means any. They choose hits; they do not change scores. Days are ordinals, both included."""

    cases: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    agencies: frozenset[str] = frozenset()
    first_day: int | None = None
    last_day: int | None = None


class Hit(NamedTuple):
    """`page` counts from 1 and is where most of the query stands; a match in the title alone says page 1.

    `alike`: found by a word that only resembles one of those asked for.
    """

    case: str
    document: str
    page: int
    score: float
    alike: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """`total` is of every hit, not only of those shown; each count as if its own filter were not set. `took` is seconds, for the operator alone.

    `complete`: how many hits have every plain word. `unknown`: the terms that no allowed document has.
    """

    hits: tuple[Hit, ...]
    total: int
    by_type: Mapping[str, int]
    by_agency: Mapping[str, int]
    by_year: Mapping[int, int]
    complete: int
    unknown: frozenset[str]
    took: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """How the other parts of shards are had, unsealed: one call for all the cases that need it.

    `vocabulary`: of exactly the documents that the index allows.
    """

    positions: Fetch
    vocabulary: Callable[[], Vocabulary]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which hits are shown, in which order. `today` (ordinal) is what newness is measured from."""

    today: int
    limit: int = 10
    offset: int = 0
    sort: Sort = "best"


class Section(NamedTuple):
    """One shard: its head, and the bytes of each section of its scan part in the order of the format."""

    case: str
    head: memoryview
    parts: tuple[memoryview, ...]
    allowed: frozenset[str] | None


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Scan arrays of many shards end to end. Immutable; made by `assemble`. `sections` are the bytes under the arrays."""

    cases: tuple[str, ...]
    heads: Array
    sections: tuple[bytes, ...]
    offsets: Ints
    rows: Array
    high: Array
    low: Array
    starts: Array
    documents: Array
    frequencies: Array
    first_term: Ints
    first_posting: Ints
    first_document: Ints
    allowed: Flags
    size: int

    @property
    def nbytes(self) -> int:
        copied = sum(array.nbytes for array in (self.starts, self.documents) if array.flags.owndata)
        return sum(map(len, self.sections)) + self.heads.nbytes + self.offsets.nbytes + copied

    def again(self, numbers: Sequence[int], allowed: Sequence[frozenset[str] | None]) -> list[Section]:
        """These shards as sections for another index, without opening or copying anything."""
        heads = memoryview(self.heads.tobytes())
        views = [memoryview(section) for section in self.sections]
        ends = self.offsets.tolist()
        return [
            Section(
                self.cases[number],
                heads[number * SCAN_HEADER : (number + 1) * SCAN_HEADER],
                tuple(
                    view[start:end]
                    for view, start, end in zip(views, ends[number], ends[number + 1], strict=True)
                ),
                may,
            )
            for number, may in zip(numbers, allowed, strict=True)
        ]

    def header(self, number: int) -> Header:
        return Header.of_fields(self.heads[number])


def cut(shards: Sequence[OpenShard]) -> list[Section]:
    """Raises BadShard. Offsets inside the sections are checked where they are used."""
    if any(len(shard.scan) < SCAN_HEADER for shard in shards):
        raise BadShard("The shard is shorter than its head.")
    heads = np.frombuffer(b"".join([shard.scan[:SCAN_HEADER] for shard in shards]), dtype=SCAN_HEAD)
    sizes = _section_sizes(heads)
    ends = np.cumsum(np.column_stack([np.full(len(heads), SCAN_HEADER), sizes]), axis=1)
    lengths = np.array([len(shard.scan) for shard in shards], dtype=np.int64)
    if len(heads) == 0:
        return []
    if not _are_heads(heads) or np.any(grids(ends[:, -1]) != lengths):
        raise BadShard("The shard is of an unknown kind or version, or not as long as its head says.")
    sections = []
    for shard, places in zip(shards, ends.tolist(), strict=True):
        view = memoryview(shard.scan)
        parts = tuple([view[start:end] for start, end in pairwise(places)])
        sections.append(Section(shard.case, view[:SCAN_HEADER], parts, shard.allowed))
    return sections


def _are_heads(heads: Array) -> bool:
    flags = (heads["flags"] <= WIDE) | (heads["flags"] == MANY)
    known = (heads["magic"] == b"MHSS") & (heads["version"] == VERSION) & flags
    return bool(np.all(known & (heads["documents"] <= MOST_DOCUMENTS)))


def _section_sizes(heads: Array) -> Ints:
    """Bytes of each section of each shard, as `Header.scan_layout` says."""
    terms, postings = heads["terms"].astype(np.int64), heads["postings"].astype(np.int64)
    starts = _width(heads) * (terms + 1)
    documents = (1 + (heads["flags"] == MANY)) * postings
    rows = ROW.itemsize * heads["documents"].astype(np.int64)
    return np.column_stack([rows, 4 * terms, 4 * terms, starts, documents, postings])


def _width(heads: Array) -> Ints:
    """Bytes of a number: see `shard.WIDE`."""
    return np.where(heads["flags"] == 0, 2, 4).astype(np.int64)


def assemble(sections: Iterable[Section]) -> Index:
    """One index of these shards. Raises BadShard; raises ValueError if a case comes twice."""
    chosen = sorted(
        sections, key=lambda section: (section.head[6], section.case)
    )  # the narrow before the wide
    cases = tuple([section.case for section in chosen])
    if len(set(cases)) != len(cases):
        raise ValueError("A shard is opened once.")
    heads = np.frombuffer(b"".join([section.head for section in chosen]), dtype=SCAN_HEAD)
    joined = tuple([b"".join([section.parts[number] for section in chosen]) for number in range(6)])
    rows = np.frombuffer(joined[0], dtype=ROW)
    first_document = _firsts(heads["documents"])
    sizes = _section_sizes(heads)
    return Index(
        cases=cases,
        heads=heads,
        sections=joined,
        offsets=np.vstack([np.zeros((1, 6), dtype=np.int64), np.cumsum(sizes, axis=0)]),
        rows=rows,
        high=np.frombuffer(joined[1], dtype="<u4"),
        low=np.frombuffer(joined[2], dtype="<u4"),
        starts=_numbers(joined[3], int(sizes[heads["flags"] == 0, 3].sum()), 2),
        documents=_numbers(joined[4], int(sizes[heads["flags"] != MANY, 4].sum()), 1),
        frequencies=np.frombuffer(joined[5], dtype="u1"),
        first_term=_firsts(heads["terms"]),
        first_posting=_firsts(heads["postings"]),
        first_document=first_document,
        allowed=_allowed(chosen, rows, first_document),
        size=len(rows),
    )


def _numbers(joined: bytes, narrow: int, width: int) -> Array:
    """Numbers of `width` bytes up to the offset `narrow`, of twice as many from there on."""
    short = np.frombuffer(joined, dtype=f"<u{width}", count=narrow // width)
    if narrow == len(joined):
        return short
    wide = f"<u{2 * width}"
    return np.concatenate([short.astype(wide), np.frombuffer(joined, dtype=wide, offset=narrow)])


def _firsts(counts: Array) -> Ints:
    return np.concatenate([[0], np.cumsum(counts.astype(np.int64))]).astype(np.int64)


def _allowed(sections: Sequence[Section], rows: Array, first: Ints) -> Flags:
    flags = np.ones(len(rows), dtype=bool)
    for number, section in enumerate(sections):
        if section.allowed is not None:
            names = {key.encode("ascii", "replace") for key in section.allowed}
            start, end = int(first[number]), int(first[number + 1])
            flags[start:end] = [key in names for key in rows["key"][start:end].tolist()]
    return flags


class _Match(NamedTuple):
    """Where one term stands: global document numbers (rising), frequencies there, and the postings themselves."""

    documents: Ints
    frequencies: Ints
    postings: Ints


@dataclass(frozen=True, slots=True, eq=False)
class _Ranked:
    """Over all documents of the index: which match, how well, and which have every one of the plain `words`."""

    found: Flags
    score: Floats
    complete: Flags
    words: int = 1


@dataclass(frozen=True, slots=True)
class Known:
    """What was found out of one index while a person asks one thing; asked again in other words, it is not looked up again."""

    matches: dict[int, _Match] = field(default_factory=dict)
    phrases: dict[Phrase, _Match] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Run:
    """The state of one query over one index."""

    index: Index
    parts: Parts
    norms: Floats
    number: int
    matches: dict[int, _Match]
    phrases: dict[Phrase, _Match]
    opened: "list[_Opened]" = field(default_factory=list)
    prefixes: dict[str, tuple[int, ...]] = field(default_factory=dict)


def search(
    understood: Understood,
    index: Index,
    filters: Filters,
    parts: Parts,
    window: Window,
    known: Known | None = None,
) -> Results:
    """Raises BadShard if a shard contradicts itself where it is read, and whatever `parts` raises.

    `known`: of this very index; what is found out is added to it.
    """
    began = time.perf_counter()
    run = _start(index, parts, known or Known())
    ranked = _evaluate(understood.tree, run) if understood.tree else _everything(run, understood, filters)
    chosen = _filters(index, filters)
    matching = ranked.found & index.allowed & chosen["case"]
    found = np.flatnonzero(matching & chosen["type"] & chosen["agency"] & chosen["day"])
    shown = _order(found, ranked, index, window)
    pages = _pages(understood.tree, shown, run)
    scores = _newness(index, shown, window.today) * ranked.score[shown]
    alike = _alike(understood.tree, shown, run)
    by_type = index.rows["type"][matching & chosen["agency"] & chosen["day"]]
    by_agency = index.rows["agency"][matching & chosen["type"] & chosen["day"]]
    by_year = index.rows["day"][matching & chosen["type"] & chosen["agency"]]
    return Results(
        hits=tuple(
            Hit(
                case=index.cases[case].partition("/")[0],
                document=index.rows["key"][number].decode("ascii"),
                page=page,
                score=round(float(score), 6),
                alike=resembles,
            )
            for number, case, page, score, resembles in zip(
                shown.tolist(), _case_of(index, shown).tolist(), pages, scores.tolist(), alike, strict=True
            )
        ),
        total=len(found),
        by_type=_counts(by_type),
        by_agency=_counts(by_agency),
        by_year=_years(by_year),
        complete=int(np.count_nonzero(ranked.complete[found])),
        unknown=_unknown(understood.tree, run),
        took=time.perf_counter() - began,
    )


def _start(index: Index, parts: Parts, known: Known) -> _Run:
    number = int(index.allowed.sum())
    lengths = index.rows["length"].astype(np.float64)
    total = float(lengths[index.allowed].sum())
    average = total / number if total else 1.0
    norms = K1 * (1 - B + B * lengths / average)
    return _Run(index, parts, norms, number, matches=known.matches, phrases=known.phrases)


def _everything(run: _Run, understood: Understood, filters: Filters) -> _Ranked:
    """Fields and filters alone choose from every document; nothing at all chooses none."""
    flags = np.full(run.index.size, not understood.empty or filters != Filters())
    return _Ranked(flags, np.zeros(run.index.size), flags)


def _unknown(tree: Tree | None, run: _Run) -> frozenset[str]:
    terms = {leaf.term for leaf in _leaves(tree) if isinstance(leaf, Term)} if tree else set()
    return frozenset(term for term in terms if not len(run.matches[language.hash_of(term)].documents))


def _alike(tree: Tree | None, shown: Ints, run: _Run) -> list[bool]:
    """For each document shown whether some word is in it only as one that resembles it."""
    flags = np.zeros(len(shown), dtype=bool)
    for leaf in _alikes(tree) if tree else ():
        flags |= ~_rank(leaf.exact, run).found[shown] & _rank_alike(leaf, run).found[shown]
    return flags.tolist()


def _alikes(tree: Tree) -> Iterable[Alike]:
    if isinstance(tree, Alike):
        yield tree
    elif isinstance(tree, All | Some):
        for child in tree.wanted:
            yield from _alikes(child)


def _evaluate(tree: Tree, run: _Run) -> _Ranked:
    _look_up(_terms(tree, run), run)
    _find_phrases(tree, run)
    return _rank(tree, run)


def _rank(tree: Tree, run: _Run) -> _Ranked:
    if isinstance(tree, All | Some):
        return _rank_group(tree, run)
    if isinstance(tree, Either):
        return _rank_either(tree, run)
    if isinstance(tree, Alike):
        return _rank_alike(tree, run)
    return _rank_match(_match(tree, run), run)


def _match(leaf: Term | Phrase | Prefix, run: _Run) -> _Match:
    if isinstance(leaf, Term):
        return run.matches[language.hash_of(leaf.term)]
    if isinstance(leaf, Phrase):
        return run.phrases[leaf]
    return _union([run.matches[code] for code in run.prefixes[leaf.start]], run.index.size)


def _rank_match(match: _Match, run: _Run) -> _Ranked:
    found = np.zeros(run.index.size, dtype=bool)
    score = np.zeros(run.index.size)
    found[match.documents] = True
    score[match.documents] = _scores(match, run)
    return _Ranked(found, score, found)


def _scores(match: _Match, run: _Run) -> Floats:
    """Of the documents of the match."""
    often = match.frequencies
    rarity = _idf(len(match.documents), run.number)
    return np.asarray(rarity * (often * (K1 + 1) / (often + run.norms[match.documents])))


def _idf(having: int, number: int) -> float:
    return float(np.log1p((number - having + 0.5) / (having + 0.5)))


def _rank_either(tree: Either, run: _Run) -> _Ranked:
    ranked = [_rank(writing, run) for writing in tree.writings]
    whole = np.logical_or.reduce([one.found for one in ranked])
    found, score = whole, np.maximum.reduce([one.score for one in ranked])
    for part in tree.parts:
        alone = _rank(part, run)
        found, score = found | alone.found, score + alone.score
    return _Ranked(found, score, whole)


def _rank_alike(tree: Alike, run: _Run) -> _Ranked:
    """What resembles a word counts less than the word itself, and all that resembles it counts as one word."""
    exact = _rank(tree.exact, run)
    others = [run.matches[language.hash_of(term)] for term in tree.others]
    resembling = _rank_match(_union(others, run.index.size), run)
    found = exact.found | resembling.found
    return _Ranked(found, np.maximum(exact.score, ALIKE * resembling.score), found)


def _rank_group(tree: All | Some, run: _Run) -> _Ranked:
    """`having`: how many of the conditions a document meets; `whole`: how many with every word."""
    score = np.zeros(run.index.size)
    having, whole = np.zeros(run.index.size, dtype=np.int64), np.zeros(run.index.size, dtype=np.int64)
    for child in tree.wanted:
        if isinstance(child, Term | Phrase | Prefix):
            match = _match(child, run)
            score[match.documents] += _scores(match, run)
            having[match.documents] += 1
            whole[match.documents] += 1
        else:
            one = _rank(child, run)
            score += one.score
            having += one.found
            whole += one.complete
    wanted = len(tree.wanted)
    found = having == wanted if isinstance(tree, All) else having > 0
    for unwanted in tree.unwanted:
        found &= ~_rank(unwanted, run).found
    words = wanted if isinstance(tree, Some) else 1
    return _Ranked(found, np.where(found, score, 0.0), (whole == wanted) & found, words)


def _leaves(tree: Tree) -> Iterable[Term | Phrase | Prefix]:
    match tree:
        case Term() | Phrase() | Prefix():
            yield tree
        case Either():
            yield from (*tree.writings, *tree.parts)
        case Alike():
            yield tree.exact
            yield from (Term(term, term) for term in tree.others)
        case All() | Some():
            for child in (*tree.wanted, *tree.unwanted):
                yield from _leaves(child)


def _terms(tree: Tree, run: _Run) -> set[int]:
    """The hashes of every term the tree needs, prefixes written out."""
    starts = sorted({leaf.start for leaf in _leaves(tree) if isinstance(leaf, Prefix)})
    if starts:
        run.prefixes = _expand(starts, run)
    pairs = {
        _pair(*pair) for leaf in _leaves(tree) if isinstance(leaf, Phrase) for pair in _side_by_side(leaf)
    }
    return _hashes(tree, run) | pairs


def _side_by_side(phrase: Phrase) -> list[tuple[str, str]]:
    """Words of the phrase that must be next to each other."""
    placed = list(zip(phrase.offsets, phrase.terms, strict=True))
    return [(one, other) for (at, one), (after, other) in pairwise(sorted(placed)) if after == at + 1]


def _pair(one: str, other: str) -> int:
    return language.pair_hash(language.hash_of(one), language.hash_of(other))


def _look_up(hashes: set[int], run: _Run) -> None:
    """Finds every term in one pass over the upper halves of all hashes."""
    index = run.index
    wanted = np.array(sorted(hashes - run.matches.keys()), dtype=np.uint64)
    if not len(wanted):
        return
    near = _near((wanted >> np.uint64(32)).astype("<u4"), index.high)
    full = (index.high[near].astype(np.uint64) << np.uint64(32)) | index.low[near]
    place = np.minimum(np.searchsorted(wanted, full), len(wanted) - 1)
    exact = wanted[place] == full
    terms, which = near[exact], place[exact]
    shard = np.repeat(np.arange(len(index.cases)), np.diff(np.searchsorted(terms, index.first_term)))
    starts = index.starts[terms + shard].astype(np.int64)
    counts = index.starts[terms + shard + 1] - starts
    limits = index.first_posting[shard + 1] - index.first_posting[shard]
    if np.any(counts < 1) or np.any(starts + counts > limits):
        raise BadShard("A word of the shard has no place in it.")
    order = np.argsort(which.astype("u2"), kind="stable")  # numbers of two bytes are not compared but counted
    found = _Found(which[order], shard[order], starts[order], counts[order])
    codes = wanted.tolist()
    for first, last in _batches(np.bincount(which, weights=counts, minlength=len(wanted)).tolist()):
        here = slice(*np.searchsorted(found.which, (first, last)).tolist())
        several = _postings(_Found(*(values[here] for values in found)), index, (first, last))
        run.matches.update(zip(codes[first:last], several, strict=True))


class _Found(NamedTuple):
    """Terms of shards, in the order of what was wanted: which of it, the shard, and where in it the postings are."""

    which: Ints
    shard: Ints
    starts: Ints
    counts: Ints


def _batches(sizes: Sequence[float]) -> Iterable[tuple[int, int]]:
    """What is taken together, so that neither rare terms cost a call each nor common ones memory together."""
    first, held = 0, 0.0
    for number, size in enumerate(sizes):
        if held + size > BATCH and number > first:
            yield first, number
            first, held = number, 0.0
        held += size
    yield first, len(sizes)


def _near(wanted: Array, high: Array) -> Ints:
    """Where upper halves of the wanted hashes stand, and perhaps a few others."""
    if len(wanted) <= FEW:
        hit = high == wanted[0]
        for one in wanted[1:]:
            hit |= high == one
        return np.flatnonzero(hit)
    table = np.zeros(1 << 16, dtype=bool)
    table[wanted & 0xFFFF] = True
    low = high.view("<u2")[::2]
    hits = [start + np.flatnonzero(table[low[start : start + BATCH]]) for start in range(0, len(low), BATCH)]
    return np.concatenate(hits) if hits else np.zeros(0, dtype=np.int64)


def _postings(found: _Found, index: Index, wanted: tuple[int, int]) -> list[_Match]:
    """The allowed postings of each of what was wanted (from, to), in the order of documents."""
    term = np.repeat(np.arange(len(found.counts)), found.counts)
    ends = np.concatenate([[0], np.cumsum(found.counts)])
    edges = ends[np.searchsorted(found.which, np.arange(wanted[0], wanted[1] + 1))]
    postings = np.arange(len(term)) + (found.starts + index.first_posting[found.shard] - ends[:-1])[term]
    within = index.documents[postings]
    first = index.first_document[found.shard]
    documents = within + first[term]
    falls = documents[1:] <= documents[:-1]
    between = edges[(edges > 0) & (edges < len(term))]
    falls[between - 1] = False
    if np.any(within >= (index.first_document[found.shard + 1] - first)[term]) or falls.any():
        raise BadShard("A word of the shard stands in a document that is not there.")
    keep = index.allowed[documents]
    if not keep.all():
        chosen = np.flatnonzero(keep)
        documents, postings, edges = documents[chosen], postings[chosen], np.searchsorted(chosen, edges)
    often = index.frequencies[postings].astype(np.int64)
    return [
        _Match(documents[start:end], often[start:end], postings[start:end])
        for start, end in pairwise(edges.tolist())
    ]


def _union(matches: Sequence[_Match], size: int) -> _Match:
    """Several terms taken as one."""
    often = np.zeros(size, dtype=np.int64)
    for match in matches:
        often[match.documents] += match.frequencies
    documents = np.flatnonzero(often)
    return _Match(documents, often[documents], np.zeros(0, dtype=np.int64))


def _find_phrases(tree: Tree, run: _Run) -> None:
    phrases = [leaf for leaf in _leaves(tree) if isinstance(leaf, Phrase) and leaf not in run.phrases]
    known = {phrase: _known_pairs(phrase, _together(phrase, run), run) for phrase in phrases}
    if phrases:
        _open_positions(np.concatenate([unsure for _, unsure in known.values()]), run)
    for phrase, (sure, unsure) in known.items():
        found = _phrase(phrase, unsure, run)
        run.phrases[phrase] = _union([sure, found], run.index.size) if len(sure.documents) else found


def _known_pairs(phrase: Phrase, documents: Ints, run: _Run) -> tuple[_Match, Ints]:
    """What is known of a phrase from neighbours written down: where it stands, and where positions must say.

    Neighbours are written down for words that are frequent in a document, so that their absence says as much.
    """
    unsure = documents
    for one, other in _side_by_side(phrase):
        written = _written_down(one, unsure, run) & _written_down(other, unsure, run)
        match = run.matches[_pair(one, other)]
        standing = _member(unsure, match.documents)
        if len(phrase.terms) == len((one, other)):
            sure = np.searchsorted(match.documents, unsure[written & standing])
            return _Match(match.documents[sure], match.frequencies[sure], documents[:0]), unsure[~written]
        unsure = unsure[standing | ~written]
    return _Match(documents[:0], documents[:0], documents[:0]), unsure


def _written_down(term: str, documents: Ints, run: _Run) -> Flags:
    match = run.matches[language.hash_of(term)]
    often = match.frequencies[np.searchsorted(match.documents, documents)]
    return np.asarray(often >= OFTEN, dtype=bool)


def _together(phrase: Phrase, run: _Run) -> Ints:
    """The documents that have every word of the phrase."""
    documents = [run.matches[language.hash_of(term)].documents for term in set(phrase.terms)]
    common = min(documents, key=len)
    for others in documents:
        common = _common(common, others)
    return common


def _member(values: Ints, ordered: Ints) -> Flags:
    """For each value whether it is in the other array, which rises."""
    if not len(ordered):
        return np.zeros(len(values), dtype=bool)
    place = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.asarray(ordered[place] == values, dtype=bool)


def _common(few: Ints, many: Ints) -> Ints:
    """What stands in both arrays, each rising without repetition. Merging two long ones is three times as fast as looking up."""
    if len(few) * 8 < len(many):
        return few[_member(few, many)]
    both = np.concatenate([few, many])
    both.sort(kind="stable")
    twice: Ints = both[:-1][both[1:] == both[:-1]]
    return twice


def _phrase(phrase: Phrase, documents: Ints, run: _Run) -> _Match:
    none = documents[:0]
    if not len(documents):
        return _Match(none, none, none)
    found: Ints | None = None
    reach = max(phrase.offsets)
    for term, offset in sorted(
        zip(phrase.terms, phrase.offsets, strict=True), key=lambda pair: _often(pair[0], run)
    ):
        keys = _places(run.matches[language.hash_of(term)], documents, run) + (reach - offset)
        found = keys if found is None else _common(found, keys)
    standing, often = np.unique((found if found is not None else none) >> 33, return_counts=True)
    return _Match(standing, np.minimum(often, MOST_FREQUENCY).astype(np.int64), none)


def _often(term: str, run: _Run) -> int:
    return len(run.matches[language.hash_of(term)].documents)


def _places(match: _Match, documents: Ints, run: _Run) -> Ints:
    """Each place of the term in these documents as document * 2**33 + position, rising."""
    keep = _member(match.documents, documents)
    opened = run.opened[0]
    counts, places = _gather(match.postings[keep], match.documents[keep], opened, run.index)
    return (np.repeat(match.documents[keep], counts) << 33) + places


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    """The positions of some cases end to end; `slot` says which of them a case of the index is (-1: not among them)."""

    slot: Ints
    page_starts: Array
    starts: Array
    places: Array
    first_start: Ints
    first_place: Ints
    first_page: Ints


def _gather(postings: Ints, documents: Ints, opened: _Opened, index: Index) -> tuple[Ints, Ints]:
    """How many places each posting has, and the places."""
    case = _case_of(index, documents)
    slot = opened.slot[case]
    at = postings - index.first_posting[case] + opened.first_start[slot]
    begin = opened.starts[at].astype(np.int64)
    counts = opened.starts[at + 1].astype(np.int64) - begin
    limits = opened.first_place[slot + 1] - opened.first_place[slot]
    if np.any(counts < 0) or np.any(begin + counts > limits):
        raise BadShard("A word of the shard stands nowhere.")
    places = opened.places[spread(begin + opened.first_place[slot], counts)]
    return counts, places.astype(np.int64)


def _open_positions(documents: Ints, run: _Run) -> None:
    """Fetches the positions of the cases of these documents, all in one call, those already there excepted."""
    known = {number for opened in run.opened for number in np.flatnonzero(opened.slot >= 0).tolist()}
    needed = [number for number in np.unique(_case_of(run.index, documents)).tolist() if number not in known]
    if needed:
        names = [run.index.cases[number] for number in needed]
        parts = run.parts.positions(names)
        run.opened.append(_opened(run.index, np.array(needed), [parts[name] for name in names]))


def _opened(index: Index, numbers: Ints, parts: list[bytes]) -> _Opened:
    heads = index.heads[numbers]
    width = _width(heads)
    sizes = np.column_stack(
        [
            4 * heads["pages"].astype(np.int64),
            width * (heads["postings"].astype(np.int64) + 1),
            width * heads["places"].astype(np.int64),
        ]
    )
    ends = np.cumsum(np.column_stack([np.full(len(numbers), PART_HEADER), sizes]), axis=1)
    _check_parts(heads, parts, ends[:, -1])
    views = [memoryview(part) for part in parts]
    places = ends.tolist()
    joined = [
        b"".join([view[place[at] : place[at + 1]] for view, place in zip(views, places, strict=True)])
        for at in range(3)
    ]
    narrow = sizes[heads["flags"] == 0].sum(axis=0)
    slot = np.full(len(index.cases), -1, dtype=np.int64)
    slot[numbers] = np.arange(len(numbers))
    return _Opened(
        slot=slot,
        page_starts=np.frombuffer(joined[0], dtype="<u4"),
        starts=_numbers(joined[1], int(narrow[1]), 2),
        places=_numbers(joined[2], int(narrow[2]), 2),
        first_start=_firsts(heads["postings"].astype(np.int64) + 1),
        first_place=_firsts(heads["places"]),
        first_page=_firsts(heads["pages"]),
    )


def _check_parts(heads: Array, parts: list[bytes], sizes: Ints) -> None:
    """Whether each part is as long as its shard's head says, and made together with it."""
    if np.any(np.array([len(part) for part in parts]) != grids(sizes)):
        raise BadShard("A part of the shard is not as long as its head says.")
    own = np.frombuffer(b"".join([part[:PART_HEADER] for part in parts]), dtype=PART_HEAD)
    same = (own["magic"] == b"MHSP") & (own["version"] == VERSION) & (own["flags"] == heads["flags"])
    if not np.all(same) or own["stamp"].tobytes() != heads["stamp"].tobytes():
        raise BadShard("The parts of the shard do not belong together.")


def _expand(starts: Sequence[str], run: _Run) -> dict[str, tuple[int, ...]]:
    """The terms of every allowed document's words that start so; of each its share of MOST_EXPANSIONS, by the alphabet."""
    text, most = run.parts.vocabulary().words, MOST_EXPANSIONS // len(starts)
    return {start: _terms_of(starting(text, start)[:most]) for start in starts}


def vocabulary(
    index: Index, words: Fetch, earlier: Vocabulary = UNREAD, standing: AbstractSet[str] = frozenset()
) -> Vocabulary:
    """Of every allowed document. Raises BadShard.

    `standing`: shards of both, of which the earlier one was made from the same documents; all others' word lists are read.
    """
    places = [place for place, case in enumerate(earlier.cases) if case in standing]
    numbers = [number for number, case in enumerate(index.cases) if case not in standing]
    fresh = [index.cases[number] for number in numbers]
    parts = words(fresh) if fresh else {}
    lists = [_lists(index, number, parts[case]) for number, case in zip(numbers, fresh, strict=True)]
    return Vocabulary(
        cases=(*[earlier.cases[place] for place in places], *fresh),
        words_of=gathered(earlier.words_of, places, [listed for _, listed in lists]),
        names_of=gathered(earlier.names_of, places, [names for names, _ in lists]),
    )


def _lists(index: Index, number: int, part: bytes) -> tuple[bytes, bytes]:
    """The names and the words of a shard's allowed documents."""
    first, last = int(index.first_document[number]), int(index.first_document[number + 1])
    rows, allowed = index.rows[first:last], index.allowed[first:last].tolist()
    both = index.header(number).cut_words(part, rows)
    chosen = [
        (text[:end], text[end:])
        for text, end, may in zip(both, rows["names"].tolist(), allowed, strict=True)
        if may
    ]
    return b"".join([names for names, _ in chosen]), b"".join([listed for _, listed in chosen])


def _terms_of(words: Sequence[bytes]) -> tuple[int, ...]:
    terms = {language.term_of(word.decode("utf-8", "replace")) for word in words}
    return tuple(sorted(language.hash_of(term) for term in terms if term))


def _case_of(index: Index, documents: Ints) -> Ints:
    owners: Ints = np.searchsorted(index.first_document, documents, side="right") - 1
    return owners


def _filters(index: Index, filters: Filters) -> dict[str, Flags]:
    """Which documents each of the filters lets through."""
    rows, everything = index.rows, np.ones(index.size, dtype=bool)
    chosen = dict.fromkeys(("case", "type", "agency", "day"), everything)
    for name, wanted in (("type", filters.types), ("agency", filters.agencies)):
        if wanted:
            chosen[name] = np.isin(rows[name], [value.encode("ascii", "replace") for value in wanted])
    if filters.first_day is not None or filters.last_day is not None:
        days = rows["day"].astype(np.int64)
        chosen["day"] = (days >= (filters.first_day or 0)) & (days <= (filters.last_day or days))
    if filters.cases:
        own = [case.partition("/")[0] in filters.cases for case in index.cases]
        chosen["case"] = np.repeat(np.array(own, dtype=bool), np.diff(index.first_document))
    return chosen


def _newness(index: Index, documents: Ints, today: int) -> Floats:
    age = np.maximum(today - index.rows["day"][documents].astype(np.float64), 0.0)
    return np.asarray(1.0 + NEWNESS * np.exp2(-age / NEWNESS_HALVES))


def _order(found: Ints, ranked: _Ranked, index: Index, window: Window) -> Ints:
    """The hits shown. Equal ones stand newest first, then by id, so that an order is never an accident."""
    rows = index.rows
    day = rows["day"][found].astype(np.int64)
    score = ranked.score[found] * _newness(index, found, window.today)
    keys: dict[Sort, tuple[Any, ...]] = {
        "best": (-day, -score, ~(ranked.complete[found] | (ranked.words > FIRST_WORDS))),
        "newest": (-score, -day),
        "oldest": (-score, day),
    }
    chosen = _first_few(keys[window.sort], window.offset + window.limit)
    names = (_case_names(index, found[chosen]), rows["key"][found[chosen]])
    order = np.lexsort((*names, *(key[chosen] for key in keys[window.sort])))
    shown: Ints = found[chosen][order][window.offset : window.offset + window.limit]
    return shown


def _first_few(keys: tuple[Any, ...], wanted: int) -> Ints:
    """The best by these keys, with all that tie with the last of them; ids are compared for these few only."""
    order = np.lexsort(keys)
    if len(order) <= wanted or wanted < 1:
        return order[:wanted] if wanted < 1 else order
    last = order[wanted - 1]
    end = wanted
    while end < len(order) and all(key[order[end]] == key[last] for key in keys):
        end += 1
    return order[:end]


def _case_names(index: Index, documents: Ints) -> Array:
    return np.array([index.cases[number] for number in _case_of(index, documents).tolist()], dtype=str)


def _pages(tree: Tree | None, shown: Ints, run: _Run) -> list[int]:
    """For each shown document the page with the most different words of the query, then the most of them."""
    if tree is None or not len(shown):
        return [1] * len(shown)
    _open_positions(shown, run)
    hashes = _wanted_hashes(tree, run)
    found: dict[int, int] = {}
    for opened in run.opened:
        here = np.sort(shown[opened.slot[_case_of(run.index, shown)] >= 0])
        if len(here):
            found |= zip(here.tolist(), _best_pages(here, opened, hashes, run), strict=True)
    return [found[document] for document in shown.tolist()]


def _wanted_hashes(tree: Tree, run: _Run) -> list[int]:
    wanted = All(tree.wanted) if isinstance(tree, All | Some) else tree
    return sorted(_hashes(wanted, run))


def _hashes(tree: Tree, run: _Run) -> set[int]:
    found = set[int]()
    for leaf in _leaves(tree):
        if isinstance(leaf, Term):
            found.add(language.hash_of(leaf.term))
        elif isinstance(leaf, Phrase):
            found.update(language.hash_of(term) for term in leaf.terms)
        else:
            found.update(run.prefixes[leaf.start])
    return found


class _Pages(NamedTuple):
    """The pages of some documents end to end: `keys` as document * 2**33 + first position, rising."""

    documents: Ints
    first: Ints
    keys: Ints


def _best_pages(documents: Ints, opened: _Opened, hashes: list[int], run: _Run) -> list[int]:
    pages = _pages_of(documents, opened, run.index)
    worth = np.zeros(len(pages.keys), dtype=np.int64)
    together = max(1, BATCH // max(1, len(worth)))
    for start in range(0, len(hashes), together):
        matches = [run.matches[code] for code in hashes[start : start + together]]
        often = _on_pages(matches, pages, opened, run.index)
        rarities = np.array([_rarity(match, run) for match in matches], dtype=np.int64)
        worth += 1_000_000 * (rarities @ (often > 0)) + np.minimum(often, 999).sum(axis=0)
    return [
        1 + int(worth[start:end].argmax()) if end > start else 1
        for start, end in pairwise(pages.first.tolist())
    ]


def _pages_of(documents: Ints, opened: _Opened, index: Index) -> _Pages:
    counts = index.rows["pages"].astype(np.int64)
    before = np.cumsum(counts) - counts
    case = _case_of(index, documents)
    start = opened.first_page[opened.slot[case]] + before[documents] - before[index.first_document[case]]
    number = counts[documents]
    if np.any(start + number > opened.first_page[opened.slot[case] + 1]):
        raise BadShard("A document of the shard has more pages than the shard.")
    keys = (np.repeat(documents, number) << 33) + opened.page_starts[spread(start, number)].astype(np.int64)
    return _Pages(documents, _firsts(number), keys)


def _rarity(match: _Match, run: _Run) -> int:
    """A rarer word says more about which page is meant; a whole number, so that sums do not depend on their order."""
    return 1 + int(100 * _idf(len(match.documents), run.number))


def _on_pages(matches: Sequence[_Match], pages: _Pages, opened: _Opened, index: Index) -> Ints:
    """How often each term is on each page; what is in a title counts for the first."""
    here = [_standing(match, pages.documents) for match in matches]
    documents = np.concatenate([match.documents[at] for match, at in zip(matches, here, strict=True)])
    postings = np.concatenate([match.postings[at] for match, at in zip(matches, here, strict=True)])
    terms = np.repeat(np.arange(len(matches)), [len(at) for at in here])
    counts, places = _gather(postings, documents, opened, index)
    owner = np.repeat(np.searchsorted(pages.documents, documents), counts)
    page = np.searchsorted(pages.keys, (pages.documents[owner] << 33) + places, side="right") - 1
    has_pages = pages.first[owner + 1] > pages.first[owner]
    page = np.maximum(page, pages.first[owner])[has_pages]
    number = len(pages.keys)
    flat = np.repeat(terms, counts)[has_pages] * number + page
    return np.bincount(flat, minlength=len(matches) * number).reshape(len(matches), number)


def _standing(match: _Match, documents: Ints) -> Ints:
    """Where in the match these documents are; both rise."""
    at = np.searchsorted(match.documents, documents)
    return at[_member(documents, match.documents)]


def _counts(values: Array) -> dict[str, int]:
    counted = Counter(values.tolist())
    return {value.decode("ascii"): number for value, number in sorted(counted.items())}


def _years(days: Array) -> dict[int, int]:
    since_1970 = (days.astype(np.int64) - _EPOCH).astype("datetime64[D]")
    years = since_1970.astype("datetime64[Y]").astype(np.int64) + 1970
    return dict(sorted(Counter(years.tolist()).items()))


_EPOCH = 719_163  # the ordinal of 1 January 1970
