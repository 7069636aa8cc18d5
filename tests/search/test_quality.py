"""The program that judges search on a folder of documents, questions and judgements."""

import json
import math
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "bench" / "search.py"

CORPUS = [
    {"_id": "a/1", "text": "The boundary layer of a flat plate."},
    {"_id": 'b "2"', "title": "Wings", "text": "Lift of a slender wing at high speed; the wing bends."},
    {"_id": "\u00e7-3", "title": "", "text": "A wing."},
    {"_id": "empty", "title": None, "text": ""},
    {"_id": "q4", "title": "", "text": "Heat flows through the plate."},
]
QUERIES = {
    "q1": "wing",
    "q2": "flat plate " * 300,
    "q3": "never judged",
    "q4": "Heat flows through the plate.",
    "q5": "lift",
}
JUDGED = [
    ("q1", 'b "2"', "1"),
    ("q1", "\u00e7-3", "2"),
    ("q1", "a/1", "-1"),
    ("q2", "a/1", "1"),
    ("q2", "not-there", "1"),
    ("q4", "a/1", "1"),
    ("q5", "a/1", "0"),
]


def test_one_object_of_figures_as_trec_eval_counts_them(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, CORPUS)), "utf-8")
    asked = ({"_id": name, "text": text} for name, text in QUERIES.items())
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, asked)), "utf-8")
    rows = "\n".join("\t".join(row) for row in [("query-id", "corpus-id", "score"), *JUDGED])
    (tmp_path / "qrels" / "test.tsv").write_text(rows, "utf-8")
    ran = subprocess.run(
        [sys.executable, str(PROGRAM), "--collection", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    figures = json.loads(ran.stdout)
    assert list(figures) == ["hub", "whoosh", "fts5"]
    for one in figures.values():
        assert set(one) == {"ndcg@10", "map", "recall@100", "p95_ms"}
        # By question: found both; one of two, the other being nowhere; itself left out; judged and none right.
        assert one["recall@100"] == one["map"] == round((1 + 0.5 + 1 + 0) / 4, 4)
    second = 1 / math.log2(3)
    best, turned = 1.0, (1 + 2 * second) / (2 + second)
    either = {round((first + 1 / (1 + second) + 1 + 0) / 4, 4) for first in (best, turned)}
    assert {one["ndcg@10"] for one in figures.values()} <= either
