"""Looks for words where nothing readable may be: files, deleted files still open, and what is packed inside them."""

import base64
import contextlib
import os
import re
import threading
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

MAX_INFLATED = 4 * 1024 * 1024
PACKED = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08|PK\x03\x04")
"""Where zlib's, gzip's and zip's streams begin; PDF and PNG use the first."""
ZIP_HEADER = 30
AT_ONCE = 64 * 1024 * 1024
PAUSE_SECONDS = 0.005


def needles(word: str) -> list[bytes]:
    """The word as it may stand in a file whose ASCII letters were made small: in UTF-8, UTF-16 and hexadecimal."""
    small = word.lower()
    texts = [small.encode(), small.encode("utf-16-le"), small.encode("utf-16-be")]
    return texts + [text.encode().hex().encode() for text in _spellings(word)]


def exact_needles(word: str) -> list[bytes]:
    """In base64 at each of its three alignments."""
    texts = [text.encode(coding) for text in _spellings(word) for coding in ("utf-8", "utf-16-le")]
    return [_core(text, shift) for text in texts for shift in range(3)]


def _spellings(word: str) -> list[str]:
    return sorted({word, word.lower(), word.upper(), word.capitalize()})


def _core(text: bytes, shift: int) -> bytes:
    """The letters of base64 that are the same whatever stands before and after the text."""
    whole = base64.b64encode(bytes(shift) + text)
    return whole[-(-shift * 8 // 6) : (shift + len(text)) * 8 // 6]


@dataclass
class Scanner:
    words: tuple[str, ...]
    found: list[str] = field(default_factory=list)
    files: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._any_case = {word: needles(word) for word in self.words}
        self._exact = {word: exact_needles(word) for word in self.words}

    def look(self, data: bytes, where: str) -> None:
        for word in self._words_in(data):
            self.found.append(f"{word} in {where}")
        for inner in inflated(data):
            for word in self._words_in(inner):
                self.found.append(f"{word} packed in {where}")

    def _words_in(self, data: bytes) -> list[str]:
        small = data.lower()
        return [
            word
            for word in self.words
            if any(needle in small for needle in self._any_case[word])
            or any(needle in data for needle in self._exact[word])
        ]


def inflated(data: bytes) -> Iterator[bytes]:
    """What the compressed streams within hold, as far as each goes."""
    for match in PACKED.finditer(data):
        start, bits = match.start(), zlib.MAX_WBITS | 32
        if match[0] == b"PK\x03\x04":
            head = data[start : start + ZIP_HEADER]
            if len(head) < ZIP_HEADER:
                continue
            start += (
                ZIP_HEADER + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
            )
            bits = -zlib.MAX_WBITS
        with contextlib.suppress(zlib.error):
            if inner := zlib.decompressobj(bits).decompress(data[start:], MAX_INFLATED):
                yield inner


class Watch(threading.Thread):
    """Looks again and again, until told to stop, at folders and at what a process and its children hold open.

    Right below a folder, `besides` is passed over: what other tests keep in memory.
    """

    def __init__(
        self, scanner: Scanner, folders: Iterable[Path], process: int, besides: Path | None = None
    ) -> None:
        super().__init__(name="canary-watch", daemon=True)
        self.scanner, self._folders, self._process = scanner, list(folders), process
        self._besides = besides
        self._known: dict[str, tuple[int, int, int]] = {}
        self._stopping = threading.Event()
        self.rounds = 0
        self.deleted_seen = 0

    def run(self) -> None:
        while not self._stopping.is_set():
            self.sweep()
            self._stopping.wait(PAUSE_SECONDS)

    def finish(self) -> None:
        self._stopping.set()
        self.join(60)
        self._known.clear()
        self.sweep()

    def sweep(self) -> None:
        for folder in self._folders:
            for path in self._below(folder):
                self._file(path, str(path))
        for opened, target in open_files(self._process):
            deleted = target.endswith(" (deleted)")
            self.deleted_seen += deleted
            if deleted or any(target.startswith(f"{folder}/") for folder in self._folders):
                self._file(opened, f"{target} of process {opened.parent.parent.name}")
        self.rounds += 1

    def _below(self, folder: Path) -> Iterator[Path]:
        for path in folder.iterdir():
            if path != self._besides:
                yield path
                yield from path.rglob("*")

    def _file(self, path: Path, where: str) -> None:
        """Only what changed since the last look; gone or no file at all is nothing to look at."""
        with contextlib.suppress(OSError):
            told = path.stat()
            state = (told.st_ino, told.st_size, told.st_mtime_ns)
            if not os.path.isfile(path) or self._known.get(where) == state:  # noqa: PTH113 - Path.is_file raises on sockets gone
                return
            self._known[where] = state
            self.scanner.files.add(where)
            with path.open("rb") as file:
                self.scanner.look(file.read(AT_ONCE), where)


def open_files(process: int) -> Iterator[tuple[Path, str]]:
    """(the descriptor, what it names) for a process and all below it; memory files are memory and left out."""
    for pid in (process, *children(process)):
        with contextlib.suppress(OSError):
            for opened in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    target = str(opened.readlink())
                    if target.startswith("/") and not target.startswith(("/memfd:", "/dev/null", "/proc/")):
                        yield opened, target


def children(process: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from children(int(child))
