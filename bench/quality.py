"""How well search ranks, on a folder in BEIR's layout: corpus.jsonl, queries.jsonl, qrels/test.tsv.

Called by bench/search.py --collection. Every document stands in a case of its own; the two plain engines index the same
text, Whoosh with BM25F and stemming, SQLite FTS5 with its porter tokeniser.
"""

import json
import math
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from search import TODAY, Fts5, Whoosh, high, on_sqlite
from whoosh import query as whoosh_query

from bench.lines import progress
from hub.search import answer, engine, kept, shard
from hub.search.query import understand
from storage.names import new_id
from tests.search import names as tests_names

DEPTH = 100


def judge(folder: Path, work: Path) -> dict[str, dict[str, float]]:
    corpus = {one.name: one for one in entries(folder / "corpus.jsonl")}
    wanted = judgements(folder / "qrels" / "test.tsv")
    asked = {one.name: one.text for one in entries(folder / "queries.jsonl") if one.name in wanted}
    names = list(corpus)
    documents = [document(number, one.title, one.text) for number, one in enumerate(corpus.values())]
    progress(f"{len(documents)} documents, {len(asked)} queries with judgements")
    itself = {name for name, text in asked.items() if name in corpus and corpus[name].text == text}
    figures = {}
    for engine_name, make in (("hub", of_hub), ("whoosh", of_whoosh), ("fts5", of_fts5)):
        search = make(work, documents)
        progress(f"{engine_name}: indexed")
        figures[engine_name] = measured(
            lambda text, search=search: [names[int(key)] for key in search(text)], asked, wanted, itself
        )
        progress(f"{engine_name}: {figures[engine_name]}")
    return figures


class Entry(NamedTuple):
    """A document or a query as its line says; what the line does not say is empty."""

    name: str
    title: str
    text: str


def entries(path: Path) -> Iterator[Entry]:
    with path.open(encoding="utf-8") as reader:
        for line in reader:
            if line.strip():
                one = json.loads(line)
                yield Entry(str(one["_id"]), str(one.get("title") or ""), str(one.get("text") or ""))


def judgements(path: Path) -> dict[str, dict[str, int]]:
    """For each judged query its documents with a score above zero: perhaps none, as trec_eval counts it."""
    found: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8") as reader:
        for line in reader:
            query, *between, name, score = line.rstrip("\r\n").split("\t") if line.strip() else ["", "", ""]
            if between or not query or not re.fullmatch(r"-?\d+(\.\d+)?", score):
                continue
            right = found.setdefault(query, {})
            if float(score) > 0:
                right[name] = int(float(score))
    return found


def document(number: int, title: str, text: str) -> shard.Document:
    return shard.Document(
        key=str(number), title=title, pages=(text,), day=TODAY, type_code="report", agency="police"
    )


def of_hub(work: Path, documents: list[shard.Document]) -> Callable[[str], list[str]]:
    hub, keeper = on_sqlite(work / "quality.db"), kept.KeptIndexes(2_000_000_000)
    cases = [new_id() for _ in documents]
    for case, one in zip(cases, documents, strict=True):
        hub.put(case, shard.encode(shard.build([one])))
    hub.grant("person", cases)

    def search(text: str) -> list[str]:
        index = keeper.index("person", hub.access("person"), lambda some: hub.parts("scan", "person", some))
        parts = engine.Parts(
            positions=lambda some: hub.parts("positions", "person", some),
            vocabulary=lambda: keeper.vocabulary(
                "person", index, lambda some: hub.parts("words", "person", some)
            ),
        )
        window = engine.Window(today=TODAY, limit=DEPTH + 1)
        question = answer.Question(
            text=text, understood=understand(text), filters=engine.Filters(), window=window
        )
        return [hit.document for hit in answer.answer(question, index, parts).results.hits]

    return search


def of_whoosh(work: Path, documents: list[shard.Document]) -> Callable[[str], list[str]]:
    (work / "quality").mkdir()
    plain = Whoosh(work / "quality")
    plain.fill(documents)
    analyser = plain.index.schema["body"].analyzer

    def search(text: str) -> list[str]:
        words = dict.fromkeys(token.text for token in analyser(text))
        either = whoosh_query.Or([whoosh_query.Term("body", word) for word in words])
        return [hit["key"] for hit in plain.searcher.search(either, limit=DEPTH + 1)]

    return search


def of_fts5(work: Path, documents: list[shard.Document]) -> Callable[[str], list[str]]:
    fts5 = Fts5(work / "quality-fts5.db")
    fts5.fill(documents)
    fts5.grant("person", {one.key for one in documents})

    def search(text: str) -> list[str]:
        words = dict.fromkeys(re.findall(r"\w+", text))
        return fts5.search(" OR ".join(f'"{word}"' for word in words), "person", DEPTH + 1) if words else []

    return search


def measured(
    search: Callable[[str], list[str]],
    asked: dict[str, str],
    wanted: dict[str, dict[str, int]],
    itself: set[str],
) -> dict[str, float]:
    """Means over the queries, as trec_eval takes them. `itself`: queries that are documents too, which do not find themselves."""
    gains, precisions, recalls, times = [], [], [], []
    for name, text in asked.items():
        began = time.perf_counter()
        found = search(text)
        times.append(1000 * (time.perf_counter() - began))
        right = wanted[name]
        found = [one for one in found if one != name or name not in itself][:DEPTH]
        gains.append(ndcg(found[:10], right))
        precisions.append(average_precision(found, right))
        recalls.append(len(right.keys() & set(found)) / max(1, len(right)))
    mean = {"ndcg@10": gains, "map": precisions, "recall@100": recalls}
    figures = {name: round(sum(values) / max(1, len(values)), 4) for name, values in mean.items()}
    return figures | {"p95_ms": round(high(times), 2) if times else 0.0}


def ndcg(found: list[str], right: dict[str, int]) -> float:
    gain = sum(right.get(name, 0) / math.log2(place + 2) for place, name in enumerate(found))
    best = sorted(right.values(), reverse=True)[:10]
    return gain / sum(score / math.log2(place + 2) for place, score in enumerate(best)) if best else 0.0


def average_precision(found: list[str], right: dict[str, int]) -> float:
    met, total = 0, 0.0
    for place, name in enumerate(found, start=1):
        if name in right:
            met += 1
            total += met / place
    return total / max(1, len(right))


def names() -> Iterator[tuple[str, float, float | None, dict[str, object]]]:
    """The project's own set of miswritten names: (figure, value, target, detail). Each person has one document."""
    people = tests_names.PEOPLE
    documents = [
        document(number, "", f"Notes on {person}. It was seen that {person} came.")
        for number, person in enumerate(people)
    ]
    parts = shard.encode(shard.build(documents))
    index = kept.opened([kept.Access("case", 1, None)], lambda cases: dict.fromkeys(cases, parts.scan))
    fetch = engine.Parts(
        positions=lambda cases: dict.fromkeys(cases, parts.positions),
        vocabulary=lambda: engine.vocabulary(index, lambda cases: dict.fromkeys(cases, parts.words)),
    )
    shown = right = first = 0
    for typed, person in tests_names.MISWRITTEN:
        question = answer.Question(
            text=typed,
            understood=understand(typed),
            filters=engine.Filters(),
            window=engine.Window(today=TODAY, limit=5),
        )
        hits = [people[int(hit.document)] for hit in answer.answer(question, index, fetch).results.hits]
        shown, right, first = shown + len(hits), right + (person in hits), first + (hits[:1] == [person])
    asked = len(tests_names.MISWRITTEN)
    detail: dict[str, object] = {"names": asked, "people": len(people), "shown": shown, "first": first}
    yield "search_names_missed_at_5", 1 - right / asked, 0.1, detail
    yield "search_names_wrong_among_5", 1 - right / shown, None, detail
