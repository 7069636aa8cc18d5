"""The vectors of docs/log-format.md, by the verifier, the hub's own tree, notes and entries."""

import base64
import json
from pathlib import Path

import pytest

from hub.ledger import entries, tree
from hub.proof.outside import verify
from tests.ledger import make_vectors


def vectors(name):
    return json.loads((make_vectors.FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["leaves", "trees", "signed", "bundle"])
def test_the_files_are_what_the_second_implementation_writes(name):
    assert vectors(name) == json.loads(json.dumps(getattr(make_vectors, name)()))


def test_leaves_commitments_and_heads():
    found = vectors("leaves")
    head = bytes(32)
    for one in found["leaves"]:
        leaf = one["leaf"].encode()
        assert verify.canonical(json.loads(leaf)) == leaf
        assert verify.leaf_hash(leaf).hex() == entries.leaf_hash(one["leaf"]).hex() == one["hash"]
        if json.loads(leaf)["case"]:
            head = verify.head_after(head, verify.leaf_hash(leaf))
    assert head.hex() == found["heads"][0]["head"]
    for one in found["commitments"]:
        opening = entries.Opening(bytes.fromhex(one["salt"]), one["value"])
        assert entries.commitment(one["name"], opening) == one["commitment"]


def test_published_roots_and_every_proof():
    found = vectors("trees")
    hashes = [verify.leaf_hash(bytes.fromhex(one)) for one in found["inputs"]]
    roots = [bytes.fromhex(one) for one in (found["empty"], *found["roots"])]
    for size, root in enumerate(roots):
        growing = verify.Range()
        growing.extend(hashes[:size])
        assert growing.root() == tree.Frontier().extended(hashes[:size]).root == root
    for one in found["inclusion"]:
        proof = [bytes.fromhex(part) for part in one["proof"]]
        given = hashes[one["index"]], one["index"], one["size"], proof, roots[one["size"]]
        assert verify.included(*given) == one["holds"]
        assert tree.includes(given[4], given[2], given[1], given[0], proof) == one["holds"]
    for one in found["consistency"]:
        proof = [bytes.fromhex(part) for part in one["proof"]]
        old, new = roots[one["old"]], roots[one["size"]]
        assert verify.consistent(one["old"], one["size"], proof, old, new) == one["holds"]
        assert tree.continues(old, one["old"], new, one["size"], proof) == one["holds"]


def test_notes_and_cosignatures():
    found = vectors("signed")
    key, witness = verify.read_key(found["key"]), verify.read_key(found["witness"])
    for one in found["notes"]:
        note = verify.read_note(one["note"])
        assert (verify.signed_by(key, note), verify.signed_by(witness, note)) == (one["log"], one["witness"])
        verify.read_checkpoint(one["note"])
    for text in found["no_notes"]:
        with pytest.raises(ValueError):
            verify.read_checkpoint(text)


def test_a_whole_bundle_good_and_bad(tmp_path):
    found = vectors("bundle")
    (tmp_path / "kept").write_text(found["kept"])
    for number, bad in enumerate([None, *found["bad"]]):
        folder = tmp_path / str(number)
        write(folder, found, bad)
        said = []
        status = verify.main([str(folder), "--checkpoint", str(tmp_path / "kept"), "--json"], said.append)
        answer = json.loads(said[0])
        if bad is None:
            assert (status, answer["why"]) == (0, "")
            continue
        assert status == 1
        assert (answer["first_bad"], answer["first_bad_at_most"]) == (bad["first"], bad["at_most"]), answer[
            "why"
        ]
        assert bad["why"] in answer["why"]


def write(folder: Path, found, bad):
    folder.mkdir()
    (folder / "leaf-hashes.bin").write_bytes(base64.b64decode(found["leaf-hashes"]))
    for name, text in found["files"].items():
        lines = text.splitlines(keepends=True)
        if bad and bad["file"] == name:
            line = lines[bad["line"]]
            assert bad["from"] is None or bad["from"] in line
            lines[bad["line"]] = "" if bad["from"] is None else line.replace(bad["from"], bad["to"], 1)
        (folder / name).write_text("".join(lines), encoding="utf-8")
