"""A second implementation of docs/log-format.md, for the tests alone; shares no line with the hub or its verifier.

Trees and proofs are the recursive definitions of RFC 6962 section 2.1 as they stand there; proofs are checked by the same
recursion. Notes and cosignatures are those of c2sp.org/signed-note and c2sp.org/tlog-cosignature.
"""

import base64
import hashlib
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def h(data):
    return hashlib.sha256(data).digest()


def b64(data):
    return base64.b64encode(data).decode()


def largest(n):
    """The largest power of two smaller than n."""
    return 1 << ((n - 1).bit_length() - 1)


class Merkle:
    """MTH, PATH and SUBPROOF over given leaf hashes; whole subtrees are computed once."""

    def __init__(self, hashes):
        self.hashes = list(hashes)
        self.known = {}

    def mth(self, lo=0, hi=None):
        hi = len(self.hashes) if hi is None else hi
        n = hi - lo
        if n == 0:
            return h(b"")
        if n == 1:
            return self.hashes[lo]
        if (lo, hi) not in self.known:
            k = largest(n)
            self.known[lo, hi] = h(b"\x01" + self.mth(lo, lo + k) + self.mth(lo + k, hi))
        return self.known[lo, hi]

    def path(self, m, lo=0, hi=None):
        hi = len(self.hashes) if hi is None else hi
        n = hi - lo
        if n == 1:
            return []
        k = largest(n)
        if m < k:
            return [*self.path(m, lo, lo + k), self.mth(lo + k, hi)]
        return [*self.path(m - k, lo + k, hi), self.mth(lo, lo + k)]

    def proof(self, m, n=None):
        """Consistency from m to n leaves; empty from 0 and from n itself."""
        n = len(self.hashes) if n is None else n
        return [] if m in (0, n) else self._subproof(m, 0, n, True)

    def _subproof(self, m, lo, hi, b):
        n = hi - lo
        if m == n:
            return [] if b else [self.mth(lo, hi)]
        k = largest(n)
        if m <= k:
            return [*self._subproof(m, lo, lo + k, b), self.mth(lo + k, hi)]
        return [*self._subproof(m - k, lo + k, hi, False), self.mth(lo, lo + k)]


def root_by(m, n, hashed, proof):
    """The root that an inclusion proof leads to, or None when it has not the right length."""
    if n == 1:
        return None if proof else hashed
    if not proof:
        return None
    k = largest(n)
    below = root_by(m, k, hashed, proof[:-1]) if m < k else root_by(m - k, n - k, hashed, proof[:-1])
    if below is None:
        return None
    return h(b"\x01" + below + proof[-1]) if m < k else h(b"\x01" + proof[-1] + below)


def roots_by(m, n, proof, old, whole=True):
    """(older root, newer root) that a consistency proof of 0 < m <= n leads to, or None."""
    if m == n:
        if whole:
            return None if proof else (old, old)
        return (proof[0], proof[0]) if len(proof) == 1 else None
    if not proof:
        return None
    k, last = largest(n), proof[-1]
    if m <= k:
        below = roots_by(m, k, proof[:-1], old, whole)
        return below and (below[0], h(b"\x01" + below[1] + last))
    below = roots_by(m - k, n - k, proof[:-1], old, False)
    return below and (h(b"\x01" + last + below[0]), h(b"\x01" + last + below[1]))


def dumps(value):
    """RFC 8785 of what these tests write: ASCII names, no fractions."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def ident(number):
    return base64.b32encode(h(b"id %d" % number)[:16]).decode().lower().rstrip("=")


def commit(salt, name, value):
    return h(b"mappa-hub/private/1\x00" + salt + dumps([name, value])).hex()


def time(at):
    return at.isoformat(timespec="microseconds")


@dataclass
class Signer:
    """`kind` 1: a log's key; 4: a witness's."""

    name: str
    seed: bytes
    kind: int = 1

    def __post_init__(self):
        self.key = Ed25519PrivateKey.from_private_bytes(self.seed)
        self.raw = bytes([self.kind]) + self.key.public_key().public_bytes_raw()
        self.ident = h(self.name.encode() + b"\n" + self.raw)[:4]
        self.vkey = f"{self.name}+{self.ident.hex()}+{b64(self.raw)}"

    def line(self, body, at=0):
        if self.kind == 1:
            signature = self.key.sign(body.encode())
        else:
            message = f"cosignature/v1\ntime {at}\n{body}"
            signature = at.to_bytes(8, "big") + self.key.sign(message.encode())
        return f"\u2014 {self.name} {b64(self.ident + signature)}\n"


def note(body, *lines):
    return body + "\n" + "".join(lines)


@dataclass
class Log:
    """A log of one area as a hub would keep it. `leaves` and `stored` (its hashes) are what a tamperer can reach."""

    seed: int = 1
    hub: str = ident(1)
    area: str = ident(2)
    leaves: list = field(default_factory=list)
    stored: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    openings: list = field(default_factory=list)
    witnesses: list = field(default_factory=list)

    def __post_init__(self):
        self.dice = random.Random(self.seed)
        self.origin = f"mappa-hub/{self.hub}/{self.area}"
        self.signer = Signer(self.origin, h(b"signer %d" % self.seed))
        self.now = START
        self.counts = {}

    def add(self, case=None, **over):
        self.now += timedelta(milliseconds=17)
        number = len(self.leaves) + 1
        if case is not None:
            self.counts[case] = self.counts.get(case, 0) + 1
        private = {}
        for name, value in (("address", "192.0.2.7"), ("device", "a fictional browser")):
            salt = self.dice.randbytes(16)
            private[name] = commit(salt, name, value)
            self.openings.append({"seq": number, "name": name, "salt": salt.hex(), "value": value})
        body = {
            "v": 2, "area": self.area, "seq": number, "case": case, "case_seq": self.counts.get(case), "at": time(self.now),
            "actor": ident(100 + self.dice.randrange(9)), "role": "practitioner", "agency": ident(50), "session": "s" * 43,
            "event": "case.viewed" if case else "case.listed", "operation": "consultation", "outcome": "done",
            "fields": {"case": case} if case else {"cases": [ident(60), ident(61)], "page": number}, "private": private,
        }  # fmt: skip
        self.leaves.append(dumps(body | over))
        self.stored.append(h(b"\x00" + self.leaves[-1]))
        return self

    def heads(self, size=None):
        """{case: (entries, head, [seq, ...])}, by case."""
        found = {}
        for leaf in self.leaves[:size]:
            body = json.loads(leaf)
            if body["case_seq"] is not None:
                n, head, seqs = found.get(body["case"], (0, bytes(32), []))
                found[body["case"]] = (n + 1, h(b"\x02" + head + h(b"\x00" + leaf)), [*seqs, body["seq"]])
        return dict(sorted(found.items()))

    def head_leaves(self, size=None):
        return [
            dumps({"case": c, "entries": n, "head": head.hex()})
            for c, (n, head, _) in self.heads(size).items()
        ]

    def body(self, size=None, at=None):
        size = len(self.leaves) if size is None else size
        root = Merkle(h(b"\x00" + leaf) for leaf in self.leaves[:size]).mth()
        heads = [h(b"\x00" + leaf) for leaf in self.head_leaves(size)]
        lines = (
            self.origin,
            size,
            b64(root),
            f"at {time(at or self.now)}",
            f"case-heads {len(heads)} {b64(Merkle(heads).mth())}",
        )
        return "".join(f"{line}\n" for line in lines)

    def checkpoint(self, size=None, signer=None):
        self.now += timedelta(seconds=1)
        body = self.body(size)
        lines = [
            (signer or self.signer).line(body),
            *(one.line(body, int(self.now.timestamp())) for one in self.witnesses),
        ]
        self.notes.append(note(body, *lines))
        return self.notes[-1]

    def write(self, folder, case=None, openings=False, **over):
        """The bundle, as docs/log-format.md section 5 says, of what leaves, hashes and checkpoints now are."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        size = int(self.notes[-1].split("\n")[1])
        mine = self.leaves if case is None else [self.leaves[seq - 1] for seq in self.heads(size)[case][2]]
        manifest = {
            "format": "mappa-hub/log-export/1", "origin": self.origin, "hub": self.hub, "area": self.area,
            "scope": "case" if case else "area", "case": case, "entries": len(mine), "size": size,
            "keys": [self.signer.vkey], "witnesses": [one.vkey for one in self.witnesses], "made_at": time(self.now),
        }  # fmt: skip
        (folder / "manifest.json").write_bytes(dumps(manifest | over) + b"\n")
        rows(folder / "entries.jsonl", mine)
        rows(
            folder / "checkpoints.jsonl", [json.dumps(one, ensure_ascii=False).encode() for one in self.notes]
        )
        if openings:
            seqs = {json.loads(leaf)["seq"] for leaf in mine}
            rows(folder / "openings.jsonl", [dumps(one) for one in self.openings if one["seq"] in seqs])
        if case is None:
            rows(folder / "heads.jsonl", self.head_leaves(size))
            (folder / "leaf-hashes.bin").write_bytes(b"".join(self.stored))
        else:
            self._proofs(folder, case, size)
        return folder

    def _proofs(self, folder, case, size):
        tree = Merkle(self.stored[:size])
        seqs = self.heads(size)[case][2]
        rows(
            folder / "proofs.jsonl",
            [dumps({"index": s - 1, "proof": [b64(p) for p in tree.path(s - 1)]}) for s in seqs],
        )
        sizes = [int(one.split("\n")[1]) for one in self.notes[:-1]]
        rows(
            folder / "consistency.jsonl",
            [dumps({"size": s, "proof": [b64(p) for p in tree.proof(s)]}) for s in sizes],
        )
        heads, place = self.head_leaves(size), list(self.heads(size)).index(case)
        proof = Merkle(h(b"\x00" + leaf) for leaf in heads).path(place)
        found = {
            "leaf": heads[place].decode(),
            "index": place,
            "size": len(heads),
            "proof": [b64(one) for one in proof],
        }
        (folder / "head.json").write_bytes(dumps(found) + b"\n")


def rows(path, lines):
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def small_log(entries=40, cases=3, every=7, seed=1):
    """A log with checkpoints each `every` entries and at the end; its clock stands still between."""
    log = Log(seed)
    log.checkpoint()
    for number in range(1, entries + 1):
        log.add(ident(1000 + log.dice.randrange(cases)) if log.dice.random() < 0.8 else None)
        if number % every == 0 or number == entries:
            log.checkpoint()
    return log
