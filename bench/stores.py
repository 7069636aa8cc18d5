"""An object store against bare boto3, and the memory that a large object takes: JSON lines.

python3 bench/stores.py [s3] [memory]: `s3` puts and gets 100 MB through a case's vault on a real S3 service (OpenStack
Swift, started here) beside boto3's own transfer of the plain file; `memory` puts and opens 1 GB, each in a process of its
own.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from boto3.s3.transfer import TransferConfig

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.lines import in_turns, middle, progress, tell, timed
from storage.keys import Keyring, LocalKeyFile
from storage.names import new_id
from storage.receipts import ReceiptBook
from storage.sealed import SealedReader
from storage.stores import store_from_url
from storage.vault import SealedObject, Vault
from tests.realstore.server import BUCKET, SwiftServer

SIZE, LARGE = 100_000_000, 1_000_000_000
ROUNDS = 5
ONE = TransferConfig(use_threads=False)
"""One request at a time, as the store does it: ten at once only crowd a server of one process."""
AIM_MIB = 64


class House:
    """One case's vault in a store."""

    def __init__(self, home: Path, store_url: str) -> None:
        self._receipts, area, case = ReceiptBook(), new_id(), new_id()
        store = store_from_url(store_url, home)
        provider = LocalKeyFile.create(home / f"{new_id()}.json")
        keyring = Keyring(provider, hub=new_id(), store=store, receipts=self._receipts)
        area_key = keyring.new_area_key(area)
        self.vault: Vault = keyring.case_vault(
            area_key, keyring.new_case_key(area_key, area, case), area, case
        )

    def open(self, record: SealedObject) -> SealedReader:
        named = frozenset([record.object_id])
        receipt = self._receipts.mint(
            entry=1, area=self.vault.area, case=self.vault.case, objects=named, purpose="person"
        )
        return self.vault.open(record, receipt)


def against_boto3(work: Path) -> None:
    plain, out = work / "plain", work / "out"
    plain.write_bytes(os.urandom(SIZE))
    with SwiftServer() as swift:
        bare = swift.make_bucket()
        os.environ.update(swift.environ)
        house = House(work, f"s3://{BUCKET}/bench")
        made: list[SealedObject] = []

        def put() -> float:
            with plain.open("rb", buffering=0) as source:
                taken = timed(lambda: made.append(house.vault.put("document", source)))
            for older in made[:-1]:
                house.vault.discard(older)
            del made[:-1]
            return taken

        def get() -> float:
            return timed(lambda: to_file(house.open(made[-1]), out))

        def bare_put() -> float:
            return timed(lambda: bare.upload_file(str(plain), BUCKET, "plain", Config=ONE))

        def bare_get() -> float:
            return timed(lambda: bare.download_file(BUCKET, "plain", str(out), Config=ONE))

        compared("put", bare_put, put)
        compared("get", bare_get, get)


def to_file(reader: SealedReader, target: Path) -> None:
    with reader, target.open("wb", buffering=0) as file:
        for view in reader.views(0, reader.size):
            file.write(view)


def compared(name: str, bare: Callable[[], float], ours: Callable[[], float]) -> None:
    base, taken = map(middle, in_turns(ROUNDS, bare, ours))
    detail = (
        f"100 MB through a case's vault on Swift's S3 API: {taken:.2f} s; boto3's own transfer of the file unsealed, "
        f"one request at a time: {base:.2f} s"
    )
    tell(f"storage.s3_{name}", base / taken, target=0.8, better="higher", detail=detail)


def memory(work: Path) -> None:
    peak("folder", f"folder:{work / 'objects'}", {})
    with SwiftServer() as swift:
        swift.make_bucket()
        peak("s3", f"s3://{BUCKET}/bench", swift.environ)


def peak(name: str, url: str, environ: dict[str, str]) -> None:
    command = [sys.executable, __file__, "--peak", url]
    said = subprocess.run(
        command, check=True, env=os.environ | environ, stdout=subprocess.PIPE, text=True
    ).stdout.split()
    for step, mib in zip(("put", "open"), map(float, said), strict=True):
        detail = f"peak over idle of a process that does this to 1 GB through a case's vault, {name} store"
        tell(f"storage.memory_{step}_{name}_mib", mib, target=AIM_MIB, better="lower", detail=detail)


def peak_here(url: str) -> None:
    """Prints the MiB that putting, then opening 1 GB took beyond what the process had before."""
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder), url)
        house.vault.discard(house.vault.put("document", [b"first use of everything"]))
        made: list[SealedObject] = []
        print(over_idle(lambda: made.append(house.vault.put("document", Zeros(LARGE)))))
        print(over_idle(lambda: to_file(house.open(made[0]), Path(os.devnull))))
        house.vault.discard(made[0])


def over_idle(action: Callable[[], object]) -> float:
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = status("VmRSS")
    action()
    return round((status("VmHWM") - before) / 1024, 1)


def status(name: str) -> int:
    """KiB."""
    told = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in told.splitlines() if line.startswith(f"{name}:"))


class Zeros:
    def __init__(self, size: int) -> None:
        self._left = size

    def readinto(self, buffer: memoryview) -> int:
        got = min(len(buffer), self._left)
        buffer[:got] = bytes(got)
        self._left -= got
        return got


def main(words: list[str]) -> None:
    if words[:1] == ["--peak"]:
        peak_here(words[1])
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, run in {"s3": against_boto3, "memory": memory}.items():
            if not words or name in words:
                progress(f"stores: {name} ...")
                run(Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
