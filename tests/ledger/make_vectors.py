"""Writes tests/vectors/log from the second implementation: `python -m tests.ledger.make_vectors`. The same every time."""

import hashlib
import json
import tempfile
from pathlib import Path

from tests.ledger.second import Log, Merkle, Signer, b64, commit, h, ident, note, small_log
from tests.ledger.test_tree import INPUTS, ROOTS

FOLDER = Path(__file__).parent.parent / "vectors" / "log"


def leaves():
    log = Log(1).add(ident(1001)).add().add(ident(1001))
    salt = hashlib.sha256(b"salt").digest()[:16]
    values = {
        "address": "192.0.2.7",
        "query": "plain words, é and \U0001d11e",
        "total": 3,
        "ids": [ident(1), None],
    }
    return {
        "leaves": [{"leaf": one.decode(), "hash": h(b"\x00" + one).hex()} for one in log.leaves],
        "commitments": [
            {"name": n, "value": v, "salt": salt.hex(), "commitment": commit(salt, n, v)}
            for n, v in values.items()
        ],
        "heads": [
            {"case": case, "entries": n, "head": head.hex()} for case, (n, head, _) in log.heads().items()
        ],
    }


def trees():
    """Inputs and roots are those of Certificate Transparency's published tests; the proofs follow from RFC 6962."""
    tree = Merkle(h(b"\x00" + one) for one in INPUTS)
    inclusion, consistency = [], []
    for size in range(1, 9):
        part = Merkle(tree.hashes[:size])
        inclusion += [
            {
                "size": size,
                "index": index,
                "proof": [one.hex() for one in part.path(index)],
                "holds": True,
            }
            for index in range(size)
        ]
        consistency += [
            {"old": old, "size": size, "proof": [one.hex() for one in part.proof(old)], "holds": True}
            for old in range(size + 1)
        ]
    for kind in (inclusion, consistency):
        true = [one for one in kind if one["size"] > 2 and one["proof"]]
        kind += [one | {"proof": one["proof"][:-1], "holds": False} for one in true]
        kind += [one | {"proof": [*one["proof"], "00" * 32], "holds": False} for one in true]
        kind += [one | {"proof": ["00" * 32, *one["proof"][1:]], "holds": False} for one in true]
    return {
        "inputs": [one.hex() for one in INPUTS], "empty": h(b"").hex(), "roots": list(ROOTS), "inclusion": inclusion,
        "consistency": consistency,
    }  # fmt: skip


def signed():
    log = small_log(entries=9, every=4)
    witness, other = Signer("witness.example/w", h(b"witness"), 4), Signer(log.origin, h(b"other"))
    body = log.body()
    good, line = log.signer.line(body), witness.line(body, 1772442000)
    return {
        "key": log.signer.vkey, "witness": witness.vkey,
        "notes": [
            {"note": note(body, good), "log": True, "witness": None},
            {"note": note(body, good, line), "log": True, "witness": True},
            {"note": note(body, other.line(body)), "log": None, "witness": None},
            {"note": note(body.replace("\n9\n", "\n8\n"), good, line), "log": False, "witness": False},
            {"note": note(body, good, witness.line(body.replace("\n9\n", "\n8\n"), 1772442000)), "log": True, "witness": False},
        ],
        "no_notes": [body, body + "\n", note(body, good)[:-1], note(body, good.replace("\u2014", "-")), note(body + "\t\n", good)],
    }  # fmt: skip


CHANGES = (
    ("entries.jsonl", 4, '"outcome":"done"', '"outcome":"refused"', 5, 5, "is not what the checkpoint"),
    ("entries.jsonl", 6, '"v":2', '"v": 2', 7, 7, "canonical"),
    ("entries.jsonl", 2, '"seq":3', '"seq":4', 3, 3, "entry 4 stands in its place"),
    ("entries.jsonl", 11, None, None, 9, 12, "Entry 12 is missing"),
    ("checkpoints.jsonl", 1, "\\n4\\n", "\\n5\\n", None, None, "does not verify"),
    ("heads.jsonl", 0, '"entries":', '"entries":1', None, None, "head of case"),
)


def bundle():
    log = small_log(entries=12, every=4, cases=2)
    with tempfile.TemporaryDirectory() as folder:
        files = {
            path.name: path.read_bytes() for path in log.write(Path(folder) / "b", openings=True).iterdir()
        }
    hashes = files.pop("leaf-hashes.bin")
    bad = [
        {"file": name, "line": line, "from": old, "to": new, "first": first, "at_most": last, "why": why}
        for name, line, old, new, first, last, why in CHANGES
    ]
    return {
        "files": {name: data.decode() for name, data in sorted(files.items())}, "leaf-hashes": b64(hashes), "key": log.signer.vkey,
        "kept": log.notes[2], "bad": bad,
    }  # fmt: skip


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for made in (leaves, trees, signed, bundle):
        text = json.dumps(made(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        (FOLDER / f"{made.__name__}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
