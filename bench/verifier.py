"""Entries a second of the separate verifier as a whole command, beside a plain SHA-256 pass over the same file.

python bench/verifier.py [--entries 200000]
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.lines import in_turns, middle, progress, tell
from hub.ledger import notes
from hub.ledger.entries import NO_HEAD, case_link, head_leaf
from hub.ledger.tree import Frontier, leaf_hash
from hub.proof.outside import verify

HUB, AREA, SEED = "a" * 26, "b" * 26, bytes(range(32))
ORIGIN = notes.origin_of(HUB, AREA)
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EVERY = 1000


def entry(number: int, case_number: int | None, case: str | None) -> bytes:
    body = {
        "v": 2, "area": AREA, "seq": number, "case": case, "case_seq": case_number,
        "at": (START + timedelta(milliseconds=50 * number)).isoformat(timespec="microseconds"),
        "actor": "c" * 26, "role": "practitioner", "agency": "d" * 26, "session": "e" * 43,
        "event": "document.page_viewed" if case else "case.listed", "operation": "consultation", "outcome": "done",
        "fields": {"case": case, "document": "f" * 26, "form": "image", "page": number % 30 + 1, "reason": "casework", "version": 1}
        if case else {"cases": ["g" * 26] * 5},
        "private": {"address": hashlib.sha256(b"%d" % number).hexdigest(), "device": hashlib.sha256(b"x%d" % number).hexdigest()},
    }  # fmt: skip
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def make(folder: Path, count: int) -> None:
    """A bundle of an area, with a checkpoint after each EVERY entries."""
    frontier, heads, hashes, checkpoints = Frontier(), {}, [], []
    with (folder / "entries.jsonl").open("wb") as out:
        for number in range(1, count + 1):
            case = (
                verify.base64.b32encode(b"%016d" % (number % 997)).decode().lower()[:26]
                if number % 5
                else None
            )
            done, head = heads.get(case, (0, NO_HEAD))
            line = entry(number, done + 1 if case else None, case)
            hashed = leaf_hash(line)
            if case:
                heads[case] = (done + 1, case_link(head, hashed))
            out.write(line + b"\n")
            hashes.append(hashed)
            if number % EVERY == 0 or number == count:
                frontier = frontier.extended(hashes[frontier.size :])
                checkpoints.append(signed(frontier, heads, START + timedelta(milliseconds=50 * number)))
    (folder / "leaf-hashes.bin").write_bytes(b"".join(hashes))
    (folder / "heads.jsonl").write_bytes(
        b"".join(head_leaf(case, *heads[case]) + b"\n" for case in sorted(heads))
    )
    (folder / "checkpoints.jsonl").write_text("".join(json.dumps(str(one)) + "\n" for one in checkpoints))
    key = notes.log_key(
        ORIGIN, notes.Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()
    )
    manifest = {
        "format": "mappa-hub/log-export/1", "origin": ORIGIN, "hub": HUB, "area": AREA, "scope": "area", "case": None,
        "entries": count, "size": count, "keys": [str(key)], "witnesses": [],
        "made_at": (START + timedelta(milliseconds=50 * count)).isoformat(timespec="microseconds"),
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))


def signed(frontier: Frontier, heads: dict[str, tuple[int, bytes]], at: datetime) -> notes.Note:
    cases = Frontier().extended(leaf_hash(head_leaf(case, *heads[case])) for case in sorted(heads))
    said = notes.Checkpoint(
        origin=ORIGIN, size=frontier.size, root=frontier.root, at=at, cases=cases.size, case_root=cases.root
    )
    return notes.sign(said, SEED)


def command(folder: Path) -> float:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, verify.__file__, folder], capture_output=True, text=True, check=False
    )
    taken = time.perf_counter() - began
    if done.returncode or "VERIFIED" not in done.stdout:
        raise RuntimeError(done.stdout + done.stderr)
    return taken


def plain(path: Path) -> float:
    began = time.perf_counter()
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")
    return time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entries", type=int, default=200_000)
    count = parser.parse_args().entries
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        progress(f"verifier: making {count} entries ...")
        make(folder, count)
        size = (folder / "entries.jsonl").stat().st_size
        taken, read = map(
            middle, in_turns(3, lambda: command(folder), lambda: plain(folder / "entries.jsonl"))
        )
    detail = f"{count} entries of {size // count} bytes, {count // EVERY} checkpoints, in {taken:.2f} s; SHA-256 of the file {read:.2f} s: {taken / read:.1f} times"
    tell("log-verifier", count / taken, target=100_000, better="higher", detail=detail)
    return 0


if __name__ == "__main__":
    sys.exit(main())
