"""The engine against a plain reading of the same rules, word by word, over every document."""

import math
import random
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.search import engine, kept, language, shard
from hub.search.engine import Filters, Results, Window
from hub.search.query import MOST_WORDS, All, Either, Phrase, Prefix, Some, Term, Tree, understand
from hub.search.shard import BadShard, Document
from hub.search.vocabulary import NO_LINES, gathered

TODAY = 739_940
WORDS = [
    "risk",
    "plan",
    "housing",
    "level",
    "harm",
    "care",
    "of",
    "the",
    "AB/12",
    "planned",
    "Teasel-Moss",
    "2026-03-12",
]
QUERIES = [
    "risk",
    "risk plan",
    "risk AND plan",
    "risk NOT plan",
    "risk AND NOT (plan OR housing)",
    "NOT risk",
    '"risk plan"',
    '"duty of care"',
    '"risk of harm" plan',
    '"risk risk"',
    "(risk OR housing) AND (plan OR level)",
    '"risk plan" AND housing',
    "AB/12",
    "Teasel-Moss risk",
    "12 March 2026",
    "pla* NOT harm",
    "ho* ri*",
    "absent",
    '"absent words"',
    "from:2020-01-01",
    "risk plan housing level harm",
    '"risk plan housing"',
    '"risk plan" "plan risk"',
    "how is risk planned",
    'what of risk and plan level "care of harm" housing Teasel-Moss',
]


@dataclass
class Shelf:
    """Cases with their documents, sealed parts as they would be opened, and what one person may read."""

    cases: dict[str, list[Document]]
    allowed: dict[str, frozenset[str] | None]

    def __post_init__(self) -> None:
        self.parts = {case: shard.encode(shard.build(documents)) for case, documents in self.cases.items()}
        self.asked: list[tuple[str, ...]] = []

    def search(self, typed: str, filters: Filters | None = None, **window: object) -> Results:
        settings = {"today": TODAY, "limit": 100, **window}
        found = engine.search(
            understand(typed), self.index(), filters or Filters(), self.fetchers(), Window(**settings)
        )
        return replace(found, took=0.0)

    def index(self) -> engine.Index:
        access = [kept.Access(case, 1, self.allowed.get(case)) for case in self.cases]
        return kept.opened(access, lambda cases: {case: self.parts[case].scan for case in cases})

    def fetchers(self) -> engine.Parts:
        return engine.Parts(
            positions=self.positions, vocabulary=lambda: engine.vocabulary(self.index(), self.words)
        )

    def positions(self, cases):
        self.asked.append(tuple(cases))
        return {case: self.parts[case].positions for case in cases}

    def words(self, cases):
        return {case: self.parts[case].words for case in cases}

    def readable(self) -> list[tuple[str, Document]]:
        return [
            (case, one)
            for case, documents in self.cases.items()
            for one in documents
            if self.allowed.get(case) is None or one.key in self.allowed[case]
        ]


class Plain:
    """The same answers the slow way."""

    def __init__(self, shelf: Shelf) -> None:
        self.documents = shelf.readable()
        self.places = [self._places(one) for _, one in self.documents]
        self.weights = [self._weights(one) for _, one in self.documents]
        self.lengths = [sum(weights.values()) for weights in self.weights]
        self.average = (sum(self.lengths) / len(self.lengths) if self.lengths else 1) or 1

    def _places(self, one: Document) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        base = 0
        for number, text in enumerate((one.title, *one.pages)):
            last = base
            for token in language.tokens(language.clean(text)):
                found.setdefault(token.term, []).append(base + token.position)
                last = base + token.position + 1
            base = last + (shard.TITLE_GAP if number == 0 else 0)
        return found

    def _weights(self, one: Document) -> Counter[str]:
        found = Counter(token.term for page in one.pages for token in language.tokens(language.clean(page)))
        for token in language.tokens(language.clean(one.title)):
            found[token.term] += shard.TITLE_WEIGHT
        return found

    def often(self, leaf: Term | Phrase | Prefix) -> list[int]:
        if isinstance(leaf, Term):
            return [min(weights[leaf.term], 255) for weights in self.weights]
        if isinstance(leaf, Phrase):
            return [self._phrase(leaf, places) for places in self.places]
        listed = [language.words(" ".join((one.title, *one.pages))) for _, one in self.documents]
        terms = {language.term_of(word) for words in listed for word in words if word.startswith(leaf.start)}
        return [sum(min(weights[term], 255) for term in terms) for weights in self.weights]

    def _phrase(self, leaf: Phrase, places: dict[str, list[int]]) -> int:
        wanted = list(zip(leaf.terms, leaf.offsets, strict=True))
        starts = set(places.get(leaf.terms[0], ()))
        often = sum(
            all(start + offset in places.get(term, ()) for term, offset in wanted) for start in starts
        )
        return min(often, 255)

    def rank(self, tree: Tree) -> list[tuple[bool, float, bool]]:
        if isinstance(tree, All | Some):
            return self._group(tree)
        if isinstance(tree, Either):
            return self._either(tree)
        often = self.often(tree)
        having = sum(1 for count in often if count)
        rarity = math.log(1 + (len(often) - having + 0.5) / (having + 0.5))
        return [
            (
                count > 0,
                rarity
                * count
                * (engine.K1 + 1)
                / (count + engine.K1 * (1 - engine.B + engine.B * length / self.average)),
                count > 0,
            )
            for count, length in zip(often, self.lengths, strict=True)
        ]

    def _either(self, tree: Either) -> list[tuple[bool, float, bool]]:
        writings = [self.rank(writing) for writing in tree.writings]
        parts = [self.rank(part) for part in tree.parts]
        ranked = []
        for number in range(len(self.documents)):
            whole = any(ranks[number][0] for ranks in writings)
            alone = any(ranks[number][0] for ranks in parts)
            score = max(ranks[number][1] for ranks in writings) + sum(ranks[number][1] for ranks in parts)
            ranked.append((whole or alone, score, whole))
        return ranked

    def _group(self, tree: All | Some) -> list[tuple[bool, float, bool]]:
        wanted = [self.rank(child) for child in tree.wanted]
        unwanted = [self.rank(child) for child in tree.unwanted]
        ranked = []
        for number in range(len(self.documents)):
            ones = [ranks[number] for ranks in wanted]
            test = all if isinstance(tree, All) else any
            found = test(one[0] for one in ones) and not any(ranks[number][0] for ranks in unwanted)
            ranked.append(
                (found, sum(one[1] for one in ones) if found else 0.0, found and all(one[2] for one in ones))
            )
        return ranked

    def search(self, typed: str) -> list[tuple[str, str, float]]:
        understood = understand(typed)
        everything = [(True, 0.0, True)] * len(self.documents)
        ranked = self.rank(understood.tree) if understood.tree else everything
        few = not (isinstance(understood.tree, Some) and len(understood.tree.wanted) > engine.FIRST_WORDS)
        found = []
        for (case, one), (is_hit, score, complete) in zip(self.documents, ranked, strict=True):
            newer = 1 + 0.1 * 2 ** (-(TODAY - one.day) / 365)
            if is_hit:
                found.append((few and not complete, -score * newer, -one.day, one.key, case))
        return [(case, key, -score) for _, score, _, key, case in sorted(found)]


texts = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join) | st.lists(
    st.sampled_from(WORDS[:3]), min_size=20, max_size=60
).map(" ".join)


@st.composite
def shelves(draw: st.DrawFn) -> Shelf:
    cases: dict[str, list[Document]] = {}
    allowed: dict[str, frozenset[str] | None] = {}
    for case in range(draw(st.integers(0, 4))):
        keys = [f"d{case}{number}" for number in range(draw(st.integers(0, 4)))]
        cases[f"case{case}"] = [
            Document(
                key=key,
                title=draw(texts),
                pages=tuple(draw(st.lists(texts, max_size=3))),
                day=TODAY - draw(st.integers(0, 900)),
                type_code=draw(st.sampled_from(["minutes", "report"])),
                agency="police",
            )
            for key in keys
        ]
        allowed[f"case{case}"] = draw(st.none() | st.frozensets(st.sampled_from(keys)) if keys else st.none())
    return Shelf(cases, allowed)


@settings(max_examples=100, deadline=None)
@given(shelves(), st.sampled_from(QUERIES))
def test_hits_order_and_scores_are_those_of_a_plain_reading(shelf: Shelf, typed: str) -> None:
    found = shelf.search(typed)
    expected = Plain(shelf).search(typed)
    assert {(hit.case, hit.document) for hit in found.hits} == {(case, key) for case, key, _ in expected}
    scores = {(case, key): score for case, key, score in expected}
    for hit in found.hits:
        assert hit.score == pytest.approx(scores[hit.case, hit.document], abs=2e-6)
    assert found.total == len(expected)
    ranks = [scores[hit.case, hit.document] for hit in found.hits]
    assert [round(score, 5) for score in ranks] == [round(score, 5) for _, _, score in expected]


def page_of(*pages: str, typed: str, title: str = "Notes") -> int:
    one = Document(key="d", title=title, pages=pages, day=TODAY, type_code="minutes", agency="police")
    return Shelf({"c": [one]}, {}).search(typed).hits[0].page


def test_a_hit_names_the_page_with_most_of_the_query() -> None:
    assert page_of("risk", "nothing", "risk and plan", typed="risk plan") == 3
    assert page_of("plan", "", "housing", typed="housing") == 3
    assert page_of("", typed="notes") == 1
    assert page_of(typed="notes") == 1


def test_a_phrase_may_run_over_the_end_of_a_page_but_not_out_of_the_title() -> None:
    assert page_of("the risk", "plan is here", typed='"risk plan"') == 1
    one = Document(key="d", title="Risk", pages=("plan",), day=TODAY, type_code="minutes", agency="police")
    assert Shelf({"c": [one]}, {}).search('"risk plan"').total == 0


def random_shelf(seed: int = 3, cases: int = 6) -> Shelf:
    chance = random.Random(seed)
    made = {
        f"case{case}": [
            Document(
                key=f"d{case}x{number}",
                title=" ".join(chance.choices(WORDS, k=3)),
                pages=tuple(" ".join(chance.choices(WORDS, k=30)) for _ in range(chance.randint(1, 3))),
                day=TODAY - chance.randint(0, 1500),
                type_code=chance.choice(["minutes", "report"]),
                agency=chance.choice(["police", "prison"]),
            )
            for number in range(4)
        ]
        for case in range(cases)
    }
    return Shelf(made, {})


def hidden(count: int) -> list[Document]:
    text = " ".join(WORDS) + " plantain plant riskier secret"
    return [
        Document(
            key=f"h{number}",
            title="risk plan",
            pages=(text * 3,) * 3,
            day=TODAY,
            type_code="minutes",
            agency="police",
        )
        for number in range(count)
    ]


@cache
def with_hidden(first: bool) -> Shelf:
    """The same documents, and fifty in each case that may not be read."""
    mixed = random_shelf()
    for case, documents in random_shelf().cases.items():
        mixed.allowed[case] = frozenset(one.key for one in documents)
        mixed.cases[case] = hidden(50) + documents if first else documents + hidden(50)
    mixed.__post_init__()
    return mixed


@pytest.mark.parametrize("typed", QUERIES)
@pytest.mark.parametrize("first", [True, False])
def test_hidden_documents_in_the_same_shard_change_nothing(typed: str, first: bool) -> None:
    seen, mixed = random_shelf(), with_hidden(first)
    assert mixed.search(typed) == seen.search(typed)
    window = {"limit": 3, "offset": 2, "sort": "newest"}
    assert mixed.search(typed, **window) == seen.search(typed, **window)


def test_a_hidden_document_that_makes_the_shard_wide_changes_nothing() -> None:
    seen, mixed = random_shelf(), random_shelf()
    long = replace(hidden(1)[0], pages=(" ".join(f"w{number}" for number in range(70_000)),))
    mixed.cases["case2"].append(long)
    mixed.allowed["case2"] = frozenset(one.key for one in seen.cases["case2"])
    mixed.__post_init__()
    for typed in QUERIES:
        assert mixed.search(typed) == seen.search(typed)


def test_documents_added_and_removed_again_change_nothing() -> None:
    seen, changed = random_shelf(), random_shelf()
    for one in hidden(5):
        changed.parts["case1"] = shard.add(changed.parts["case1"], one)
    for one in hidden(5):
        changed.parts["case1"] = shard.remove(changed.parts["case1"], one.key)
    assert changed.parts == seen.parts


def test_the_order_of_the_cases_changes_nothing() -> None:
    seen, turned = random_shelf(), random_shelf()
    turned.cases = dict(reversed(turned.cases.items()))
    for typed in QUERIES:
        assert turned.search(typed) == seen.search(typed)


def test_pages_of_results_are_slices_of_the_whole() -> None:
    shelf = random_shelf()
    whole = shelf.search("risk plan").hits
    sliced = [
        hit for offset in range(0, 30, 5) for hit in shelf.search("risk plan", limit=5, offset=offset).hits
    ]
    assert tuple(sliced) == whole


def test_equal_hits_stand_newest_first_then_by_id() -> None:
    one = Document(key="b", title="x", pages=("risk",), day=TODAY - 5, type_code="m", agency="a")
    same = [one, replace(one, key="a"), replace(one, key="c", day=TODAY)]
    found = Shelf({"c": same}, {}).search("NOT other").hits
    assert [hit.document for hit in found] == ["c", "a", "b"]


def test_counts_are_of_every_hit() -> None:
    shelf = random_shelf()
    found = shelf.search("risk", limit=1)
    everything = shelf.search("risk", limit=1000)
    assert len(found.hits) == 1
    assert found.total == len(everything.hits) == sum(found.by_type.values()) == sum(found.by_year.values())
    minutes = shelf.search("risk", Filters(types=frozenset({"minutes"})))
    assert minutes.total == found.by_type["minutes"] == minutes.by_type["minutes"]
    assert minutes.by_type == found.by_type, "what another type would give stays told"


def test_filters_choose_hits_and_leave_their_scores() -> None:
    shelf = random_shelf()
    scores = {hit.document: hit.score for hit in shelf.search("risk plan").hits}
    chosen = shelf.search(
        "risk plan",
        Filters(
            agencies=frozenset({"prison"}),
            cases=frozenset({"case1", "case2", "case3", "case4"}),
            first_day=TODAY - 900,
            last_day=TODAY - 5,
        ),
    )
    days = {one.key: one.day for documents in shelf.cases.values() for one in documents}
    assert chosen.hits
    for hit in chosen.hits:
        assert hit.case in {"case1", "case2", "case3", "case4"}
        assert TODAY - 900 <= days[hit.document] <= TODAY - 5
        assert hit.score == scores[hit.document]


def test_positions_are_asked_for_once_and_only_where_they_can_matter() -> None:
    shelf = random_shelf()
    shelf.cases["other"] = [replace(shelf.cases["case0"][0], key="o", title="nothing", pages=("else",))]
    shelf.__post_init__()
    shelf.search('"risk plan" "harm care"')
    assert len(shelf.asked) == 1
    assert "other" not in shelf.asked[0]


def test_a_forged_offset_is_refused_and_never_reaches_another_case() -> None:
    shelf = random_shelf()
    built = shard.decode(shelf.parts["case1"])
    for change in (
        {"starts": built.starts + 60_000},
        {"documents": built.documents + 900},
        {"starts": built.starts[::-1]},
    ):
        forged = random_shelf()
        forged.parts["case1"] = shard.encode(replace(built, **change))
        with pytest.raises(BadShard):
            forged.search("risk plan")
    forged = random_shelf()
    forged.parts["case1"] = shard.encode(replace(built, place_starts=built.place_starts + 60_000))
    forged.parts["case1"] = forged.parts["case1"]._replace(scan=shelf.parts["case1"].scan)
    with pytest.raises(BadShard):
        forged.search('"risk plan"')


def test_positions_of_another_shard_are_refused() -> None:
    shelf = random_shelf()
    shelf.parts["case1"] = shelf.parts["case1"]._replace(positions=shelf.parts["case2"].positions)
    with pytest.raises(BadShard):
        shelf.search('"risk plan"')


def test_nothing_to_read_gives_nothing() -> None:
    assert Shelf({}, {}).search("risk").total == 0
    assert random_shelf().search("").total == 0
    assert random_shelf().search("the of").total == 0


def opened_with(
    keeper: kept.KeptIndexes, shelf: Shelf, access: list[kept.Access]
) -> tuple[engine.Index, list[str]]:
    asked: list[str] = []

    def scans(cases):
        asked.extend(cases)
        return {case: shelf.parts[case].scan for case in cases}

    return keeper.index("person", access, scans), asked


def test_a_kept_index_opens_only_what_changed_and_answers_like_a_new_one() -> None:
    shelf, keeper = random_shelf(), kept.KeptIndexes(10**7)
    access = [kept.Access(case, 1, None) for case in shelf.cases]
    assert sorted(opened_with(keeper, shelf, access)[1]) == sorted(shelf.cases)
    assert opened_with(keeper, shelf, access)[1] == []
    shelf.parts["case2"] = shard.add(shelf.parts["case2"], hidden(1)[0])
    access[2] = kept.Access("case2", 2, None)
    index, asked = opened_with(keeper, shelf, access)
    assert asked == ["case2"]
    fresh = kept.opened(access, lambda cases: {case: shelf.parts[case].scan for case in cases})
    for typed in QUERIES:
        one, other = (
            engine.search(understand(typed), which, Filters(), shelf.fetchers(), Window(today=TODAY))
            for which in (index, fresh)
        )
        assert replace(one, took=0.0) == replace(other, took=0.0)


def test_a_withdrawn_case_or_document_is_gone_from_a_kept_index_at_once() -> None:
    shelf, keeper = random_shelf(), kept.KeptIndexes(10**7)
    access = [kept.Access(case, 1, None) for case in shelf.cases]
    opened_with(keeper, shelf, access)
    fewer = [kept.Access("case0", 1, frozenset({"d0x1"})), *access[2:]]
    index, asked = opened_with(keeper, shelf, fewer)
    assert asked == []
    found = engine.search(
        understand("NOT absent"), index, Filters(), shelf.fetchers(), Window(today=TODAY, limit=99)
    )
    assert {hit.document for hit in found.hits if hit.case in {"case0", "case1"}} == {"d0x1"}
    assert np.count_nonzero(index.allowed) == found.total


def test_filters_alone_choose_and_nothing_at_all_finds_nothing() -> None:
    shelf = random_shelf()
    minutes = {one.key for _, one in shelf.readable() if one.type_code == "minutes"}
    found = shelf.search("", Filters(types=frozenset({"minutes"})))
    assert {hit.document for hit in found.hits} == minutes != set()
    assert shelf.search("").total == 0


def test_a_kept_vocabulary_is_of_what_may_be_read_now() -> None:
    """Made once for an index; when a document is hidden, a shard changes or a case is gone, only that shard is read again."""
    some = random_shelf().cases
    apart = replace(some["case0"][0], key="apart", pages=("Pangolins are named nowhere else.",))
    shelf = Shelf(cases={"apart": [apart], **some}, allowed={})
    keeper, read = kept.KeptIndexes(10_000_000), []

    def scans(cases):
        return {case: shelf.parts[case].scan for case in cases}

    def words(cases):
        read.append(sorted(cases))
        return shelf.words(cases)

    def lines(vocabulary):
        return vocabulary.words, vocabulary.names

    def known(access):
        return lines(keeper.vocabulary("person", keeper.index("person", access, scans), words))

    whole = [kept.Access(case, 1, None) for case in shelf.cases]
    first = next(iter(shelf.cases))
    hidden = [kept.Access(first, 1, frozenset()), *whole[1:]]
    fewer = whole[1:]
    for access, wanted in (
        (whole, [sorted(shelf.cases)]),
        (hidden, [[first]]),
        (whole, [[first]]),
        (fewer, []),
        ([kept.Access(first, 2, None), *fewer], [[first]]),
    ):
        read.clear()
        fresh = lines(engine.vocabulary(kept.opened(access, scans), shelf.words))
        assert known(access) == known(access) == fresh
        assert read == wanted
    assert known(hidden) == known(fewer) != known(whole)
    index = keeper.index("person", whole, scans)
    known(hidden)
    assert lines(keeper.vocabulary("person", index, words)) == lines(engine.vocabulary(index, shelf.words))


LISTS = st.sets(st.sampled_from(["ash", "birch", "cedar", "elm", "fir"])).map(
    lambda words: "".join(f"{word}\n" for word in sorted(words)).encode()
)


@given(st.lists(st.tuples(st.lists(st.integers(0, 5)), st.lists(LISTS, max_size=3)), max_size=6))
def test_lines_gathered_again_and_again_are_those_of_the_texts_that_are_there(steps) -> None:
    texts, found = list[bytes](), NO_LINES
    for chosen, fresh in steps:
        standing = sorted({place for place in chosen if place < len(texts)})
        texts = [texts[place] for place in standing] + fresh
        found = gathered(found, standing, fresh)
        assert found.text == b"".join(sorted(set(b"".join(texts).splitlines(keepends=True))))
        assert len(found.numbers) == len(texts)


@pytest.mark.parametrize("batch", [1, 7])
def test_no_answer_depends_on_how_much_is_worked_on_together_or_was_asked_before(monkeypatch, batch) -> None:
    shelf = random_shelf(cases=6)
    shelf.allowed = {case: frozenset({documents[0].key}) for case, documents in list(shelf.cases.items())[:2]}
    typed = (
        " ".join(WORDS),
        f"{WORDS[0][:2]}* {WORDS[1][:2]}*",
        f'"{WORDS[0]} {WORDS[1]}" NOT {WORDS[2]}',
        "NOT pangolin",
    )
    whole = [shelf.search(one) for one in typed]
    assert whole[0].total > 0 < whole[3].total
    monkeypatch.setattr(engine, "BATCH", batch)
    assert [shelf.search(one) for one in typed] == whole
    known, index, parts = engine.Known(), shelf.index(), shelf.fetchers()
    again = [
        engine.search(understand(one), index, Filters(), parts, Window(today=TODAY, limit=100), known)
        for one in (*typed, *typed)
    ]
    assert [replace(one, took=0.0) for one in again] == whole * 2


def test_kept_indexes_stay_within_their_bound() -> None:
    shelf = random_shelf()
    access = [kept.Access(case, 1, None) for case in shelf.cases]

    def scans(cases):
        return {case: shelf.parts[case].scan for case in cases}

    one = kept.opened(access, scans).nbytes
    keeper = kept.KeptIndexes(one * 3)
    for number in range(10):
        keeper.index(f"person{number}", access, scans)
        assert keeper.nbytes <= one * 3
    keeper.clear()
    assert keeper.nbytes == 0


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet='risk plan "()*:/-.ANDORT\u00e9\u202e', max_size=80))
def test_whatever_is_typed_is_answered(typed: str) -> None:
    found = random_shelf(cases=2).search(typed, limit=5, offset=1)
    assert len(found.hits) <= 5
    assert found.total <= 8


def test_as_many_words_as_a_query_may_have_are_all_used() -> None:
    pages = (" ".join(f"w{number}" for number in range(300)),)
    one = Document(key="d", title="", pages=pages, day=TODAY, type_code="m", agency="a")
    shelf = Shelf({"c": [one, replace(one, key="e", pages=(f"w{MOST_WORDS - 1}",))]}, {})
    found = shelf.search(" ".join(f"w{number}" for number in range(MOST_WORDS)))
    assert [hit.document for hit in found.hits] == ["d", "e"]


def test_ids_in_other_scripts_filter_everything_away() -> None:
    shelf = random_shelf()
    assert shelf.search("risk", Filters(types=frozenset({"пример"}))).total == 0
    shelf.allowed = dict.fromkeys(shelf.cases, frozenset({"пример"}))
    assert shelf.search("risk").total == 0
