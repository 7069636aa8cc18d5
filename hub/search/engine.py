"""Answers a query from the shards one person may read, and from nothing else.

Every number in an answer (scores, counts, order) is computed over the allowed documents of the given shards alone, so
nothing about any other document can show in it. docs/search.md has the formula and the figures.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hub.search import language
from hub.search.query import All, Either, Phrase, Prefix, Some, Term, Tree, Understood
from hub.search.shard import ROW, SCAN_HEADER, Array, BadShard, Header, Ints, Positions, spread

K1 = 1.2
B = 0.75
NEWNESS = 0.1  # a document of today counts a tenth more than a very old one
NEWNESS_HALVES = 365.0  # days
MOST_EXPANSIONS = 512

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Sort: TypeAlias = Literal["best", "newest", "oldest"]
Fetch: TypeAlias = Callable[[Sequence[str]], Mapping[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenShard:
    """The unsealed scan part of one case. `allowed` names the documents this person may read; None means all."""

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
    """`page` counts from 1 and is where most of the query stands; a match in the title alone says page 1."""

    case: str
    document: str
    page: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """`total` and the counts are of every hit, not only of those shown. `took` is seconds, for the operator alone."""

    hits: tuple[Hit, ...]
    total: int
    by_type: Mapping[str, int]
    by_agency: Mapping[str, int]
    by_year: Mapping[int, int]
    took: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """How the other parts of shards are had, unsealed: one call for all the cases that need it."""

    positions: Fetch
    words: Fetch


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which hits are shown, in which order. `today` (ordinal) is what newness is measured from."""

    today: int
    limit: int = 10
    offset: int = 0
    sort: Sort = "best"


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Scan arrays of many shards end to end. Immutable; made by `assemble`."""

    cases: tuple[str, ...]
    headers: tuple[Header, ...]
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
        arrays = (self.rows, self.high, self.low, self.starts, self.documents, self.frequencies, self.allowed)
        return sum(array.nbytes for array in arrays)

    def scan_of(self, number: int) -> tuple[memoryview, ...]:
        """The sections of one shard again, to assemble it elsewhere without opening it again."""
        head = self.headers[number]
        term, posting, document = (
            int(first[number]) for first in (self.first_term, self.first_posting, self.first_document)
        )
        return (
            memoryview(self.rows[document : document + head.documents].tobytes()),
            memoryview(self.high[term : term + head.terms].tobytes()),
            memoryview(self.low[term : term + head.terms].tobytes()),
            memoryview(
                self.starts[term + number : term + number + head.terms + 1]
                .astype(f"<u{head.width}")
                .tobytes()
            ),
            memoryview(self.documents[posting : posting + head.postings].tobytes()),
            memoryview(self.frequencies[posting : posting + head.postings].tobytes()),
        )


class Section(NamedTuple):
    """One shard cut into the bytes of its sections, with its head."""

    case: str
    header: Header
    parts: tuple[memoryview, ...]
    allowed: frozenset[str] | None


def cut(shard: OpenShard) -> Section:
    """Raises BadShard. Offsets inside the sections are checked where they are used."""
    header = Header.of(shard.scan)
    view, parts, offset = memoryview(shard.scan), [], SCAN_HEADER
    for size in header.scan_layout:
        parts.append(view[offset : offset + size])
        offset += size
    return Section(shard.case, header, tuple(parts), shard.allowed)


def assemble(sections: Iterable[Section]) -> Index:
    """One index of these shards. Raises BadShard; raises ValueError if a case comes twice."""
    chosen = sorted(sections, key=lambda section: (section.header.wide, section.case))
    cases = tuple(section.case for section in chosen)
    if len(set(cases)) != len(cases):
        raise ValueError("A case has one shard.")
    joined = [b"".join([section.parts[number] for section in chosen]) for number in (0, 1, 2, 4, 5)]
    headers = tuple(section.header for section in chosen)
    rows = np.frombuffer(joined[0], dtype=ROW)
    first_document = _firsts([head.documents for head in headers])
    return Index(
        cases=cases,
        headers=headers,
        rows=rows,
        high=np.frombuffer(joined[1], dtype="<u4"),
        low=np.frombuffer(joined[2], dtype="<u4"),
        starts=_starts(chosen),
        documents=np.frombuffer(joined[3], dtype="<u2"),
        frequencies=np.frombuffer(joined[4], dtype="u1"),
        first_term=_firsts([head.terms for head in headers]),
        first_posting=_firsts([head.postings for head in headers]),
        first_document=first_document,
        allowed=_allowed(chosen, rows, first_document),
        size=len(rows),
    )


def _starts(sections: Sequence[Section]) -> Array:
    """The starts of every shard, narrow ones before wide ones as the sections are ordered."""
    narrow = b"".join([section.parts[3] for section in sections if not section.header.wide])
    wide = b"".join([section.parts[3] for section in sections if section.header.wide])
    short = np.frombuffer(narrow, dtype="<u2")
    return np.concatenate([short.astype("<u4"), np.frombuffer(wide, dtype="<u4")]) if wide else short


def _firsts(counts: list[int]) -> Ints:
    return np.array([0, *accumulate(counts)], dtype=np.int64)


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
    """Over all documents of the index: which match, how well, and which have every ranked word."""

    found: Flags
    score: Floats
    complete: Flags


@dataclass(slots=True, eq=False)
class _Run:
    """The state of one query over one index."""

    index: Index
    parts: Parts
    norms: Floats
    number: int
    matches: dict[int, _Match] = field(default_factory=dict)
    positions: dict[int, Positions] = field(default_factory=dict)
    phrases: dict[Phrase, _Match] = field(default_factory=dict)
    prefixes: dict[str, tuple[int, ...]] = field(default_factory=dict)


def search(understood: Understood, index: Index, filters: Filters, parts: Parts, window: Window) -> Results:
    """Raises BadShard if a shard contradicts itself where it is read, and whatever `parts` raises."""
    began = time.perf_counter()
    run = _start(index, parts)
    ranked = _evaluate(understood.tree, run) if understood.tree else _everything(run, understood)
    found = np.flatnonzero(ranked.found & index.allowed & _filter(index, filters))
    shown = _order(found, ranked, index, window)
    pages = _pages(understood.tree, shown, run)
    scores = _newness(index, shown, window.today) * ranked.score[shown]
    rows = index.rows[found]
    return Results(
        hits=tuple(
            Hit(index.cases[case], index.rows["key"][number].decode("ascii"), page, round(float(score), 6))
            for number, case, page, score in zip(
                shown.tolist(), _case_of(index, shown).tolist(), pages, scores.tolist(), strict=True
            )
        ),
        total=len(found),
        by_type=_counts(rows["type"]),
        by_agency=_counts(rows["agency"]),
        by_year=_years(rows["day"]),
        took=time.perf_counter() - began,
    )


def _start(index: Index, parts: Parts) -> _Run:
    number = int(index.allowed.sum())
    lengths = index.rows["length"].astype(np.float64)
    total = float(lengths[index.allowed].sum())
    average = total / number if total else 1.0
    return _Run(index=index, parts=parts, norms=K1 * (1 - B + B * lengths / average), number=number)


def _everything(run: _Run, understood: Understood) -> _Ranked:
    """Fields alone choose from every document; nothing at all chooses none."""
    flags = np.full(run.index.size, not understood.empty)
    return _Ranked(flags, np.zeros(run.index.size), flags)


def _evaluate(tree: Tree, run: _Run) -> _Ranked:
    _look_up(_terms(tree, run), run)
    _find_phrases(tree, run)
    return _rank(tree, run)


def _rank(tree: Tree, run: _Run) -> _Ranked:
    if isinstance(tree, All | Some):
        return _rank_group(tree, run)
    if isinstance(tree, Either):
        return _rank_either(tree, run)
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
    often = match.frequencies
    score[match.documents] = _idf(len(match.documents), run.number) * (
        often * (K1 + 1) / (often + run.norms[match.documents])
    )
    return _Ranked(found, score, found)


def _idf(having: int, number: int) -> float:
    return float(np.log1p((number - having + 0.5) / (having + 0.5)))


def _rank_either(tree: Either, run: _Run) -> _Ranked:
    ranked = [_rank(writing, run) for writing in tree.writings]
    found = np.logical_or.reduce([one.found for one in ranked])
    return _Ranked(found, np.maximum.reduce([one.score for one in ranked]), found)


def _rank_group(tree: All | Some, run: _Run) -> _Ranked:
    ranked = [_rank(child, run) for child in tree.wanted]
    size = run.index.size
    score = np.zeros(size)
    complete = np.ones(size, dtype=bool)
    found = np.full(size, isinstance(tree, All))
    for one in ranked:
        score += one.score
        complete &= one.complete
        found = found & one.found if isinstance(tree, All) else found | one.found
    for unwanted in tree.unwanted:
        found &= ~_rank(unwanted, run).found
    return _Ranked(found, np.where(found, score, 0.0), complete & found)


def _leaves(tree: Tree) -> Iterable[Term | Phrase | Prefix]:
    match tree:
        case Term() | Phrase() | Prefix():
            yield tree
        case Either():
            yield from tree.writings
        case All() | Some():
            for child in (*tree.wanted, *tree.unwanted):
                yield from _leaves(child)


def _terms(tree: Tree, run: _Run) -> set[int]:
    """The hashes of every term the tree needs, prefixes written out."""
    starts = sorted({leaf.start for leaf in _leaves(tree) if isinstance(leaf, Prefix)})
    if starts:
        run.prefixes = _expand(starts, run)
    return _hashes(tree, run)


def _look_up(hashes: set[int], run: _Run) -> None:
    """Finds every term in one pass over the upper halves of all hashes."""
    index = run.index
    wanted = np.array(sorted(hashes), dtype=np.uint64)
    if not len(wanted):
        return
    table = np.zeros(1 << 16, dtype=bool)
    table[(wanted >> np.uint64(32)) & np.uint64(0xFFFF)] = True
    near = np.flatnonzero(table[index.high.view("<u2")[::2]])
    full = (index.high[near].astype(np.uint64) << np.uint64(32)) | index.low[near]
    place = np.minimum(np.searchsorted(wanted, full), len(wanted) - 1)
    exact = wanted[place] == full
    terms, which = near[exact], place[exact]
    ends = np.cumsum(np.bincount(which, minlength=len(wanted)))
    for code, few in zip(
        wanted.tolist(), np.split(terms[np.argsort(which, kind="stable")], ends[:-1]), strict=True
    ):
        run.matches[code] = _postings(few, index)


def _postings(terms: Ints, index: Index) -> _Match:
    """The allowed postings of these terms (indices over all shards), in the order of documents."""
    shard = np.searchsorted(index.first_term, terms, side="right") - 1
    starts = index.starts[terms + shard].astype(np.int64)
    counts = index.starts[terms + shard + 1].astype(np.int64) - starts
    limits = index.first_posting[shard + 1] - index.first_posting[shard]
    if np.any(counts < 1) or np.any(starts + counts > limits):
        raise BadShard("A word of the shard has no place in it.")
    postings = spread(starts + index.first_posting[shard], counts)
    owner = np.repeat(shard, counts)
    documents = index.documents[postings] + index.first_document[owner]
    if np.any(documents >= index.first_document[owner + 1]) or np.any(np.diff(documents) < 1):
        raise BadShard("A word of the shard stands in a document that is not there.")
    keep = index.allowed[documents]
    postings = postings[keep]
    return _Match(documents[keep], index.frequencies[postings].astype(np.int64), postings)


def _union(matches: Sequence[_Match], size: int) -> _Match:
    """Several terms taken as one."""
    often = np.zeros(size, dtype=np.int64)
    for match in matches:
        often[match.documents] += match.frequencies
    documents = np.flatnonzero(often)
    return _Match(documents, often[documents], np.zeros(0, dtype=np.int64))


def _find_phrases(tree: Tree, run: _Run) -> None:
    phrases = [leaf for leaf in _leaves(tree) if isinstance(leaf, Phrase)]
    candidates = {phrase: _together(phrase, run) for phrase in phrases}
    if phrases:
        _open_positions(np.concatenate(list(candidates.values())), run)
    for phrase, documents in candidates.items():
        run.phrases[phrase] = _phrase(phrase, documents, run)


def _together(phrase: Phrase, run: _Run) -> Ints:
    """The documents that have every word of the phrase."""
    documents = [run.matches[language.hash_of(term)].documents for term in set(phrase.terms)]
    common = min(documents, key=len)
    for others in documents:
        common = common[_member(common, others)]
    return common


def _member(values: Ints, ordered: Ints) -> Flags:
    """For each value whether it is in the other array, which rises."""
    if not len(ordered):
        return np.zeros(len(values), dtype=bool)
    place = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.asarray(ordered[place] == values, dtype=bool)


def _phrase(phrase: Phrase, documents: Ints, run: _Run) -> _Match:
    found: Ints | None = None
    reach = max(phrase.offsets)
    for term, offset in sorted(
        zip(phrase.terms, phrase.offsets, strict=True), key=lambda pair: _often(pair[0], run)
    ):
        keys = _places(run.matches[language.hash_of(term)], documents, run) + (reach - offset)
        found = keys if found is None else found[_member(found, keys)]
    standing, often = np.unique((found if found is not None else documents[:0]) >> 33, return_counts=True)
    return _Match(standing, often.astype(np.int64), np.zeros(0, dtype=np.int64))


def _often(term: str, run: _Run) -> int:
    return len(run.matches[language.hash_of(term)].documents)


def _places(match: _Match, documents: Ints, run: _Run) -> Ints:
    """Each place of the term in these documents as document * 2**33 + position, rising."""
    keep = _member(match.documents, documents)
    index, postings, owners = run.index, match.postings[keep], match.documents[keep]
    shard = _case_of(index, owners)
    local = postings - index.first_posting[shard]
    pieces = _gather(shard, local, run)
    return (np.repeat(owners, pieces.counts) << 33) + pieces.places


class _Pieces(NamedTuple):
    counts: Ints
    places: Ints


def _gather(shard: Ints, local: Ints, run: _Run) -> _Pieces:
    """The positions of these postings; `shard` rises."""
    numbers, first, sizes = np.unique(shard, return_index=True, return_counts=True)
    counts, places = [], []
    for number, start, size in zip(numbers.tolist(), first.tolist(), sizes.tolist(), strict=True):
        part = run.positions[number]
        chosen = local[start : start + size]
        begin = part.starts[chosen].astype(np.int64)
        count = part.starts[chosen + 1].astype(np.int64) - begin
        if np.any(count < 0) or np.any(begin + count > len(part.places)):
            raise BadShard("A word of the shard stands nowhere.")
        counts.append(count)
        places.append(part.places[spread(begin, count)])
    none = np.zeros(0, dtype=np.int64)
    return _Pieces(np.concatenate([none, *counts]), np.concatenate([none, *places]).astype(np.int64))


def _open_positions(documents: Ints, run: _Run) -> None:
    """Fetches the positions of the cases of these documents, all in one call, those already there excepted."""
    needed = [
        number for number in np.unique(_case_of(run.index, documents)).tolist() if number not in run.positions
    ]
    if not needed:
        return
    parts = run.parts.positions([run.index.cases[number] for number in needed])
    for number in needed:
        run.positions[number] = run.index.headers[number].cut_positions(parts[run.index.cases[number]])


def _expand(starts: Sequence[str], run: _Run) -> dict[str, tuple[int, ...]]:
    """The terms of every allowed document's words that start so; the first MOST_EXPANSIONS by the alphabet."""
    index = run.index
    parts = run.parts.words(list(index.cases))
    texts: list[bytes] = []
    for number, case in enumerate(index.cases):
        first, last = int(index.first_document[number]), int(index.first_document[number + 1])
        listed = index.headers[number].cut_words(parts[case], index.rows[first:last])
        texts.extend(words for words, may in zip(listed, index.allowed[first:last], strict=True) if may)
    text = b"\n" + b"".join(texts)
    return {start: _starting(text, start) for start in starts}


def _starting(text: bytes, start: str) -> tuple[int, ...]:
    wanted, found, at = b"\n" + start.encode("utf-8", "replace"), set[bytes](), 0
    while (at := text.find(wanted, at)) >= 0:
        end = text.find(b"\n", at + 1)
        found.add(text[at + 1 : end])
        at = end
    words = [word.decode("utf-8", "replace") for word in sorted(found)[:MOST_EXPANSIONS]]
    return tuple(sorted({language.hash_of(term) for word in words if (term := language.term_of(word))}))


def _case_of(index: Index, documents: Ints) -> Ints:
    owners: Ints = np.searchsorted(index.first_document, documents, side="right") - 1
    return owners


def _filter(index: Index, filters: Filters) -> Flags:
    rows, flags = index.rows, np.ones(index.size, dtype=bool)
    for name, wanted in (("type", filters.types), ("agency", filters.agencies)):
        if wanted:
            flags &= np.isin(rows[name], [value.encode("ascii", "replace") for value in wanted])
    days = rows["day"].astype(np.int64)
    if filters.first_day is not None:
        flags &= days >= filters.first_day
    if filters.last_day is not None:
        flags &= days <= filters.last_day
    if filters.cases:
        flags &= np.repeat([case in filters.cases for case in index.cases], np.diff(index.first_document))
    return flags


def _newness(index: Index, documents: Ints, today: int) -> Floats:
    age = np.maximum(today - index.rows["day"][documents].astype(np.float64), 0.0)
    return np.asarray(1.0 + NEWNESS * np.exp2(-age / NEWNESS_HALVES))


def _order(found: Ints, ranked: _Ranked, index: Index, window: Window) -> Ints:
    """The hits shown. Equal ones stand newest first, then by id, so that an order is never an accident."""
    rows = index.rows
    day = rows["day"][found].astype(np.int64)
    score = ranked.score[found] * _newness(index, found, window.today)
    keys: dict[Sort, tuple[Any, ...]] = {
        "best": (-day, -score, ~ranked.complete[found]),
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
    return [_page(int(document), hashes, run) for document in shown.tolist()]


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


def _page(document: int, hashes: list[int], run: _Run) -> int:
    index = run.index
    case = int(_case_of(index, np.array([document]))[0])
    part, first = run.positions[case], int(index.first_document[case])
    pages = index.rows["pages"][first : document + 1].astype(np.int64)
    starts = part.page_starts[int(pages[:-1].sum()) : int(pages.sum())].astype(np.int64)
    worth: Counter[int] = Counter()
    for code in hashes:
        for page, often in _on_pages(run.matches[code], document, starts, run):
            worth[page] += 1_000_000 * _rarity(run.matches[code], run) + min(often, 999)
    return min(worth, key=lambda page: (-worth[page], page), default=1)


def _rarity(match: _Match, run: _Run) -> int:
    """A rarer word says more about which page is meant; a whole number, so that sums do not depend on their order."""
    return 1 + int(100 * _idf(len(match.documents), run.number))


def _on_pages(match: _Match, document: int, starts: Ints, run: _Run) -> list[tuple[int, int]]:
    """The pages (from 1) of this document with the term and how often it is there."""
    here = int(np.searchsorted(match.documents, document))
    if here >= len(match.documents) or match.documents[here] != document:
        return []
    case = _case_of(run.index, match.documents[here : here + 1])
    local = match.postings[here : here + 1] - run.index.first_posting[case]
    places = _gather(case, local, run).places
    pages = np.maximum(np.searchsorted(starts, places, side="right"), 1)
    numbers, often = np.unique(pages, return_counts=True)
    return list(zip(numbers.tolist(), often.tolist(), strict=True))


def _counts(values: Array) -> dict[str, int]:
    counted = Counter(values.tolist())
    return {value.decode("ascii"): number for value, number in sorted(counted.items())}


def _years(days: Array) -> dict[int, int]:
    since_1970 = (days.astype(np.int64) - _EPOCH).astype("datetime64[D]")
    years = since_1970.astype("datetime64[Y]").astype(np.int64) + 1970
    return dict(sorted(Counter(years.tolist()).items()))


_EPOCH = 719_163  # the ordinal of 1 January 1970
