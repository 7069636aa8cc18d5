"""Sealed search beside engines that keep every word in clear, on the same documents and queries, in one run.

    python3 bench/search.py                      1,000 cases, 4,000 documents
    python3 bench/search.py --full               5,000 cases, 20,000 documents
    python3 bench/search.py --full --postgresql  the same with the hub's shards on PostgreSQL
    python3 bench/search.py --national           97,000 cases in one person's reach, of copies of 1,000 under their own keys
    python3 bench/search.py --curve              the cost against cases and documents a case
    python3 bench/search.py --collection FOLDER  quality on a BEIR-style folder, one JSON object

    python3 bench/search.py --timing             whether the time of an answer tells of hidden documents
    python3 bench/search.py --names              names miswritten on purpose: recall and precision of the first five

JSON lines; the hub's figures include reading the rows, unwrapping each case's key, opening the seals, and the page
number of each hit. The others are given the set of documents in advance and name no pages.
"""

import argparse
import json
import math
import os
import random
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from whoosh import fields, index, qparser, scoring
from whoosh.analysis import StemmingAnalyzer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hub.search import engine, kept, shard
from hub.search.query import understand
from hub.search.vocabulary import Vocabulary
from storage.names import new_id
from storage.vault import CaseKeys
from storage.wraps import unwrap, wrap

TODAY = date(2026, 11, 20).toordinal()
WORDS_A_DOCUMENT = 800
VOCABULARY = 20_000
HUB, AREA = new_id(), new_id()


def generated(cases: int, each: int, seed: int = 7) -> Iterator[tuple[str, list[shard.Document]]]:
    """Invented words under Zipf's law; every document has three pages."""
    chance = random.Random(seed)
    words = vocabulary(chance)
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    running = [0.0]
    for weight in weights:
        running.append(running[-1] + weight)
    for _ in range(cases):
        yield new_id(), [one_document(chance, words, running[1:]) for _ in range(each)]


def vocabulary(chance: random.Random) -> list[str]:
    parts = [
        first + second for first in "bdfgklmnprstv" for second in ("a", "e", "i", "o", "u", "ai", "ee", "ou")
    ]
    found: dict[str, None] = {}
    while len(found) < VOCABULARY:
        found[
            "".join(chance.choices(parts, k=chance.randint(1, 4))) + chance.choice(["", "n", "r", "st", "m"])
        ] = None
    return list(found)


def one_document(chance: random.Random, words: list[str], running: list[float]) -> shard.Document:
    text = chance.choices(words, cum_weights=running, k=WORDS_A_DOCUMENT)
    third = len(text) // 3
    pages = tuple(" ".join(text[at : at + third]) for at in range(0, len(text) - 2, third))
    return shard.Document(
        key=new_id(),
        title=" ".join(text[:3]),
        pages=pages,
        day=TODAY - chance.randint(0, 2000),
        type_code=chance.choice(["minutes", "referral", "report"]),
        agency="police",
    )


class Hub:
    """Shards sealed under each case's own key, in one SQLite table, as the hub keeps them."""

    def __init__(self, database: "sqlite3.Connection | OnPostgres") -> None:
        self.area = AESGCM(os.urandom(32))
        self.database = database
        self.unwrapped: dict[str, CaseKeys] = {}

    def put(self, case: str, parts: shard.Parts, version: int = 1) -> None:
        key = os.urandom(32)
        row = (
            case,
            version,
            wrap(self.area, key, case.encode()),
            *self.seal(self.box(case, key), case, parts, version),
        )
        self.database.execute("insert into shard values (?, ?, ?, ?, ?, ?)", row)

    @staticmethod
    def seal(keys: CaseKeys, case: str, parts: shard.Parts, version: int) -> list[bytes]:
        return [keys.blobs.seal(part, kind, case, version) for kind, part in parts._asdict().items()]

    @staticmethod
    def box(case: str, key: bytes) -> CaseKeys:
        return CaseKeys(key=key, hub=HUB, area=AREA, case=case)

    def grant(self, person: str, cases: Sequence[str]) -> None:
        self.database.executemany("insert into reads values (?, ?)", [(person, case) for case in cases])
        self.database.commit()

    def access(self, person: str) -> list[kept.Access]:
        rows = self.database.execute(
            "select case_id, version from reads join shard using (case_id) where person = ?", (person,)
        )
        return [kept.Access(case, version, None) for case, version in rows]

    def parts(self, kind: str, person: str, cases: Sequence[str]) -> dict[str, bytes]:
        """One kind of part of these cases, each key unwrapped once in a query."""
        wanted = set(cases)
        if len(wanted) > 200:
            sql, values = (
                f"select case_id, version, wrapped, {kind} from reads join shard using (case_id) where person = ?",
                [person],
            )
        else:
            marks = ",".join("?" * len(wanted))
            sql, values = (
                f"select case_id, version, wrapped, {kind} from shard where case_id in ({marks})",
                list(wanted),
            )
        found = {}
        for case, version, wrapped, sealed in self.database.execute(sql, values):
            if case in wanted:
                keys = self.unwrapped.get(case)
                if keys is None:
                    keys = self.unwrapped[case] = self.box(case, unwrap(self.area, wrapped, case.encode()))
                found[case] = keys.blobs.open(sealed, kind, case, version)
        return found

    def search(self, person: str, typed: str, keeper: kept.KeptIndexes | None = None) -> engine.Results:
        self.unwrapped.clear()
        access = self.access(person)

        def scans(cases: Sequence[str]) -> dict[str, bytes]:
            return self.parts("scan", person, cases)

        opened = keeper.index(person, access, scans) if keeper else kept.opened(access, scans)
        parts = engine.Parts(
            positions=lambda cases: self.parts("positions", person, cases),
            vocabulary=lambda: self.vocabulary(person, opened, keeper),
        )
        return engine.search(understand(typed), opened, engine.Filters(), parts, engine.Window(today=TODAY))

    def vocabulary(self, person: str, index: engine.Index, keeper: kept.KeptIndexes | None) -> Vocabulary:
        def words(cases: Sequence[str]) -> dict[str, bytes]:
            return self.parts("words", person, cases)

        return keeper.vocabulary(person, index, words) if keeper else engine.vocabulary(index, words)

    def add(self, case: str, document: shard.Document) -> None:
        """Read, open, extend, seal and commit: what one more document of a case costs."""
        row = self.database.execute(
            "select version, wrapped, scan, positions, words from shard where case_id = ?", (case,)
        )
        version, wrapped, *sealed = row.fetchone()
        keys = self.box(case, unwrap(self.area, wrapped, case.encode()))
        kinds = shard.Parts._fields
        parts = [keys.blobs.open(part, kind, case, version) for kind, part in zip(kinds, sealed, strict=True)]
        added = self.seal(keys, case, shard.add(shard.Parts(*parts), document), version + 1)
        self.database.execute(
            "update shard set version = ?, scan = ?, positions = ?, words = ? where case_id = ? and version = ?",
            (version + 1, *added, case, version),
        )
        self.database.commit()


SHARD = "create table shard (case_id text primary key, version integer, wrapped {0}, scan {0}, positions {0}, words {0})"
READS = "create table reads (person text, case_id text, primary key (person, case_id))"


def on_sqlite(path: Path) -> Hub:
    database = sqlite3.connect(path)
    pragmas = "pragma journal_mode=wal; pragma synchronous=full;"
    database.executescript(f"{pragmas} {SHARD.format('blob')}; {READS} without rowid;")
    return Hub(database)


class OnPostgres:
    """As much of a connection of `sqlite3` as `Hub` uses."""

    def __init__(self, url: str) -> None:
        import psycopg

        self.connection = psycopg.connect(url.replace("+psycopg", ""))
        self.execute(SHARD.format("bytea"))
        self.execute(READS)
        self.commit()

    def execute(self, sql: str, values: Sequence[object] = ()) -> Any:
        return self.connection.cursor(binary=True).execute(sql.replace("?", "%s"), values)

    def executemany(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        self.connection.cursor().executemany(sql.replace("?", "%s"), rows)

    def commit(self) -> None:
        self.connection.commit()


class Whoosh:
    """One index in clear, hits limited by a set of document numbers."""

    def __init__(self, folder: Path) -> None:
        schema = fields.Schema(
            key=fields.ID(stored=True, unique=True),
            body=fields.TEXT(analyzer=StemmingAnalyzer(), phrase=True),
        )
        self.index = index.create_in(str(folder), schema)
        self.parser = qparser.QueryParser("body", schema, group=qparser.OrGroup)

    def fill(self, documents: Sequence[shard.Document]) -> None:
        writer = self.index.writer(limitmb=256)
        for one in documents:
            writer.add_document(key=one.key, body=text_of(one))
        writer.commit(optimize=True)
        self.searcher = self.index.searcher(weighting=scoring.BM25F())

    def numbers(self, keys: set[str]) -> set[int]:
        reader = self.searcher.reader()
        return {number for number, stored in reader.iter_docs() if stored["key"] in keys}

    def search(self, typed: str, allowed: set[int]) -> list[str]:
        found = self.searcher.search(self.parser.parse(typed), limit=10, filter=allowed)
        return [hit["key"] for hit in found]

    def add(self, one: shard.Document) -> None:
        writer = self.index.writer()
        writer.add_document(key=one.key, body=text_of(one))
        writer.commit()


class Fts5:
    """SQLite's own full text index in clear, joined with the person's documents."""

    def __init__(self, path: Path) -> None:
        self.database = sqlite3.connect(path)
        self.database.executescript(
            "pragma journal_mode=wal; create virtual table texts using fts5(body, content='', tokenize='porter unicode61');"
            "create table allowed (person text, number integer, primary key (person, number)) without rowid;"
        )
        self.keys: list[str] = []

    def fill(self, documents: Sequence[shard.Document]) -> None:
        rows = [(number, text_of(one)) for number, one in enumerate(documents)]
        self.database.executemany("insert into texts (rowid, body) values (?, ?)", rows)
        self.database.commit()
        self.keys = [one.key for one in documents]

    def grant(self, person: str, keys: set[str]) -> None:
        rows = [(person, number) for number, key in enumerate(self.keys) if key in keys]
        self.database.executemany("insert into allowed values (?, ?)", rows)
        self.database.commit()

    def search(self, typed: str, person: str, limit: int = 10) -> list[str]:
        sql = (
            "select rowid from texts where texts match ? and +rowid in (select number from allowed where person = ?)"
            " order by bm25(texts) limit ?"
        )
        return [self.keys[number] for (number,) in self.database.execute(sql, (typed, person, limit))]


class Tantivy:
    """tantivy in clear, where it is installed."""

    def __init__(self, folder: Path) -> None:
        import tantivy

        builder = tantivy.SchemaBuilder()
        builder.add_text_field("body", stored=False, tokenizer_name="en_stem")
        builder.add_text_field("case", stored=False, tokenizer_name="raw")
        builder.add_text_field("key", stored=True, tokenizer_name="raw")
        self.tantivy, self.schema = tantivy, builder.build()
        self.index = tantivy.Index(self.schema, path=str(folder))

    def fill(self, cases: dict[str, list[shard.Document]]) -> None:
        writer = self.index.writer(100_000_000)
        for case, documents in cases.items():
            for one in documents:
                writer.add_document(self.tantivy.Document(body=text_of(one), case=case, key=one.key))
        writer.commit()
        writer.wait_merging_threads()
        self.index.reload()
        self.searcher = self.index.searcher()

    def allowed(self, cases: Sequence[str]) -> object:
        return self.tantivy.Query.term_set_query(self.schema, "case", list(cases))

    def search(self, typed: str, allowed: object) -> list[str]:
        must = self.tantivy.Occur.Must
        words = self.index.parse_query(typed, ["body"])
        found = self.searcher.search(self.tantivy.Query.boolean_query([(must, words), (must, allowed)]), 10)
        return [self.searcher.doc(address)["key"][0] for _, address in found.hits]


def text_of(one: shard.Document) -> str:
    return "\n".join((one.title, *one.pages))


def queries(cases: dict[str, list[shard.Document]], count: int) -> list[str]:
    """One word, three words that must all be there, and phrases, in turn, taken from the documents."""
    chance = random.Random(11)
    documents = [one for several in list(cases.values())[:200] for one in several]
    made = []
    for number in range(count):
        words = chance.choice(documents).pages[0].split()
        at = chance.randrange(len(words) - 3)
        three = words[at : at + 3]
        made.append((three[0], " AND ".join(chance.sample(words, 3)), f'"{three[0]} {three[1]}"')[number % 3])
    return made


def timed(actions: dict[str, Callable[[str], object]], typed: Sequence[str]) -> dict[str, list[float]]:
    """Milliseconds of each query by each engine, engine after engine for every query so that a busy moment falls on all."""
    taken: dict[str, list[float]] = {name: [] for name in actions}
    for action in actions.values():
        action(typed[0])
    for one in typed:
        for name, action in actions.items():
            began = time.perf_counter()
            action(one)
            taken[name].append(1000 * (time.perf_counter() - began))
    return taken


def high(times: Sequence[float]) -> float:
    return sorted(times)[math.ceil(0.95 * len(times)) - 1]


def say(name: str, value: float, target: float | None, detail: object) -> None:
    met = None if target is None else value <= target
    line = {
        "name": name,
        "value": round(value, 3),
        "target": target,
        "better": "lower",
        "met": met,
        "detail": detail,
    }
    print(json.dumps(line, ensure_ascii=False), flush=True)


def both(times: Sequence[float]) -> str:
    return f"{statistics.median(times):.2f} / {high(times):.2f} ms"


def compare(size: int, several: int, count: int, place: tuple[Path, str]) -> None:
    folder, server = place
    cases = dict(generated(size, 4))
    documents = [one for few in cases.values() for one in few]
    hub, fts5 = Hub(OnPostgres(server)) if server else on_sqlite(folder / "hub.db"), Fts5(folder / "fts5.db")
    (folder / "whoosh").mkdir()
    plain = Whoosh(folder / "whoosh")
    seconds = {
        "hub": stopwatch(lambda: fill_hub(hub, cases)),
        "whoosh": stopwatch(lambda: plain.fill(documents)),
        "fts5": stopwatch(lambda: fts5.fill(documents)),
    }
    tantivy = tantivy_of(folder, cases)
    size_of = hub.database.execute(
        "select sum(length(scan)), sum(length(positions)), sum(length(words)) from shard"
    )
    text = sum(len(text_of(one)) for one in documents)
    say(
        "search_bytes_per_byte_of_text",
        sum(sizes := [int(size) for size in size_of.fetchone()]) / text,
        None,
        {"scan, positions, words": sizes},
    )
    say(
        "search_build_seconds", seconds["hub"], None, {name: round(took, 1) for name, took in seconds.items()}
    )
    typed = queries(cases, count)
    for number in (50, several):
        one_size(number, cases, typed, (hub, plain, fts5, tantivy))
    common_phrases(hub, several)
    adding(hub, plain, cases)


def on_postgresql(action: Callable[[str], None]) -> None:
    """With a server of its own, every commit on the disk."""
    from tests.postgres import PostgresServer

    with PostgresServer(durable=True) as server:
        action(server.database("bench"))


def tantivy_of(folder: Path, cases: dict[str, list[shard.Document]]) -> Tantivy | None:
    (folder / "tantivy").mkdir()
    try:
        made = Tantivy(folder / "tantivy")
    except ImportError:
        return None
    made.fill(cases)
    return made


def stopwatch(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def fill_hub(hub: Hub, cases: dict[str, list[shard.Document]]) -> None:
    for case, documents in cases.items():
        hub.put(case, shard.encode(shard.build(documents)))
    hub.database.commit()


def one_size(
    number: int,
    cases: dict[str, list[shard.Document]],
    typed: list[str],
    engines: tuple[Hub, Whoosh, Fts5, Tantivy | None],
) -> None:
    hub, plain, fts5, tantivy = engines
    person, chosen = f"person of {number}", random.Random(number).sample(list(cases), number)
    keys = {one.key for case in chosen for one in cases[case]}
    hub.grant(person, chosen)
    fts5.grant(person, keys)
    numbers, keeper = plain.numbers(keys), kept.KeptIndexes(200_000_000)
    actions: dict[str, Callable[[str], object]] = {
        "cold": lambda one: hub.search(person, one),
        "kept": lambda one: hub.search(person, one, keeper),
        "whoosh": lambda one: plain.search(one, numbers),
        "fts5": lambda one: fts5.search(one, person),
    }
    if tantivy:
        allowed = tantivy.allowed(chosen)
        actions["tantivy"] = lambda one: tantivy.search(one, allowed)
    taken = timed(actions, typed)
    detail = {name: both(times) for name, times in taken.items()}
    targets = {"cold": 0.5, "kept": 0.1} if number == 50 else {"cold": 5.0, "kept": 1.3}
    label = "50_cases" if number == 50 else "many_cases"
    for way, target in targets.items():
        ratio = high(taken[way]) / high(taken["whoosh"])
        say(f"search_{way}_{label}_p95_of_whoosh", ratio, target, {"cases": number, "median / p95": detail})
    kinds = {
        kind: both(taken["cold"][at::3]) for at, kind in enumerate(("one word", "three words AND", "phrase"))
    }
    say(f"search_cold_{label}_p95_ms", high(taken["cold"]), None, kinds)
    say(f"search_kept_{label}_megabytes", keeper.nbytes / 1e6, None, {"cases": number})


def common_phrases(hub: Hub, number: int) -> None:
    """Any two of the four commonest words side by side, in every document that has both; beside one of these words alone."""
    words = vocabulary(random.Random(7))
    person, keeper = f"person of {number}", kept.KeptIndexes(200_000_000)
    typed = [
        f'"{words[first]} {words[second]}"' for first in range(4) for second in range(4) if first != second
    ]
    ways: dict[str, Callable[[str], object]] = {
        "cold": lambda one: hub.search(person, one),
        "kept": lambda one: hub.search(person, one, keeper),
        "cold, its first word alone": lambda one: hub.search(person, one.strip('"').split()[0]),
    }
    taken = timed(ways, typed)
    detail: dict[str, object] = {name: both(times) for name, times in taken.items()}
    detail |= {"cases": number, "hits": hub.search(person, typed[0]).total}
    for way in ("cold", "kept"):
        say(f"search_common_phrase_{way}_many_cases_p95_ms", high(taken[way]), 100, detail)


def timing(pairs: int, folder: Path) -> None:
    """Answers with and without 50 hidden documents in the same cases, in turn; what the times alone would tell.

    The area under the curve: 0.5 tells nothing, 1 everything. Hidden documents stand on shelves of their own, as in the hub.
    """
    few = dict(generated(50, 4))
    hidden = {case: documents for case, (_, documents) in zip(few, generated(50, 50, seed=9), strict=True)}
    hubs = {}
    for name in ("without", "with"):
        hub = hubs[name] = on_sqlite(folder / f"{name}.db")
        for case, documents in few.items():
            hub.put(case, shard.encode(shard.build(documents)))
            if name == "with":
                hub.put(f"{case}/hidden", shard.encode(shard.build(hidden[case])))
        hub.grant("person", list(few))
    typed = queries(few, 60)
    chance, spent = random.Random(2), {"without": list[float](), "with": list[float]()}
    for number in range(pairs):
        for name in chance.sample(list(hubs), 2):
            began = time.perf_counter()
            hubs[name].search("person", typed[number % len(typed)])
            spent[name].append(time.perf_counter() - began)
    area = told_apart(spent["without"], spent["with"])
    say(
        "search_timing_auc_of_hidden_documents",
        max(area, 1 - area),
        0.55,
        {"pairs": pairs, "area": round(area, 4)},
    )


def told_apart(ones: Sequence[float], others: Sequence[float]) -> float:
    """The chance that one of the others took longer than one of the ones."""
    ranked = sorted([(took, 0) for took in ones] + [(took, 1) for took in others])
    ranks = sum(rank for rank, (_, which) in enumerate(ranked, start=1) if which)
    return (ranks - len(others) * (len(others) + 1) / 2) / (len(ones) * len(others))


def adding(hub: Hub, plain: Whoosh, cases: dict[str, list[shard.Document]]) -> None:
    taken: dict[str, list[float]] = {"hub": [], "whoosh": []}
    chosen = random.Random(5).sample(list(cases), 40)
    more = [few[0] for _, few in generated(40, 1, seed=13)]
    for case, one in zip(chosen, more, strict=True):
        taken["hub"].append(1000 * stopwatch(lambda case=case, one=one: hub.add(case, one)))
        taken["whoosh"].append(1000 * stopwatch(lambda one=one: plain.add(one)))
    detail = {name: both(times) for name, times in taken.items()}
    ratio = statistics.median(taken["hub"]) / statistics.median(taken["whoosh"])
    say("search_add_one_median_of_whoosh", ratio, 0.2, detail)
    say("search_add_one_p95_of_whoosh", high(taken["hub"]) / high(taken["whoosh"]), 0.05, detail)


def thirty_a_case(number: int, count: int, folder: Path) -> None:
    """The same cases with thirty documents each against four."""
    ways: dict[str, Callable[[str], object]] = {}
    hubs = []
    for each in (4, 30):
        hub = on_sqlite(folder / f"each{each}.db")
        for case, documents in generated(number, each):
            hub.put(case, shard.encode(shard.build(documents)))
            hub.grant("person", [case])
        hubs.append(hub)
        ways[str(each)] = lambda one, hub=hub: hub.search("person", one)
    typed = queries({"case": next(generated(1, 20))[1]}, count)
    taken = timed(ways, typed)
    detail = {"cases": number} | {f"{each} documents": both(times) for each, times in taken.items()}
    say("search_thirty_documents_of_four_p95", high(taken["30"]) / high(taken["4"]), 8, detail)


def curve(folder: Path) -> None:
    """Cold and kept cost against the number of cases and the documents in each."""
    for each in (1, 4, 16):
        hub = on_sqlite(folder / f"curve{each}.db")
        cases = dict(generated(2000 if each < 16 else 500, each))
        fill_hub(hub, cases)
        typed = queries(cases, 30)
        for number in (10, 50, 200, 500, 1000, 2000):
            if number > len(cases):
                continue
            person, keeper = f"person of {number}", kept.KeptIndexes(1_000_000_000)
            hub.grant(person, list(cases)[:number])
            ways = {
                "cold": lambda one, person=person, hub=hub: hub.search(person, one),
                "kept": lambda one, person=person, keeper=keeper, hub=hub: hub.search(person, one, keeper),
            }
            taken = timed(ways, typed)
            detail = {name: both(times) for name, times in taken.items()} | {
                "megabytes": round(keeper.nbytes / 1e6, 1)
            }
            say(f"search_curve_{number}_cases_of_{each}", high(taken["cold"]), None, detail)


NATIONAL, DISTINCT = 97_000, 1000
"""Cases in England and Wales, about; and how many of them are invented anew."""


def national(folder: Path) -> None:
    """Everything in one person's reach: what no one should have, and what each part of it would cost."""
    hub, made = on_sqlite(folder / "national.db"), dict(generated(DISTINCT, 4))
    parts = [shard.encode(shard.build(documents)) for documents in made.values()]
    cases = [new_id() for _ in range(NATIONAL)]
    seconds = stopwatch(lambda: [hub.put(case, parts[n % DISTINCT]) for n, case in enumerate(cases)])
    hub.database.commit()
    typed = queries(made, 6)
    for number in (10_000, 30_000, NATIONAL):
        person = f"person of {number}"
        hub.grant(person, cases[:number])
        before, keeper = resident(), kept.KeptIndexes(8_000_000_000)
        ways: dict[str, Callable[[str], object]] = {
            "cold": lambda one, person=person: hub.search(person, one),
            "kept": lambda one, person=person, keeper=keeper: hub.search(person, one, keeper),
        }
        taken = timed(ways, typed)
        detail: dict[str, object] = {name: both(times) for name, times in taken.items()}
        detail |= {
            "megabytes kept": round(keeper.nbytes / 1e6),
            "megabytes more in all": round(resident() - before),
        }
        say(f"search_national_{number}_cases", high(taken["cold"]), None, detail)
    say("search_national_fill_seconds", seconds, None, {"cases": NATIONAL})


def resident() -> float:
    """The peak of this process so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--full", action="store_true", help="5,000 cases, 20,000 documents")
    asked.add_argument("--cases", type=int, help="as many cases, four documents each")
    asked.add_argument("--queries", type=int, default=150)
    asked.add_argument("--postgresql", action="store_true", help="the hub's shards there")
    asked.add_argument("--national", action="store_true")
    asked.add_argument("--curve", action="store_true")
    asked.add_argument("--timing", action="store_true")
    asked.add_argument("--names", action="store_true")
    asked.add_argument("--pairs", type=int, default=2000)
    asked.add_argument(
        "--collection", type=Path, help="a folder with corpus.jsonl, queries.jsonl, qrels/test.tsv"
    )
    chosen = asked.parse_args()
    size = chosen.cases or (5000 if chosen.full else 1000)
    with tempfile.TemporaryDirectory(prefix="bench-search-") as name:
        if chosen.collection:
            from quality import judge

            print(json.dumps(judge(chosen.collection, Path(name))))
        elif chosen.names:
            from quality import names

            for figure, value, target, detail in names():
                say(figure, value, target, detail)
        elif chosen.timing:
            timing(chosen.pairs, Path(name))
        elif chosen.curve:
            curve(Path(name))
        elif chosen.national:
            national(Path(name))
        elif chosen.postgresql:
            several = min(2000, size)
            on_postgresql(lambda server: compare(size, several, chosen.queries, (Path(name), server)))
        else:
            several = min(2000, size)
            compare(size, several, chosen.queries, (Path(name), ""))
            thirty_a_case(several if chosen.full else min(200, several), 30, Path(name))


if __name__ == "__main__":
    main()
