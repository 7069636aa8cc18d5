"""Sealing against plain copying, in one run: JSON lines, medians of at least five.

python3 bench/storage.py [folder to work in]
"""

import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from storage.disk import Ahead
from storage.keys import Keyring, LocalKeyFile, WrappedKey
from storage.names import new_id
from storage.receipts import ReceiptBook
from storage.sealed import SEGMENT, SealedReader, new_object_key, seal, unseal
from storage.stores import FolderStore
from storage.vault import Vault

SIZE = 100_000_000
ROUNDS = 7
KEY, PLACE = new_object_key(), b"bench"


def copy(source: Path, target: Path) -> None:
    buffer = memoryview(bytearray(SEGMENT))
    with source.open("rb", buffering=0) as reader, target.open("wb", buffering=0) as writer:
        while got := reader.readinto(buffer):
            writer.write(buffer[:got])
        os.fsync(writer.fileno())


def seal_file(source: Path, target: Path) -> None:
    with source.open("rb", buffering=0) as reader, target.open("wb", buffering=0) as writer:
        seal(reader, Ahead(writer.fileno()), KEY, PLACE)
        os.fsync(writer.fileno())


def unseal_file(source: Path, target: Path) -> None:
    with source.open("rb", buffering=0) as reader, target.open("wb", buffering=0) as writer:
        unseal(reader, Ahead(writer.fileno()), KEY, PLACE)
        os.fsync(writer.fileno())


def side_by_side(*actions: Callable[[], object]) -> list[float]:
    """Median seconds of each, taken in turns so that a busy moment falls on all."""
    taken: list[list[float]] = [[] for _ in actions]
    for _ in range(ROUNDS + 1):
        for action, times in zip(actions, taken, strict=True):
            began = time.perf_counter()
            action()
            times.append(time.perf_counter() - began)
    return [statistics.median(times[1:]) for times in taken]


def say(name: str, value: float, target: float, better: str, detail: str) -> None:
    met = value >= target if better == "higher" else value <= target
    line = {"name": name, "value": round(value, 3), "target": target, "better": better, "met": met}
    print(json.dumps({**line, "detail": detail}), flush=True)


def files(work: Path) -> None:
    plain, sealed, out = work / "plain", work / "sealed", work / "out"
    plain.write_bytes(os.urandom(SIZE))
    seal_file(plain, sealed)
    copied, sealing, unsealing = side_by_side(
        fresh(out, copy, plain), fresh(out, seal_file, plain), fresh(out, unseal_file, sealed)
    )
    rate = f"100 MB file to file with fsync: copy {SIZE / copied / 1e9:.2f} GB/s"
    say("storage.seal", copied / sealing, 0.85, "higher", f"{rate}, seal {SIZE / sealing / 1e9:.2f}")
    say("storage.unseal", copied / unsealing, 0.85, "higher", f"{rate}, unseal {SIZE / unsealing / 1e9:.2f}")
    random_read(sealed)


def fresh(target: Path, action: Callable[[Path, Path], None], source: Path) -> Callable[[], None]:
    def run() -> None:
        target.unlink(missing_ok=True)
        action(source, target)

    return run


def random_read(sealed: Path) -> None:
    cipher, nonce = AESGCM(KEY), bytes(12)
    segment, out = memoryview(bytearray(SEGMENT)), memoryview(bytearray(SEGMENT))
    with sealed.open("rb", buffering=0) as plain, sealed.open("rb", buffering=0) as source:
        reader, steps = SealedReader(source, KEY, PLACE), [(7 * n + 3) % 90 for n in range(90)]

        def bare() -> None:
            for step in steps:
                plain.seek(step * SEGMENT)
                plain.readinto(segment)
                cipher.encrypt_into(nonce, segment[:-16], None, out)

        def one_byte() -> None:
            for step in steps:
                reader.read_range(step * SEGMENT, step * SEGMENT + 1)

        base, taken = side_by_side(bare, one_byte)
    detail = f"1 byte at random of 100 MB: {taken / 90 * 1e6:.0f} us; its segment and one AES-GCM call: {base / 90 * 1e6:.0f} us"
    say("storage.random_read", taken / base, 2.0, "lower", detail)


def vaults(work: Path) -> None:
    provider, receipts = LocalKeyFile.create(work / "keys" / "root.json"), ReceiptBook()
    keyring = Keyring(provider, hub=new_id(), store=FolderStore(work / "objects"), receipts=receipts)
    area = new_id()
    area_key = keyring.new_area_key(area)
    cases = [new_id() for _ in range(2000)]
    rows = [(case, keyring.new_case_key(area_key, area, case)) for case in cases]
    put(work, keyring.case_vault(area_key, rows[0][1], area, rows[0][0]))
    unwrap(keyring, area, area_key, rows)


def put(work: Path, vault: Vault) -> None:
    plain, out = work / "plain", work / "out"

    def into_the_vault() -> None:
        with plain.open("rb", buffering=0) as source:
            vault.discard(vault.put("document", source))

    def hashed() -> None:
        with plain.open("rb", buffering=0) as source:
            hashlib.file_digest(source, "sha256")

    copied, taken, digest = side_by_side(fresh(out, copy, plain), into_the_vault, hashed)
    detail = (
        f"100 MB into a case's vault, both SHA-256 included: {taken * 1e3:.0f} ms; plain copy with fsync "
        f"{copied * 1e3:.0f} ms; one SHA-256 alone {digest * 1e3:.0f} ms"
    )
    say("storage.vault_put", copied / taken, 0.5, "higher", detail)


def unwrap(keyring: Keyring, area: str, area_key: WrappedKey, rows: list[tuple[str, WrappedKey]]) -> None:
    cipher, nonce = AESGCM(KEY), bytes(12)
    sealed = cipher.encrypt(nonce, KEY, PLACE)

    def cold() -> None:
        keyring.forget()
        for case, key in rows:
            keyring.case_vault(area_key, key, area, case)

    def bare() -> None:
        for _ in rows:
            cipher.decrypt(nonce, sealed, PLACE)

    base, taken = side_by_side(bare, cold)
    detail = f"2,000 case keys unwrapped cold: {taken * 1e3:.1f} ms; as many bare AES-GCM calls {base * 1e3:.1f} ms"
    say("storage.unwrap_2000", taken / base, 20.0, "lower", detail)


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        files(Path(folder))
        vaults(Path(folder))


if __name__ == "__main__":
    main()
