"""Verifies an exported access log without trusting the hub that wrote it.

    python3 verify.py DIR [--checkpoint FILE] [--key VKEY] [--entry N | --case C] [--json]

One file: Python 3.11 and the library `cryptography` are all it wants. What it checks, and the format it reads, is in the
hub's docs/log-format.md; what its answers mean is in docs/verifying.md. It writes nothing and opens no connection.

Exit status: 0 everything that was checked holds; 1 something does not hold, and the last line says what and from which
entry on; 2 it could not be checked.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import datetime as dt
import hashlib
import itertools
import json
import multiprocessing
import os
import re
import stat
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    HAS_SIGNATURES = True
except ImportError:
    HAS_SIGNATURES = False

FORMAT = "mappa-hub/log-export/1"
LINE_MOST = 4 << 20
"""Bytes of one line; the longest entry the hub writes is far below."""
SMALL_MOST = 1 << 20
NOTE_MOST = 1 << 16
SIGNATURES_MOST = 64
LISTED_MOST = 100
CASES_MOST = 2_000_000
GREATEST = 2**53 - 1
"""Of whole numbers in RFC 8785."""
CHUNK_BYTES, CHUNK_HASHES = 4 << 20, 8192
PARALLEL_FROM = 24 << 20
"""Bytes of entries from which a second process pays for its start."""
HEARTBEAT = 90
"""Seconds: the hub signs each 60."""
THINNED = 3600
DAY = 86400
SHOWN = 20

sha256 = hashlib.sha256


class Bad(Exception):  # noqa: N818 - a finding, not a fault of the program
    """Something does not hold. `first` and `last` bound the first bad entry; equal when it is known exactly."""

    def __init__(
        self, why: str, first: int | None = None, last: int | None = None, *, checkpoint: int | None = None
    ) -> None:
        super().__init__(why)
        self.why, self.first, self.last, self.checkpoint = (
            why,
            first,
            last if last is not None else first,
            checkpoint,
        )


class Unchecked(Exception):  # noqa: N818 - an outcome, not a fault of the program
    """It cannot be said whether it holds."""


# --- hashes: RFC 6962 / 9162 section 2.1 ---------------------------------------------------------


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def head_after(head: bytes, leaf: bytes) -> bytes:
    """The head of a case after one more entry, given by its leaf hash."""
    return sha256(b"\2" + head + leaf).digest()


class Range:
    """A growing tree, of which only the roots of its whole subtrees are kept. `watch`: an index whose path to collect."""

    def __init__(self, watch: int | None = None) -> None:
        self.size = 0
        self._peaks: dict[int, bytes] = {}
        self._watch = watch
        self._beside: dict[int, bytes] = {}

    def copy(self) -> Range:
        """The same tree, watching nothing."""
        other = Range()
        other.size, other._peaks = self.size, dict(self._peaks)
        return other

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append leaf hashes."""
        level, items = 0, list(leaves)
        while items:
            first = self.size >> level
            if (peak := self._peaks.pop(level, None)) is not None:
                items.insert(0, peak)
                first -= 1
            if self._watch is not None:
                self._note(level, first, items)
            if len(items) % 2:
                self._peaks[level] = items.pop()
            items = [sha256(b"\1" + items[i] + items[i + 1]).digest() for i in range(0, len(items), 2)]
            level += 1
        self.size += len(leaves)

    def _note(self, level: int, first: int, items: list[bytes]) -> None:
        place = (((self._watch or 0) >> level) ^ 1) - first
        if 0 <= place < len(items):
            self._beside[level] = items[place]

    def root(self) -> bytes:
        return self._tail(64) or sha256().digest()

    def _tail(self, top: int) -> bytes | None:
        """The root of what the peaks below level `top` cover."""
        found: bytes | None = None
        for level in sorted(one for one in self._peaks if one < top):
            found = self._peaks[level] if found is None else node_hash(self._peaks[level], found)
        return found

    def path(self) -> list[bytes]:
        """The inclusion proof of the watched index in the tree as it now is."""
        at, last, level, proof = self._watch or 0, self.size - 1, 0, list[bytes]()
        while last:
            if at % 2:
                proof.append(self._beside[level])
            elif at < last:
                whole = (at + 2) << level <= self.size
                proof.append(self._beside[level] if whole else self._tail(level) or b"")
            at, last, level = at >> 1, last >> 1, level + 1
        return proof


def included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 section 2.1.3.2; `leaf` is a leaf hash."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf
    for one in proof:
        if last == 0:
            return False
        if at % 2 or at == last:
            found = node_hash(one, found)
            while at % 2 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, one)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def consistent(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """RFC 9162 section 2.1.4.2; from the empty tree to any there is nothing to prove, and the proof is empty."""
    if not 0 <= old <= new:
        return False
    if old in (0, new):
        return not proof and (old_root == new_root if old == new else old_root == sha256().digest())
    if not proof:
        return False
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    at, last = old - 1, new - 1
    while at % 2:
        at, last = at >> 1, last >> 1
    before = after = path[0]
    for one in path[1:]:
        if last == 0:
            return False
        if at % 2 or at == last:
            before, after = node_hash(one, before), node_hash(one, after)
            while at % 2 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, one)
        at, last = at >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


# --- strict JSON and base64 ----------------------------------------------------------------------


def _refuse(text: str) -> Any:
    raise ValueError(text)


def _whole(text: str) -> int:
    if len(text) > 17 or abs(number := int(text)) > GREATEST:  # noqa: PLR2004 - digits and sign of GREATEST
        raise ValueError(text)
    return int(text) if text[0] == "-" else number


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a member stands twice")
    return found


_DECODE = json.JSONDecoder(
    parse_float=_refuse, parse_constant=_refuse, parse_int=_whole, object_pairs_hook=_once
).decode
_ENCODE = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def read_json(data: bytes) -> Any:
    """Raises ValueError for whatever is not plain JSON of whole numbers within RFC 8785, each member once."""
    try:
        return _DECODE(data.decode())
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def canonical(value: Any) -> bytes:
    """RFC 8785 of what holds no fractions, and no member names beyond the Basic Multilingual Plane."""
    try:
        return _ENCODE(value).encode()
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def read_base64(text: str, size: int | None = None) -> bytes:
    """Standard base64, in its one canonical spelling. Raises ValueError."""
    data = base64.b64decode(text.encode("ascii"), validate=True)
    if base64.b64encode(data).decode() != text or (size is not None and len(data) != size):
        raise ValueError("not canonical base64 of the expected length")
    return data


def shown(text: object, most: int = 160) -> str:
    """Of a stranger's making, fit for a terminal: ASCII only, one line, cut."""
    said = ascii(str(text))[1:-1]
    return said if len(said) <= most else said[:most] + "..."


# --- notes, keys, checkpoints --------------------------------------------------------------------

LOG_KEY, WITNESS_KEY = 1, 4


class Key(NamedTuple):
    """A verifier key of c2sp.org/signed-note: `kind` 1 signs as a log, 4 cosigns as a witness."""

    name: str
    ident: bytes
    kind: int
    public: bytes
    text: str


def read_key(text: str) -> Key:
    """Raises ValueError."""
    name, ident, data = text.split("+", 2)
    raw = read_base64(data, 33)
    made = sha256(name.encode() + b"\n" + raw).digest()[:4]
    if not name or re.search(r"\s", name) or made.hex() != ident or raw[0] not in (LOG_KEY, WITNESS_KEY):
        raise ValueError("no verifier key for Ed25519")
    return Key(name, made, raw[0], raw[1:], text)


class Note(NamedTuple):
    body: str
    signatures: list[tuple[str, bytes, bytes]]
    """(name, key hash, signature)"""


def read_note(text: str) -> Note:
    """c2sp.org/signed-note. Raises ValueError."""
    if len(text) > NOTE_MOST or any(ord(one) < ord(" ") and one != "\n" for one in text):
        raise ValueError("no signed note")
    body, gap, lines = text.rpartition("\n\n")
    if not gap or not lines.endswith("\n") or lines.count("\n") > SIGNATURES_MOST:
        raise ValueError("no signed note")
    return Note(body + "\n", [_signature(line) for line in lines[:-1].split("\n")])


def _signature(line: str) -> tuple[str, bytes, bytes]:
    dash, name, data = line.split(" ")
    raw = read_base64(data)
    if dash != "\u2014" or not name or "+" in name or len(raw) < 5:  # noqa: PLR2004 - key hash and a byte
        raise ValueError("no signature line")
    return name, raw[:4], raw[4:]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes
    at: str
    cases: int
    cases_root: bytes
    note: Note


_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_AT = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}\+00:00", re.ASCII)


def read_number(text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > GREATEST:
        raise ValueError("no number")
    return int(text)


def read_time(text: str) -> dt.datetime:
    if not _AT.fullmatch(text):
        raise ValueError("its time is not of the format")
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("its time is none that there is") from None


def read_checkpoint(text: str) -> Checkpoint:
    """A signed note whose text is a checkpoint of a hub; its signatures are not looked at. Raises ValueError."""
    note = read_note(text)
    origin, size, root, at, heads, end = note.body.split("\n")
    at_word, time = at.split(" ")
    heads_word, cases, cases_root = heads.split(" ")
    if end or not origin or (at_word, heads_word) != ("at", "case-heads"):
        raise ValueError("no checkpoint of a hub")
    read_time(time)
    return Checkpoint(
        origin, read_number(size), read_base64(root, 32), time, read_number(cases), read_base64(cases_root, 32), note
    )  # fmt: skip


def signed_by(key: Key, note: Note) -> bool | None:
    """None: it does not claim to be; False: it claims and is not. A witness's signature carries its own time."""
    claims = [data for name, ident, data in note.signatures if (name, ident) == (key.name, key.ident)]
    if not claims:
        return None
    return all(_verifies(key, note.body, data) for data in claims)


def _verifies(key: Key, body: str, data: bytes) -> bool:
    message, signature = body.encode(), data
    if key.kind == WITNESS_KEY:
        time, signature = int.from_bytes(data[:8], "big"), data[8:]
        if time >= 1 << 63:
            return False
        message = b"cosignature/v1\ntime %d\n" % time + message
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


# --- files of a stranger -------------------------------------------------------------------------


def open_plain(folder: Path, name: str) -> BinaryIO:
    """A plain file of the folder: no link, no pipe, no device. Raises Bad."""
    flags = (
        os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    try:
        number = os.open(folder / name, flags)
    except FileNotFoundError:
        raise Bad(f"{name} is missing from the bundle.") from None
    except OSError as error:
        raise Bad(f"{name} is not a plain file that can be read ({shown(error.strerror)}).") from error
    if stat.S_ISREG(os.fstat(number).st_mode):
        return os.fdopen(number, "rb")
    os.close(number)
    raise Bad(f"{name} is not a plain file.")


def read_small(folder: Path, name: str) -> bytes:
    with open_plain(folder, name) as file:
        data = file.read(SMALL_MOST + 1)
    if len(data) > SMALL_MOST:
        raise Bad(f"{name} is larger than any such file can be.")
    return data


class Piece(NamedTuple):
    """Whole lines of a file, from `start` on; `text` is without the last one's end."""

    start: int
    held: int
    text: bytes

    def lines(self) -> list[bytes]:
        return self.text.split(b"\n")


def pieces(file: BinaryIO, name: str) -> Iterator[Piece]:
    """All of a file, some MB at a time; never more of it in memory than the longest line and a piece."""
    rest, start, done = b"", 0, 0
    while block := file.read(CHUNK_BYTES):
        data = rest + block
        end = data.rfind(b"\n") + 1
        count = data.count(b"\n")
        rest = data[end:]
        if len(rest) > LINE_MOST:
            raise Bad(f"line {done + count + 1} of {name} is longer than any such line can be.")
        if end:
            yield Piece(start, count, data[: end - 1])
        start, done = start + end, done + count
    if rest:
        raise Bad(f"{name} ends in the middle of line {done + 1}.")


def lines_of(file: BinaryIO, name: str) -> Iterator[bytes]:
    for piece in pieces(file, name):
        yield from piece.lines()


# --- entries -------------------------------------------------------------------------------------

_PLAIN = rb'"[ !#-\[\]-~]*"'
_CODE = rb"(?:null|" + _PLAIN + rb")"
_INT = rb"(?:0|-?[1-9][0-9]{0,14})"
_ONE = rb"(?:null|true|false|" + _INT + rb"|" + _PLAIN + rb")"
_VALUE = rb"(?:" + _ONE + rb"|\[(?:" + _ONE + rb"(?:," + _ONE + rb")*)?\])"
_NAME = rb'"[a-z][a-z0-9_]*":'
_OPERATION = rb'(?:null|"(?:collection|alteration|consultation|disclosure|combination|erasure)")'
_TIME = rb"(\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}\+00:00"


_HEX = rb'"[0-9a-f]{64}"'


def _entry_pattern(event: bytes, fields: bytes, private: bytes) -> Callable[[bytes], re.Match[bytes] | None]:
    return re.compile(
        rb'\{"actor":' + _CODE + rb',"agency":' + _CODE + rb',"area":"([a-z2-7]{26})","at":"(' + _TIME + rb')"'
        rb',"case":(?:null|"([a-z2-7]{26})"),"case_seq":(?:null|([1-9][0-9]{0,14})),"event":"' + event + rb'"'
        rb',"fields":' + fields + rb',"operation":' + _OPERATION + rb',"outcome":"(?:done|refused|failed)"'
        rb',"private":' + private + rb',"role":' + _CODE + rb',"seq":([1-9][0-9]{0,14})'
        rb',"session":' + _CODE + rb',"v":2\}'
    ).fullmatch  # fmt: skip


def _any_object(value: bytes) -> bytes:
    return rb"(\{(?:" + _NAME + value + rb"(?:," + _NAME + value + rb")*)?\})"


FAST = _entry_pattern(rb"([a-z_]+\.[a-z_]+)", _any_object(_VALUE), _any_object(_HEX))
"""Only lines that are certainly canonical: strings without escapes, small whole numbers. All others are parsed."""
_NAMES = re.compile(rb'[{,]"([a-z][a-z0-9_]*)":').findall
MEMBERS = frozenset(
    {
        "v",
        "area",
        "seq",
        "case",
        "case_seq",
        "at",
        "actor",
        "role",
        "agency",
        "session",
        "event",
        "operation",
        "outcome",
        "fields",
        "private",
    }
)
MEMBERS_1 = MEMBERS - {"case", "private"} | {"sealed"}
OUTCOMES = ("done", "refused", "failed")
OPERATIONS = (None, "collection", "alteration", "consultation", "disclosure", "combination", "erasure")
_ID = re.compile(r"[a-z2-7]{26}", re.ASCII)
_WORD = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_EVENT = re.compile(r"[a-z_]+\.[a-z_]+", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Seen(NamedTuple):
    """What of an entry counts for the checks between entries."""

    area: str
    at: str
    case: str | None
    case_seq: int | None
    seq: int


def read_entry(line: bytes) -> Seen:
    """An entry that the fast pattern does not know. Raises ValueError with what is wrong."""
    body = _parsed(line)
    members = MEMBERS_1 if body.get("v") == 1 else MEMBERS
    if set(body) != members or body["v"] not in (1, 2) or isinstance(body["v"], bool):
        raise ValueError("it has not exactly the members of the format")
    _check_values(body)
    case = body["case"] if body["v"] == 2 else _case_before(body)  # noqa: PLR2004 - the version of today
    if (case is None) != (body["case_seq"] is None) or not (case is None or _is(_ID, case)):
        raise ValueError("its case and its number in the case do not go together")
    return Seen(body["area"], body["at"], case, body["case_seq"], body["seq"])


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        body = read_json(line)
        same = isinstance(body, dict) and canonical(body) == line
    except ValueError:
        raise ValueError("it is not JSON of the kind that entries are") from None
    if not same:
        raise ValueError("it is not in the canonical form (RFC 8785)")
    return dict(body)


def _check_values(body: dict[str, Any]) -> None:
    numbers = (body["seq"], *([] if body["case_seq"] is None else [body["case_seq"]]))
    if any(type(one) is not int or one < 1 for one in numbers):
        raise ValueError("its number is no number")
    if any(
        not (body[name] is None or type(body[name]) is str) for name in ("actor", "role", "agency", "session")
    ):
        raise ValueError("who did it is not said as the format says it")
    if not _is(_ID, body["area"]) or not _is(_EVENT, body["event"]) or type(body["at"]) is not str:
        raise ValueError("its area, event or time is not of the format")
    read_time(body["at"])
    if body["outcome"] not in OUTCOMES or body["operation"] not in OPERATIONS:
        raise ValueError("its outcome or operation is none of the format's")
    if not _all_plain(body["fields"]):
        raise ValueError("its fields hold more than ids, numbers, codes and lists of them")
    sealed = body["private"] if "private" in body else {"sealed": body["sealed"] or "0" * 64}
    if type(sealed) is not dict or any(not _is(_WORD, k) or not _is(_HASH, v) for k, v in sealed.items()):
        raise ValueError("its commitments are not of the format")


def _is(pattern: re.Pattern[str], value: Any) -> bool:
    return type(value) is str and pattern.fullmatch(value) is not None


def _all_plain(fields: Any) -> bool:
    simple = (str, int, bool, type(None))
    return type(fields) is dict and all(
        _is(_WORD, name)
        and (type(value) in simple or (type(value) is list and all(type(one) in simple for one in value)))
        for name, value in fields.items()
    )


def _case_before(body: dict[str, Any]) -> str | None:
    case = body["fields"].get("case")
    return case if body["case_seq"] is not None and type(case) is str else None


class Examined(NamedTuple):
    """A batch of lines looked at. Up to `bad` (a place in the batch) all is well in itself."""

    hashes: bytes
    cases: dict[str, tuple[int, list[int]]]
    """{case: (its number at its first entry here, the places of its entries)}"""
    seqs: list[int]
    """Only of a case's bundle."""
    back: list[int]
    """Places whose time is before that of the entry before."""
    times: tuple[str, str]
    bad: tuple[int, str] | None


class Expected(NamedTuple):
    """What a batch has to be: of this area, beginning with this number; of this case when it is a case's bundle."""

    area: str
    number: int
    case: str | None
    above: int
    """Of a case's bundle: the number in the area's log of the entry before."""


def examine(blob: bytes, expected: Expected) -> Examined:
    """Canonical form, members, numbers and hash of each line, and the cases' numbers as far as a batch shows them."""
    batch = _Batch(expected)
    bad = None
    for place, line in enumerate(blob.split(b"\n")):
        try:
            batch.take(place, line)
        except ValueError as error:
            bad = (place, str(error))
            break
    hashes, times = b"".join(batch.hashes), (batch.first_at.decode(), batch.at.decode())
    return Examined(hashes, batch.cases(), batch.seqs, batch.back, times, bad)


class _Batch:
    def __init__(self, expected: Expected) -> None:
        self._area, self._case = expected.area.encode(), expected.case and expected.case.encode()
        self._from, self._above = expected.number, expected.above
        self._cases: dict[bytes, tuple[int, list[int]]] = {}
        self.hashes: list[bytes] = []
        self.seqs: list[int] = []
        self.back: list[int] = []
        self.first_at = self.at = b""

    def take(self, place: int, line: bytes) -> None:
        start = line.find(b'"event":"') + 9
        shape = SHAPES.get(line[start : line.find(b'"', start)])
        match = shape(line) if shape is not None else None
        area, at, day, case, number, seq = match.groups() if match is not None else _parts(line)
        if day not in DAYS:
            read_time(at.decode())
            DAYS.add(day)
        if area != self._area:
            raise ValueError(f"it belongs to another area ({shown(area.decode())})")
        if (case is None) != (number is None):
            raise ValueError("its case and its number in the case do not go together")
        if self._case is not None:
            self._in_case(place, case, number, int(seq))
        elif int(seq) != self._from + place:
            raise ValueError(f"entry {int(seq)} stands in its place")
        if case is not None and number is not None:
            self._count(place, case, int(number))
        if at < self.at:
            self.back.append(place)
        self.at = at
        self.first_at = self.first_at or at
        self.hashes.append(sha256(b"\0" + line).digest())

    def _in_case(self, place: int, case: bytes | None, number: bytes | None, seq: int) -> None:
        if case != self._case or number is None:
            raise ValueError(f"it belongs to another case ({shown((case or b'none').decode())})")
        if int(number) != self._from + place:
            raise ValueError(f"the case's entry {int(number)} stands in its place")
        if seq <= self._above:
            raise ValueError("its number in the area's log does not follow the one before")
        self._above = seq
        self.seqs.append(seq)

    def _count(self, place: int, case: bytes, number: int) -> None:
        if (found := self._cases.get(case)) is None:
            self._cases[case] = (number, [place])
            return
        first, places = found
        if number != first + len(places):
            raise ValueError(
                f"it counts itself as entry {number} of its case, and is entry {first + len(places)}"
            )
        places.append(place)

    def cases(self) -> dict[str, tuple[int, list[int]]]:
        return {case.decode(): found for case, found in self._cases.items()}


Parts = tuple[bytes, bytes, bytes, bytes | None, bytes | None, bytes]
"""Area, time, day, case, number in the case, number: as they stand in the line."""
SHAPES: dict[bytes, Callable[[bytes], re.Match[bytes] | None]] = {}
"""{event: a pattern of its entries alone, with the names of its fields in it}; made once an event was met often."""
_MET: Counter[bytes] = Counter()
_ORDERS: set[tuple[bytes, ...]] = set()
DAYS: set[bytes] = set()
"""Days that there are."""
OFTEN, SHAPES_MOST, DAYS_MOST = 64, 200, 100_000


def _parts(line: bytes) -> Parts:
    """Of a line for which there is no shape yet. Raises ValueError with what is wrong with it."""
    match = FAST(line)
    if match is None or not (_ordered(match.group(7)) and _ordered(match.group(8))):
        seen = read_entry(line)
        of_case = (None, None) if seen.case is None else (seen.case.encode(), b"%d" % (seen.case_seq or 0))
        return seen.area.encode(), seen.at.encode(), seen.at[:10].encode(), *of_case, b"%d" % seen.seq
    area, at, day, case, number, event, fields, private, seq = match.groups()
    if len(SHAPES) < SHAPES_MOST and len(_MET) < DAYS_MOST:
        _MET[event] += 1
        if _MET[event] % OFTEN == 0:
            SHAPES[event] = _entry_pattern(re.escape(event), _named(fields, _VALUE), _named(private, _HEX))
    if len(DAYS) > DAYS_MOST:
        DAYS.clear()
    return area, at, day, case, number, seq


def _ordered(members: bytes) -> bool:
    names = tuple(_NAMES(members))
    if names not in _ORDERS:
        if any(one >= after for one, after in itertools.pairwise(names)):
            return False
        if len(_ORDERS) < DAYS_MOST:
            _ORDERS.add(names)
    return True


def _named(members: bytes, value: bytes) -> bytes:
    return rb"\{" + b",".join(b'"' + name + b'":' + value for name in _NAMES(members)) + rb"\}"


# --- the bundle ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Asked:
    """What the person wants to know, and trusts."""

    folder: Path
    keys: list[Key] = field(default_factory=list)
    witnesses: list[Key] = field(default_factory=list)
    kept: list[Checkpoint] = field(default_factory=list)
    entry: int | None = None
    case: str | None = None
    signatures: bool = True
    heartbeat: int = HEARTBEAT
    processes: int = 0


@dataclass(slots=True)
class Manifest:
    origin: str
    area: str
    case: str | None
    entries: int
    size: int
    keys: list[Key]
    witnesses: list[Key]
    made_at: dt.datetime


def read_manifest(folder: Path) -> Manifest:
    try:
        body = read_json(read_small(folder, "manifest.json"))
        if not isinstance(body, dict) or body.get("format") != FORMAT:
            raise Unchecked(f"manifest.json does not say that this is a bundle of the form {FORMAT}.")
        return _manifest(body)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Bad(f"manifest.json is not as the format says ({shown(error)}).") from error


def _manifest(body: dict[str, Any]) -> Manifest:
    if not _is(_ID, body["hub"]) or not _is(_ID, body["area"]) or body["scope"] not in ("area", "case"):
        raise ValueError("hub, area or scope")
    if body["origin"] != f"mappa-hub/{body['hub']}/{body['area']}":
        raise ValueError("the origin is not that of the hub and the area")
    case = body["case"]
    if (body["scope"] == "case") != (case is not None) or not (case is None or _is(_ID, case)):
        raise ValueError("case")
    if any(type(body[name]) is not int or not 0 <= body[name] <= GREATEST for name in ("entries", "size")):
        raise ValueError("entries or size")
    keys, witnesses = ([read_key(one) for one in _few(body[name])] for name in ("keys", "witnesses"))
    if any(key.kind != LOG_KEY or key.name != body["origin"] for key in keys):
        raise ValueError("a key of another log")
    if any(key.kind != WITNESS_KEY for key in witnesses):
        raise ValueError("a key that is no witness's")
    made = read_time(body["made_at"])
    return Manifest(body["origin"], body["area"], case, body["entries"], body["size"], keys, witnesses, made)


def _few(found: Any) -> list[str]:
    if type(found) is not list or len(found) > LISTED_MOST or any(type(one) is not str for one in found):
        raise ValueError("a list of keys")
    return list(found)


@dataclass(slots=True)
class Report:
    """What was found. `holds`: None when it could not be said."""

    holds: bool | None = None
    why: str = ""
    first_bad: int | None = None
    first_bad_at_most: int | None = None
    bad_checkpoint: int | None = None
    origin: str = ""
    scope: str = ""
    case: str | None = None
    entries: int = 0
    size: int = 0
    agrees_to: int = 0
    checkpoints: int = 0
    newest: str = ""
    cases: int | None = None
    openings: int = 0
    keys: list[dict[str, Any]] = field(default_factory=list)
    witnesses: list[dict[str, Any]] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    gaps: list[dict[str, Any]] = field(default_factory=list)
    gap_count: int = 0
    back: list[int] = field(default_factory=list)
    back_count: int = 0
    signatures: bool = True
    not_checked: list[str] = field(default_factory=list)
    entry: dict[str, Any] | None = None
    about_case: dict[str, Any] | None = None


# --- checkpoints of a bundle -----------------------------------------------------------------------


class Signatures:
    """Which keys count, and what each of them signed."""

    def __init__(self, asked: Asked, manifest: Manifest) -> None:
        self._off = not asked.signatures
        self._log = {key.text: key for key in [*manifest.keys, *asked.keys]}
        self._witnesses = {key.text: key for key in [*manifest.witnesses, *asked.witnesses]}
        self._trust = {key.text: "given by you" for key in [*asked.keys, *asked.witnesses]}
        self._signed: dict[str, tuple[int, int]] = {}
        self._asked = [key.text for key in asked.witnesses]
        self._wants_trust = bool(asked.keys or asked.kept)
        for kept in asked.kept:
            self._trust_by(kept)

    def _trust_by(self, kept: Checkpoint) -> None:
        """The key that signed what you kept is a key you already trust."""
        if self._off:
            return
        signers = [key.text for key in self._log.values() if signed_by(key, kept.note)]
        if not signers:
            raise Bad(
                "The checkpoint that you kept is signed by no key of this bundle, nor by one that you gave."
            )
        for text in signers:
            self._trust.setdefault(text, "signed the checkpoint that you kept")

    def check(self, checkpoint: Checkpoint, number: int) -> None:
        if self._off:
            return
        signers = [key.text for key in self._log.values() if self._holds(key, checkpoint, number)]
        if not signers:
            raise Bad("It is signed by no key of this log.", checkpoint=number)
        if self._wants_trust and not any(text in self._trust for text in signers):
            raise Bad("It is signed only by a key that the bundle alone vouches for.", checkpoint=number)
        cosigners = [key.text for key in self._witnesses.values() if self._holds(key, checkpoint, number)]
        for text in (*signers, *cosigners):
            self._signed[text] = (self._signed.get(text, (0, 0))[0] + 1, checkpoint.size)

    def _holds(self, key: Key, checkpoint: Checkpoint, number: int) -> bool:
        signed = signed_by(key, checkpoint.note)
        if signed is False:
            raise Bad(f"The signature of {shown(key.name)} does not verify.", checkpoint=number)
        return signed is True

    def finish(self, report: Report) -> None:
        report.keys = [self._line(key) for key in self._log.values()]
        report.witnesses = [self._line(key) for key in self._witnesses.values()]
        if any(text not in self._signed for text in self._asked) and not self._off:
            raise Bad("A witness that you named has cosigned no checkpoint of this bundle.")

    def _line(self, key: Key) -> dict[str, Any]:
        signed, last = self._signed.get(key.text, (0, 0))
        trust = self._trust.get(key.text, "as claimed by the bundle alone")
        return {"key": key.text, "trust": trust, "signed": signed, "newest_size": last}


class Beats:
    """The checkpoints' times: in order, and without a silence longer than the hub allows itself."""

    def __init__(self, made_at: dt.datetime, allowed: int) -> None:
        self._made, self._allowed = made_at, allowed
        self._last: tuple[dt.datetime, int] | None = None
        self.gaps: list[dict[str, Any]] = []
        self.count = 0

    def take(self, checkpoint: Checkpoint, number: int) -> None:
        at = dt.datetime.fromisoformat(checkpoint.at)
        if self._last is not None:
            before, size = self._last
            if at < before:
                raise Bad("Its time is before that of the checkpoint before it.", checkpoint=number)
            idle = size == checkpoint.size and (self._made - at).total_seconds() > DAY - THINNED
            self._gap(before, at, self._allowed + (THINNED if idle else 0))
        self._last = (at, checkpoint.size)

    def finish(self) -> None:
        if self._last is not None:
            self._gap(self._last[0], self._made, self._allowed)

    def _gap(self, start: dt.datetime, end: dt.datetime, allowed: int) -> None:
        if (seconds := (end - start).total_seconds()) > allowed:
            self.count += 1
            if len(self.gaps) < LISTED_MOST:
                self.gaps.append({"from": start.isoformat(), "to": end.isoformat(), "seconds": int(seconds)})


class Checkpoints:
    """The bundle's checkpoints, one after another, each checked in itself and against the one before."""

    def __init__(self, asked: Asked, manifest: Manifest, file: BinaryIO) -> None:
        self._manifest, self._file = manifest, file
        self.signatures = Signatures(asked, manifest)
        self.beats = Beats(manifest.made_at, asked.heartbeat)
        self.count = 0
        self.last: Checkpoint | None = None

    def __iter__(self) -> Iterator[Checkpoint]:
        for line in lines_of(self._file, "checkpoints.jsonl"):
            self.count += 1
            try:
                text = read_json(line)
                found = read_checkpoint(text if isinstance(text, str) else "")
            except ValueError as error:
                raise Bad("It is no checkpoint of a hub.", checkpoint=self.count) from error
            self._follow(found)
            self.last = found
            yield found
        if self.last is None:
            raise Bad("The bundle holds no checkpoint.")
        if self.last.size != self._manifest.size:
            raise Bad(
                f"The newest checkpoint is of {self.last.size} entries, the manifest says {self._manifest.size}."
            )

    def _follow(self, found: Checkpoint) -> None:
        number, last = self.count, self.last
        if found.origin != self._manifest.origin:
            raise Bad(f"It is of another log ({shown(found.origin)}).", checkpoint=number)
        if found.cases > found.size:
            raise Bad("It counts more cases than entries.", checkpoint=number)
        self.signatures.check(found, number)
        self.beats.take(found, number)
        if last is not None and found.size < last.size:
            raise Bad("It is of fewer entries than the checkpoint before it.", checkpoint=number)
        same = (found.root, found.cases, found.cases_root)
        if last is not None and found.size == last.size and same != (last.root, last.cases, last.cases_root):
            raise Bad("It and the checkpoint before it are of as many entries and differ.", checkpoint=number)


def _with_kept(
    checkpoints: Iterable[Checkpoint], kept: Sequence[Checkpoint]
) -> Iterator[tuple[Checkpoint, bool]]:
    """All in the order of their sizes; True: one that was kept."""
    waiting = deque(sorted(kept, key=lambda one: one.size))
    for one in checkpoints:
        while waiting and waiting[0].size < one.size:
            yield waiting.popleft(), True
        yield one, False
        while waiting and waiting[0].size == one.size:
            yield waiting.popleft(), True


# --- the whole log of an area ----------------------------------------------------------------------


class Lines:
    """Examined batches of entries, in order; a second process helps when there are many."""

    def __init__(self, folder: Path, file: BinaryIO, expected: Expected, processes: int) -> None:
        self._folder, self._file, self._expected = folder, file, expected
        self._processes = processes or self._choose()

    def _choose(self) -> int:
        if os.fstat(self._file.fileno()).st_size < PARALLEL_FROM:
            return 1
        return min(
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 8
        )

    def __iter__(self) -> Iterator[tuple[Piece, Examined]]:
        if self._processes == 1:
            for piece, expected in self._pieces():
                yield piece, examine(piece.text, expected)
            return
        waiting: deque[tuple[Piece, Future[Examined]]] = deque()
        with ProcessPoolExecutor(self._processes, _context(), _open_own, (self._folder,)) as pool:
            for piece, expected in self._pieces():
                waiting.append((piece, pool.submit(_examine_part, piece.start, len(piece.text), expected)))
                if len(waiting) > 2 * self._processes:
                    yield waiting[0][0], waiting.popleft()[1].result()
            while waiting:
                yield waiting[0][0], waiting.popleft()[1].result()

    def _pieces(self) -> Iterator[tuple[Piece, Expected]]:
        number = self._expected.number
        for piece in pieces(self._file, "entries.jsonl"):
            yield piece, self._expected._replace(number=number)
            number += piece.held


_own: list[BinaryIO] = []
"""The entries as a second process reads them itself: to send it the bytes took as long as to look at a quarter of them."""


def _open_own(folder: Path) -> None:
    _own[:] = [open_plain(folder, "entries.jsonl")]


def _examine_part(start: int, length: int, expected: Expected) -> Examined:
    _own[0].seek(start)
    return examine(_own[0].read(length), expected)


def _context() -> multiprocessing.context.BaseContext:
    """A fork is quick, and safe in a program of one thread."""
    import threading  # noqa: PLC0415 - one use

    forks = "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1
    return multiprocessing.get_context("fork" if forks else "spawn")


def _first_of(found: list[bytes], count: int) -> list[bytes]:
    """Taken out."""
    first = found[:count]
    del found[:count]
    return first


class AreaLog:
    """Reads the entries of an area's bundle up to any size, in step with its checkpoints."""

    def __init__(self, manifest: Manifest, report: Report, watch: int | None) -> None:
        self._manifest, self._report, self._watch = manifest, report, watch
        self.tree = Range(watch - 1 if watch else None)
        self.stored: Range | None = None
        """The tree of the hashes in leaf-hashes.bin, from where it is another than `tree`."""
        self.differs: int | None = None
        """The first entry whose hash is not the one in leaf-hashes.bin."""
        self.heads: dict[str, tuple[int, bytes]] = {}
        self.shown: bytes | None = None
        self._ready: list[bytes] = []
        self._ready_stored: list[bytes] = []
        self._taken = 0
        self._at = ""
        self.openings: Openings | None = None
        self.hash_file: BinaryIO | None = None
        self._lines: Iterator[tuple[Piece, Examined]] = iter(())

    def begin(self, lines: Lines) -> None:
        self._lines = iter(lines)

    def advance(self, size: int) -> None:
        """Have the tree hold `size` entries. Raises Bad."""
        while self.tree.size + len(self._ready) < size:
            batch = next(self._lines, None)
            if batch is None:
                missing = self.tree.size + len(self._ready) + 1
                bad = Bad(
                    f"Entry {missing} is missing, and all that follow it.",
                    self._report.agrees_to + 1,
                    missing,
                )
                raise self._first(bad)
            self._take(*batch)
        count = size - self.tree.size
        if self.hash_file is not None:
            stored = _first_of(self._ready_stored, count)
            if self.stored is None and self.differs is not None and self.differs <= size:
                self.stored = self.tree.copy()
            if self.stored is not None:
                self.stored.extend(stored)
        self.tree.extend(_first_of(self._ready, count))

    def ended(self) -> None:
        """No entry is left over."""
        if not self._ready and next(self._lines, None) is None:
            if self.hash_file is not None and self.hash_file.read(1):
                raise Bad("leaf-hashes.bin holds more hashes than there are entries.")
            return
        left = self.tree.size + 1
        raise Bad(f"Entry {left} stands after the end of what the newest checkpoint signs.", left)

    def _take(self, piece: Piece, found: Examined) -> None:
        base = self._taken + 1
        hashes = [found.hashes[start : start + 32] for start in range(0, len(found.hashes), 32)]
        self._compare(hashes, found.hashes, base)
        if found.bad is None and len(hashes) != piece.held:
            raise Bad("entries.jsonl changed while it was read.")
        faults = [fault for fault in (found.bad, self._extend_heads(found, hashes)) if fault is not None]
        if faults:
            place, why = min(faults)
            raise self._first(Bad(f"Entry {base + place}: {why}.", base + place))
        self._times(found, base)
        self._show(piece, hashes, base)
        self._ready.extend(hashes)
        self._taken += len(hashes)

    def _show(self, piece: Piece, hashes: list[bytes], base: int) -> None:
        """What the lines themselves are wanted for. They must still be those that were examined."""
        last = base + len(hashes) - 1
        watched = self._watch is not None and base <= self._watch <= last
        if self.openings is None and not watched:
            return
        lines = piece.lines()
        if [leaf_hash(line) for line in lines] != hashes:
            raise Bad("entries.jsonl changed while it was read.")
        if self._watch is not None and watched:
            self.shown = lines[self._watch - base]
        if self.openings is not None:
            self.openings.check(dict(enumerate(lines, base)), last)

    def _compare(self, hashes: list[bytes], joined: bytes, base: int) -> None:
        if self.hash_file is None:
            return
        data = self.hash_file.read(32 * len(hashes))
        if data == joined:
            self._ready_stored.extend(hashes)
            return
        stored = [data[start : start + 32] for start in range(0, len(data), 32)]
        if self.differs is None:
            ends = [
                place for place, pair in enumerate(zip(hashes, stored, strict=False)) if pair[0] != pair[1]
            ]
            self.differs = base + (ends[0] if ends else len(stored))
        self._ready_stored.extend([*stored, *([b""] * (len(hashes) - len(stored)))])

    def _extend_heads(self, found: Examined, hashes: list[bytes]) -> tuple[int, str] | None:
        faults = []
        for case, (first, places) in found.cases.items():
            count, head = self.heads.get(case, (0, bytes(32)))
            if first != count + 1:
                faults.append(
                    (places[0], f"it counts itself as entry {first} of its case, and is entry {count + 1}")
                )
                continue
            for place in places:
                head = sha256(b"\2" + head + hashes[place]).digest()
            self.heads[case] = (count + len(places), head)
        if len(self.heads) > CASES_MOST:
            raise Unchecked(
                f"The bundle speaks of more than {CASES_MOST} cases; that is more than can be held."
            )
        return min(faults, default=None)

    def _times(self, found: Examined, base: int) -> None:
        back = [base + place for place in found.back]
        if found.times[0] < self._at:
            back.insert(0, base)
        self._at = found.times[1]
        self._report.back_count += len(back)
        self._report.back += back[: max(0, SHOWN - len(self._report.back))]

    def _first(self, bad: Bad) -> Bad:
        """The earlier of a fault and of an entry that is not what the hub's own list of hashes says."""
        if self.differs is not None and bad.first is not None and self.differs < (bad.last or 0):
            return Bad(
                f"Entry {self.differs}: its hash is not the one that the hub stored when it wrote it.",
                self.differs,
            )
        return bad


def verify_area(asked: Asked, manifest: Manifest, report: Report) -> None:
    with ExitStack() as stack:
        file = stack.enter_context(open_plain(asked.folder, "entries.jsonl"))
        notes = stack.enter_context(open_plain(asked.folder, "checkpoints.jsonl"))
        log = AreaLog(manifest, report, asked.entry)
        if (asked.folder / "leaf-hashes.bin").exists():
            log.hash_file = stack.enter_context(open_plain(asked.folder, "leaf-hashes.bin"))
        log.openings = _openings(asked.folder, stack)
        log.begin(Lines(asked.folder, file, Expected(manifest.area, 1, None, 0), asked.processes))
        checkpoints = Checkpoints(asked, manifest, notes)
        _same_log(asked.kept, manifest)
        for checkpoint, was_kept in _with_kept(checkpoints, asked.kept):
            log.advance(checkpoint.size)
            _agrees(log, checkpoint, report, was_kept=was_kept)
            if was_kept and checkpoints.last is not None:
                _same_tree(checkpoints.last, checkpoint)
        log.ended()
        _not_after(asked.kept, manifest)
        _settle(asked, checkpoints, report, log.openings)
        report.entries = log.tree.size
        if manifest.entries != report.entries:
            raise Bad(f"The manifest counts {manifest.entries} entries and there are {report.entries}.")
        if checkpoints.last is not None:
            _heads(asked.folder, log.heads, checkpoints.last)
            report.cases = len(log.heads)
    if asked.entry is not None:
        report.entry = _disputed(asked.entry, log)
    if asked.case is not None:
        report.about_case = _of_one_case(asked.case, log.heads)


def _agrees(log: AreaLog, checkpoint: Checkpoint, report: Report, *, was_kept: bool) -> None:
    size, good = checkpoint.size, log.tree.root() == checkpoint.root
    differs = log.differs if log.differs is not None and log.differs <= size else None
    if good and differs is None:
        report.agrees_to = size
        report.kept += [size] if was_kept else []
        return
    if good and differs is not None:
        raise Bad(
            f"Entry {differs} is what was signed, and leaf-hashes.bin says another hash for it.",
            differs,
        )
    whose = "that you kept" if was_kept else f"signed at {checkpoint.at}"
    if differs is not None and log.stored is not None and log.stored.root() == checkpoint.root:
        raise Bad(f"Entry {differs} is not what the checkpoint of {size} entries {whose} signs.", differs)
    start = (max(report.kept, default=0) if was_kept else report.agrees_to) + 1
    where = f"Entry {start} is" if start == size else f"One of the entries {start} to {size}, or more, is"
    raise Bad(f"{where} not what the checkpoint of {size} entries {whose} signs.", start, size)


def _same_log(kept: Sequence[Checkpoint], manifest: Manifest) -> None:
    for one in kept:
        if one.origin != manifest.origin:
            raise Bad(f"The checkpoint that you kept is of another log ({shown(one.origin)}).")


def _not_after(kept: Sequence[Checkpoint], manifest: Manifest) -> None:
    """Asked last: what is wrong within the bundle comes before what is no longer in it."""
    for one in kept:
        if one.size > manifest.size:
            raise Bad(
                f"The checkpoint that you kept is of {one.size} entries and the bundle ends at {manifest.size}: the log was cut or set back.",
                manifest.size + 1,
            )


def _settle(asked: Asked, checkpoints: Checkpoints, report: Report, openings: Openings | None) -> None:
    if openings is not None:
        openings.ended()
        report.openings = openings.count
    checkpoints.beats.finish()
    report.gaps, report.gap_count = checkpoints.beats.gaps, checkpoints.beats.count
    report.checkpoints = checkpoints.count
    report.newest = checkpoints.last.at if checkpoints.last else ""
    checkpoints.signatures.finish(report)
    if asked.kept and len(report.kept) != len(asked.kept):
        raise Bad(
            "A checkpoint that you kept could not be compared: the bundle holds none of as many entries."
        )


_HEAD = re.compile(rb'\{"case":"([a-z2-7]{26})","entries":([1-9][0-9]{0,14}),"head":"([0-9a-f]{64})"\}')


def _heads(folder: Path, heads: dict[str, tuple[int, bytes]], last: Checkpoint) -> None:
    """heads.jsonl is what the entries give, in order, and its tree is in the newest checkpoint."""
    tree, before, waiting = Range(), b"", list[bytes]()
    with open_plain(folder, "heads.jsonl") as file:
        for number, line in enumerate(lines_of(file, "heads.jsonl"), 1):
            match = _HEAD.fullmatch(line)
            if match is None or match.group(1) <= before:
                raise Bad(f"Line {number} of heads.jsonl is no case head, or stands out of order.")
            case, entries, head = match.groups()
            if heads.get(case.decode()) != (int(entries), bytes.fromhex(head.decode())):
                raise Bad(f"The head of case {case.decode()} is not what the case's entries give.")
            before = case
            waiting.append(leaf_hash(line))
            if len(waiting) == CHUNK_HASHES:
                tree.extend(waiting)
                waiting.clear()
    tree.extend(waiting)
    if tree.size != len(heads):
        raise Bad(f"heads.jsonl names {tree.size} cases; the entries are of {len(heads)}.")
    if (tree.size, tree.root()) != (last.cases, last.cases_root):
        raise Bad("The case heads are not those that the newest checkpoint signs.")


def _disputed(number: int, log: AreaLog) -> dict[str, Any]:
    if log.shown is None:
        raise Unchecked(f"There is no entry {number}: the log has {log.tree.size}.")
    proof = log.tree.path()
    if not included(leaf_hash(log.shown), number - 1, log.tree.size, proof, log.tree.root()):
        raise Bad(f"Entry {number} could not be proved to be in the log.", number)
    return _proved(log.shown, number, log.tree.size, proof)


def _proved(line: bytes, number: int, size: int, proof: Sequence[bytes]) -> dict[str, Any]:
    path = [base64.b64encode(one).decode() for one in proof]
    return {
        "leaf": read_json(line),
        "seq": number,
        "leaf_hash": leaf_hash(line).hex(),
        "size": size,
        "proof": path,
    }


def _of_one_case(case: str, heads: dict[str, tuple[int, bytes]]) -> dict[str, Any]:
    entries, head = heads.get(case, (0, bytes(32)))
    return {"case": case, "entries": entries, "head": head.hex()}


# --- openings --------------------------------------------------------------------------------------


class Openings:
    """openings.jsonl against the commitments of the entries, in step with them."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._next: tuple[int, str, bytes] | None = None
        self._last: tuple[int, str] = (0, "")
        self.count = 0
        self._move()

    def _move(self) -> None:
        line = next(self._lines, None)
        if line is None:
            self._next = None
            return
        try:
            body = read_json(line)
            seq, name, salt = body["seq"], body["name"], bytes.fromhex(body["salt"])
            if set(body) != {"seq", "name", "salt", "value"} or type(seq) is not int or not _is(_WORD, name):
                _refuse("members")
            if len(salt) != 16 or salt.hex() != body["salt"]:  # noqa: PLR2004 - the salt's length in the format
                _refuse("salt")
            opened = sha256(b"mappa-hub/private/1\0" + salt + canonical([name, body["value"]])).digest()
        except (ValueError, KeyError, TypeError) as error:
            raise Bad(f"Line {self.count + 1} of openings.jsonl is not as the format says.") from error
        if (seq, name) <= self._last:
            raise Bad(f"Line {self.count + 1} of openings.jsonl stands out of order.")
        self._last, self._next = (seq, name), (seq, name, opened)
        self.count += 1

    def check(self, entries: dict[int, bytes], last: int) -> None:
        """Those of the entries up to `last`, of which these are given."""
        while self._next is not None and self._next[0] <= last:
            seq, name, opened = self._next
            line = entries.get(seq)
            private = read_json(line).get("private", {}) if line is not None else {}
            if private.get(name) != opened.hex():
                raise Bad(
                    f"What openings.jsonl opens as {shown(name)} of entry {seq} is not what the entry commits to.",
                    seq,
                )
            self._move()

    def ended(self) -> None:
        if self._next is not None:
            raise Bad(f"openings.jsonl opens entry {self._next[0]}, which is not in the bundle.")


def _openings(folder: Path, stack: ExitStack) -> Openings | None:
    if not os.path.lexists(folder / "openings.jsonl"):
        return None
    file = stack.enter_context(open_plain(folder, "openings.jsonl"))
    return Openings(lines_of(file, "openings.jsonl"))


# --- one case --------------------------------------------------------------------------------------


def verify_case(asked: Asked, manifest: Manifest, report: Report) -> None:
    with ExitStack() as stack:
        notes = stack.enter_context(open_plain(asked.folder, "checkpoints.jsonl"))
        file = stack.enter_context(open_plain(asked.folder, "entries.jsonl"))
        proofs = lines_of(stack.enter_context(open_plain(asked.folder, "proofs.jsonl")), "proofs.jsonl")
        checkpoints = Checkpoints(asked, manifest, notes)
        _same_log(asked.kept, manifest)
        last = _newest(asked, manifest)
        _consistency(asked, checkpoints, last, report)
        openings = _openings(asked.folder, stack)
        case = CaseLog(manifest, last, report, asked.entry)
        case.read(
            Lines(asked.folder, file, Expected(manifest.area, 1, manifest.case, 0), 1), proofs, openings
        )
        _case_head(asked.folder, manifest, last, case)
        _not_after(asked.kept, manifest)
        _settle(asked, checkpoints, report, openings)
    report.entries = case.count
    report.agrees_to = last.size
    if asked.entry is not None and report.entry is None:
        raise Unchecked(f"Entry {asked.entry} is not one of this case.")
    if asked.case not in (None, manifest.case):
        raise Unchecked("The bundle is of another case.")
    report.about_case = {"case": manifest.case, "entries": case.count, "head": case.head.hex()}


def _newest(asked: Asked, manifest: Manifest) -> Checkpoint:
    """Read on its own first: every proof leads to it. It is checked with the others."""
    found = b""
    with open_plain(asked.folder, "checkpoints.jsonl") as file:
        for line in lines_of(file, "checkpoints.jsonl"):
            found = line
    try:
        text = read_json(found)
        last = read_checkpoint(text if isinstance(text, str) else "")
    except ValueError as error:
        raise Bad("The newest checkpoint is no checkpoint of a hub.") from error
    if last.size != manifest.size:
        raise Bad(f"The newest checkpoint is of {last.size} entries, the manifest says {manifest.size}.")
    return last


def _consistency(asked: Asked, checkpoints: Checkpoints, last: Checkpoint, report: Report) -> None:
    with open_plain(asked.folder, "consistency.jsonl") as file:
        proofs = lines_of(file, "consistency.jsonl")
        held: tuple[Checkpoint, int] | None = None
        for checkpoint, was_kept in _with_kept(checkpoints, asked.kept):
            if was_kept:
                if held is not None and _same_tree(held[0], checkpoint):
                    report.kept.append(checkpoint.size)
                continue
            if held is not None:
                _grows(*held, next(proofs, None), last)
            held = (checkpoint, checkpoints.count)
        if next(proofs, None) is not None:
            raise Bad("consistency.jsonl holds more proofs than there are checkpoints.")


def _same_tree(one: Checkpoint, kept: Checkpoint) -> bool:
    """Whether they are of as many entries. Raises Bad where they then say other things, of the cases' heads too."""
    said = (one.root, one.cases, one.cases_root)
    if one.size == kept.size and said != (kept.root, kept.cases, kept.cases_root):
        raise Bad(
            f"The bundle's checkpoint of {kept.size} entries and the one that you kept differ: there are two stories.",
            None,
        )
    return one.size == kept.size


def _grows(checkpoint: Checkpoint, number: int, line: bytes | None, last: Checkpoint) -> None:
    try:
        body = read_json(line or b"")
        if set(body) != {"size", "proof"} or body["size"] != checkpoint.size:
            _refuse("members")
        proof = _proof(body["proof"])
    except (ValueError, KeyError, TypeError) as error:
        raise Bad(
            "Its line in consistency.jsonl is missing or not as the format says.", checkpoint=number
        ) from error
    if not consistent(checkpoint.size, last.size, proof, checkpoint.root, last.root):
        raise Bad("It is not shown to be an earlier state of the newest checkpoint.", checkpoint=number)


def _proof(found: Any) -> list[bytes]:
    if type(found) is not list or len(found) > LISTED_MOST:
        raise ValueError("proof")
    return [read_base64(one, 32) for one in found]


class CaseLog:
    """The entries of one case: each in the tree, none missing by the head."""

    def __init__(self, manifest: Manifest, last: Checkpoint, report: Report, watch: int | None) -> None:
        self._manifest, self._last, self._report, self._watch = manifest, last, report, watch
        self.count = 0
        self.head = bytes(32)
        self._at = ""

    def read(self, lines: Lines, proofs: Iterator[bytes], openings: Openings | None) -> None:
        above = 0
        for piece, found in lines:
            batch = piece.lines()
            for place, seq in enumerate(found.seqs[: len(found.hashes) // 32]):
                if seq <= above:
                    raise Bad(
                        f"Entry {self.count + 1} of the case does not follow the one before.", self.count + 1
                    )
                above = seq
                self._entry(batch[place], seq, next(proofs, None))
            if found.bad is not None:
                raise Bad(f"Entry {self.count + 1} of the case: {found.bad[1]}.", self.count + 1)
            self._report.back_count += len(found.back) + (found.times[0] < self._at)
            self._at = found.times[1]
            if openings is not None:
                openings.check(dict(zip(found.seqs, batch, strict=False)), above)
        if next(proofs, None) is not None:
            raise Bad("proofs.jsonl holds more proofs than there are entries.", self.count + 1)
        if self.count != self._manifest.entries:
            raise Bad(
                f"The bundle holds {self.count} entries of the case and its manifest counts {self._manifest.entries}.",
                self.count + 1,
            )

    def _entry(self, line: bytes, seq: int, proof_line: bytes | None) -> None:
        number = self.count + 1
        try:
            body = read_json(proof_line or b"")
            proof = _proof(body["proof"])
            if set(body) != {"index", "proof"} or body["index"] != seq - 1:
                _refuse("members")
        except (ValueError, KeyError, TypeError) as error:
            raise Bad(f"Entry {number} of the case has no proof that fits it.", number) from error
        hashed = leaf_hash(line)
        if not included(hashed, seq - 1, self._last.size, proof, self._last.root):
            raise Bad(
                f"Entry {number} of the case (entry {seq} of the log) is not what the newest checkpoint signs.",
                number,
            )
        self.head, self.count = head_after(self.head, hashed), number
        if seq == self._watch:
            self._report.entry = _proved(line, seq, self._last.size, proof)


def _case_head(folder: Path, manifest: Manifest, last: Checkpoint, case: CaseLog) -> None:
    try:
        body = read_json(read_small(folder, "head.json"))
        leaf, index, size, proof = body["leaf"].encode(), body["index"], body["size"], _proof(body["proof"])
        told = read_json(leaf)
        if type(index) is not int or canonical(told) != leaf or set(told) != {"case", "entries", "head"}:
            _refuse("members")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Bad("head.json is not as the format says.") from error
    if size != last.cases or not included(leaf_hash(leaf), index, last.cases, proof, last.cases_root):
        raise Bad("The head of the case is not one that the newest checkpoint signs.")
    if told["case"] != manifest.case:
        raise Bad("head.json is of another case.")
    if told["entries"] != case.count:
        where = min(case.count, told["entries"] if type(told["entries"]) is int else 0) + 1
        raise Bad(
            f"The case has {shown(told['entries'])} entries and the bundle {case.count}: entries are kept back.",
            where,
        )
    if told["head"] != case.head.hex():
        raise Bad("The entries of the case do not give its head.")


# --- everything ------------------------------------------------------------------------------------


def verify(asked: Asked) -> Report:
    """Never raises for what the bundle holds: what does not hold is in the report."""
    report = Report(signatures=asked.signatures)
    try:
        _may_begin(asked)
        manifest = read_manifest(asked.folder)
        _fill(asked, manifest, report)
        (verify_area if manifest.case is None else verify_case)(asked, manifest, report)
        report.holds = True
    except Bad as bad:
        report.holds, report.bad_checkpoint = False, bad.checkpoint
        report.why = f"Checkpoint {bad.checkpoint}: {bad.why}" if bad.checkpoint else bad.why
        report.first_bad, report.first_bad_at_most = bad.first, bad.last
    except Unchecked as unchecked:
        report.why = str(unchecked)
    except (OSError, MemoryError, BrokenProcessPool, ValueError, RecursionError) as error:
        report.why = f"It could not be read to its end: {shown(type(error).__name__)} {shown(error)}."
    return report


def _may_begin(asked: Asked) -> None:
    if not asked.folder.is_dir():
        raise Unchecked("There is no such folder.")
    if not asked.signatures and (asked.keys or asked.witnesses):
        raise Unchecked("Keys were given and signatures are not to be checked: ask for one of the two.")
    if not os.path.lexists(asked.folder / "manifest.json"):
        raise Unchecked("It holds no manifest.json: this is no bundle.")


def _fill(asked: Asked, manifest: Manifest, report: Report) -> None:
    report.origin, report.size, report.case = manifest.origin, manifest.size, manifest.case
    report.scope = "area" if manifest.case is None else "case"
    report.not_checked = [*_not_checked(asked, manifest)]
    if any(key.name != manifest.origin for key in asked.keys):
        raise Bad("A key that you gave is of another log than the bundle.")


def _not_checked(asked: Asked, manifest: Manifest) -> Iterator[str]:
    if not asked.signatures:
        yield "signatures: anybody could have written these checkpoints"
    if not asked.kept:
        yield "whether this is the log that was shown to others: that needs a checkpoint kept earlier (--checkpoint)"
    if asked.signatures and not asked.keys and not asked.kept:
        yield "whose keys these are: they are as claimed by the bundle alone (--key)"
    if manifest.case is None:
        yield "the case heads of checkpoints before the newest"
    else:
        yield "that no second head of the case stands in the case heads: a bundle of the whole area shows that"
    yield "that the hub wrote down everything it did, or the right time: no log can show that of itself"


def say(report: Report) -> list[str]:
    """The report in sentences; the last line is the verdict."""
    lines = [*_said(report)] if report.origin else []
    if report.holds:
        told = (
            f"case {report.case}: all {report.entries} entries"
            if report.case
            else f"{report.entries} entries"
        )
        unsigned = "" if report.signatures else " Signatures were NOT checked."
        return [
            *lines,
            f"VERIFIED: {told}, in a log of {report.size}, agree with {report.checkpoints} checkpoints.{unsigned}",
        ]
    if report.holds is None:
        return [*lines, f"NOT CHECKED: {report.why}"]
    if report.agrees_to and report.first_bad and report.scope == "area":
        lines.append(f"Up to entry {report.agrees_to} the log agrees with its checkpoints.")
    return [*lines, f"DOES NOT HOLD{_where(report)}: {report.why}"]


def _where(report: Report) -> str:
    if report.first_bad is None:
        return ""
    if report.first_bad == report.first_bad_at_most:
        return f" from entry {report.first_bad} on"
    return f" from an entry between {report.first_bad} and {report.first_bad_at_most} on"


def _said(report: Report) -> Iterator[str]:
    yield f"Log {report.origin}" + (f", case {report.case}" if report.case else "")
    for what, keys in (("Key", report.keys), ("Witness", report.witnesses)):
        for key in keys:
            signed = f"{key['signed']} checkpoints, the newest of {key['newest_size']} entries"
            yield f"{what} {shown(key['key'], 240)}: {key['trust']}; signed {signed if key['signed'] else 'none'}."
    for size in report.kept:
        yield f"The checkpoint of {size} entries that you kept is part of this log."
    if report.newest:
        yield f"Newest checkpoint: {report.newest}."
    if report.openings:
        yield f"{report.openings} private fields are opened and are what the entries commit to."
    yield from _silences(report)
    if report.back_count:
        first = ", ".join(str(one) for one in report.back)
        yield f"Time goes back at {report.back_count} entries{': ' + first if first else ''}. That is no proof of tampering."
    if report.about_case is not None:
        about = report.about_case
        yield f"Case {about['case']}: {about['entries']} entries, none missing; head {about['head']}."
    if report.entry is not None:
        yield f"Entry {report.entry['seq']}, proved by {len(report.entry['proof'])} hashes to be in the log of {report.entry['size']}:"
        yield json.dumps(report.entry, sort_keys=True)
    for one in report.not_checked:
        yield f"Not checked: {one}."


def _silences(report: Report) -> Iterator[str]:
    for gap in report.gaps[:SHOWN]:
        yield f"Silence: no checkpoint from {gap['from']} to {gap['to']} ({gap['seconds']} s)."
    if report.gap_count > SHOWN:
        yield f"... and {report.gap_count - SHOWN} silences more."


def main(words: Sequence[str] | None = None, tell: Callable[[str], object] = print) -> int:
    parser = argparse.ArgumentParser(
        prog="verify.py", description="Verify an exported access log without trusting the hub that wrote it."
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="the bundle")
    parser.add_argument(
        "--checkpoint", metavar="FILE", type=Path, action="append", default=[], help="one kept earlier"
    )
    parser.add_argument(
        "--key", metavar="VKEY", action="append", default=[], help="the log's verifier key, had elsewhere"
    )
    parser.add_argument(
        "--witness", metavar="VKEY", action="append", default=[], help="the key of a witness to be required"
    )
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--entry", metavar="N", type=int, help="show entry N of the log with its proof")
    one.add_argument("--case", metavar="C", help="say how many entries the case has")
    parser.add_argument(
        "--heartbeat", metavar="SECONDS", type=int, default=HEARTBEAT, help="longest silence allowed (90)"
    )
    parser.add_argument(
        "--processes", metavar="N", type=int, default=0, help="how many to use (as many as help)"
    )
    parser.add_argument("--without-signatures", action="store_true", help="do not check signatures")
    parser.add_argument("--json", action="store_true", help="answer with one JSON object")
    given = parser.parse_args(words)
    try:
        report = verify(_asked(given))
    except Unchecked as unchecked:
        report = Report(why=str(unchecked))
    if given.json:
        tell(json.dumps({one: getattr(report, one) for one in Report.__slots__}, sort_keys=True))
    else:
        for line in say(report):
            tell(line)
    return {True: 0, False: 1, None: 2}[report.holds]


def _asked(given: argparse.Namespace) -> Asked:
    if not HAS_SIGNATURES and not given.without_signatures:
        raise Unchecked(
            "signatures cannot be checked without the library `cryptography` (pip install cryptography); --without-signatures checks the rest."
        )
    try:
        keys, witnesses = [read_key(one) for one in given.key], [read_key(one) for one in given.witness]
    except ValueError:
        raise Unchecked("a key that was given is no verifier key: name+hash+base64.") from None
    if any(key.kind != LOG_KEY for key in keys) or any(key.kind != WITNESS_KEY for key in witnesses):
        raise Unchecked("--key wants the key of a log, --witness that of a witness.")
    if given.entry is not None and given.entry < 1:
        raise Unchecked("entries are numbered from 1.")
    return Asked(
        folder=given.folder, keys=keys, witnesses=witnesses, kept=[_kept(path) for path in given.checkpoint], entry=given.entry,
        case=given.case, signatures=not given.without_signatures, heartbeat=given.heartbeat, processes=max(0, given.processes),
    )  # fmt: skip


def _kept(path: Path) -> Checkpoint:
    try:
        with path.open("rb") as file:
            return read_checkpoint(file.read(NOTE_MOST + 1).decode())
    except OSError as error:
        raise Unchecked(f"the checkpoint that you kept cannot be read: {shown(error.strerror)}.") from None
    except (ValueError, binascii.Error):
        raise Unchecked("the file given with --checkpoint is no checkpoint of a hub.") from None


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
