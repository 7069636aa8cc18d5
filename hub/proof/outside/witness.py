"""A witness: cosigns what a log has signed only as long as the log keeps one story. Keeps no entry, and sees none.

    python3 witness.py init --name witness.example/mappa     makes the key, prints the verifier key to give to the hub
    python3 witness.py add-log VKEY                          the log's verifier key, had from the hub's people
    python3 witness.py run --listen 127.0.0.1:8181           serves POST /add-checkpoint
    python3 witness.py status [--json]                       what was last cosigned of each log

One file: Python 3.11 and the library `cryptography`. It speaks c2sp.org/tlog-witness and answers with
c2sp.org/tlog-cosignature (`cosignature/v1`). Everything is kept in one folder (`--home`); a witness whose folder was lost
or set back must not go on under the same key: make a new one.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import contextlib
import fcntl
import hashlib
import json
import os
import re
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

BODY_MOST = 64 * 1024
DROPPED_MOST = 1 << 20
PROOF_MOST = 63
SIGNATURES_MOST = 64
REFUSALS_MOST = 64 << 20
"""Bytes of kept refusals; beyond that they are only told on standard error."""
QUIET_SECONDS, WHOLE_SECONDS, CONNECTIONS_MOST = 10, 60, 64
LOG_KEY, WITNESS_KEY = 1, 4
GREATEST = 2**63 - 1
EMPTY_ROOT = hashlib.sha256().digest()
DASH = "\u2014"
SIZE_TYPE = "text/x.tlog.size"


class Refused(Exception):  # noqa: N818 - an answer, not a fault of the program
    """`status` as c2sp.org/tlog-witness gives it; `body` goes with it. `evidence`: the log signed what was refused."""

    def __init__(self, status: int, why: str, *, size: int | None = None, evidence: bool = False) -> None:
        super().__init__(why)
        self.status, self.why, self.size, self.evidence = status, why, size, evidence


class Problem(Exception):  # noqa: N818 - one sentence for who runs it
    """The witness cannot do what it was asked to."""


# --- notes -----------------------------------------------------------------------------------------


class Key(NamedTuple):
    """A verifier key of c2sp.org/signed-note."""

    name: str
    ident: bytes
    kind: int
    public: bytes


def read_key(text: str) -> Key:
    """Raises ValueError."""
    name, ident, data = text.split("+", 2)
    raw = read_base64(data, 33)
    made = key_hash(name, raw)
    if not is_name(name) or made.hex() != ident or raw[0] not in (LOG_KEY, WITNESS_KEY):
        raise ValueError("no verifier key for Ed25519")
    return Key(name, made, raw[0], raw[1:])


def is_name(name: str) -> bool:
    return bool(name) and name.isprintable() and not re.search(r"[\s+]", name)


def key_hash(name: str, raw: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]


def read_base64(text: str, size: int | None = None) -> bytes:
    data = base64.b64decode(text.encode("ascii"), validate=True)
    if base64.b64encode(data).decode() != text or (size is not None and len(data) != size):
        raise ValueError("not canonical base64 of the expected length")
    return data


def read_number(text: str) -> int:
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", text, re.ASCII) or int(text) > GREATEST:
        raise ValueError("no number")
    return int(text)


@dataclass(frozen=True, slots=True)
class Submitted:
    """One request: the size that the log believes to be cosigned, the proof from there, and the checkpoint's note."""

    old: int
    proof: tuple[bytes, ...]
    origin: str
    size: int
    root: bytes
    body: str
    note: str
    signatures: tuple[tuple[str, bytes, bytes], ...]


def read_request(data: bytes) -> Submitted:
    """Raises ValueError."""
    head, gap, text = data.decode().partition("\n\n")
    old, *proof = head.split("\n")
    if not gap or not old.startswith("old ") or len(proof) > PROOF_MOST:
        raise ValueError("no request")
    if any(ord(one) < ord(" ") and one != "\n" for one in text):
        raise ValueError("no signed note")
    body, gap, lines = text.rpartition("\n\n")
    origin, size, root, *more = body.split("\n")
    if (
        not gap
        or not origin
        or not all(more)
        or not lines.endswith("\n")
        or lines.count("\n") > SIGNATURES_MOST
    ):
        raise ValueError("no signed note of a checkpoint")
    return Submitted(
        old=read_number(old.removeprefix("old ")), proof=tuple(read_base64(one, 32) for one in proof), origin=origin,
        size=read_number(size), root=read_base64(root, 32), body=body + "\n", note=text,
        signatures=tuple(_signature(line) for line in lines[:-1].split("\n")),
    )  # fmt: skip


def _signature(line: str) -> tuple[str, bytes, bytes]:
    dash, name, data = line.split(" ")
    raw = read_base64(data)
    if dash != DASH or not is_name(name) or len(raw) < 5:  # noqa: PLR2004 - key hash and a byte
        raise ValueError("no signature line")
    return name, raw[:4], raw[4:]


def is_signed(found: Submitted, keys: Sequence[Key]) -> bool:
    """By one of these at least, and none of them wrongly; signatures of others are not looked at."""
    known = {(key.name, key.ident): key for key in keys}
    claims = [(known[name, ident], data) for name, ident, data in found.signatures if (name, ident) in known]
    return bool(claims) and all(_verifies(key, found.body, data) for key, data in claims)


def _verifies(key: Key, body: str, data: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(data, body.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def consistent(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """RFC 9162 section 2.1.4.2; from the empty tree to any there is nothing to prove, and the proof is empty."""
    if old in (0, new):
        return not proof and (old_root == new_root if old == new else old_root == EMPTY_ROOT)
    if not 0 < old < new or not proof:
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
            before, after = _node(one, before), _node(one, after)
            while at % 2 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            after = _node(after, one)
        at, last = at >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


# --- what is kept ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """What was last cosigned of one log; `at` 0: nothing yet."""

    keys: tuple[str, ...]
    size: int = 0
    root: bytes = EMPTY_ROOT
    note: str = ""
    at: int = 0


class Home:
    """The witness's folder. Whoever changes what is known of a log holds `locked()`; so do two processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._thread = threading.Lock()

    def make(self, name: str) -> str:
        """A new key; its verifier key. Raises Problem where there is one already."""
        if not is_name(name):
            raise Problem(
                "A witness's name holds no space and no plus; take an address of yours, such as witness.example/mappa."
            )
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        seed = os.urandom(32)
        body = {"name": name, "seed": base64.b64encode(seed).decode()}
        try:
            number = os.open(self._key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(number, "w", encoding="utf-8") as file:
                json.dump(body, file)
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            raise Problem(f"There is a witness in {self.folder} already.") from None
        (self.folder / "logs").mkdir(mode=0o700, exist_ok=True)
        _sync(self.folder)
        return self.signer().text

    @property
    def _key(self) -> Path:
        return self.folder / "key.json"

    def signer(self) -> Signer:
        try:
            if self._key.stat().st_mode & 0o077:
                raise Problem(f"{self._key} can be read by others: chmod 600.")
            body = json.loads(self._key.read_text("utf-8"))
            return Signer(body["name"], Ed25519PrivateKey.from_private_bytes(read_base64(body["seed"], 32)))
        except FileNotFoundError:
            raise Problem(f"There is no witness in {self.folder}: init makes one.") from None
        except (ValueError, KeyError, TypeError) as error:
            raise Problem(f"{self._key} is not the key of a witness.") from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        with self._thread, (self.folder / "lock").open("a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _file(self, origin: str) -> Path:
        return self.folder / "logs" / f"{hashlib.sha256(origin.encode()).hexdigest()}.json"

    def known(self, origin: str) -> Known | None:
        """None: a log that this witness does not know. Raises Problem when what it knew cannot be read."""
        try:
            body = json.loads(self._file(origin).read_text("utf-8"))
            root = read_base64(body["root"], 32)
            found = Known(tuple(body["keys"]), int(body["size"]), root, body["note"], int(body["at"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise Problem("What is known of a log cannot be read; nothing of it is cosigned.") from error
        if body["origin"] != origin:
            raise Problem("What is known of a log is of another; nothing of it is cosigned.")
        return found

    def keep(self, origin: str, known: Known) -> None:
        """Durable when this returns; whole or not at all."""
        body = {"origin": origin, "keys": known.keys, "size": known.size, "note": known.note, "at": known.at}
        path = self._file(origin)
        new = path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump(body | {"root": base64.b64encode(known.root).decode()}, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        _sync(path.parent)

    def origins(self) -> list[str]:
        files = sorted((self.folder / "logs").glob("*.json"))
        return [json.loads(path.read_text("utf-8"))["origin"] for path in files]

    def add_log(self, vkey: str) -> str:
        """The log's origin. A second key of a log that is known is added to the first."""
        try:
            key = read_key(vkey)
        except ValueError:
            raise Problem("This is no verifier key: name+hash+base64.") from None
        if key.kind != LOG_KEY:
            raise Problem("This is the key of a witness, not of a log.")
        self.signer()
        with self.locked():
            known = self.known(key.name) or Known(())
            self.keep(key.name, replace(known, keys=tuple(sorted({*known.keys, vkey}))))
        return key.name

    def remember(self, refused: Refused, found: Submitted, at: int) -> None:
        """What a log signed and this witness would not: it may be proof of what the log did."""
        path = self.folder / "refusals.jsonl"
        line = {"at": at, "status": refused.status, "why": refused.why, "old": found.old, "note": found.note}
        with self.locked(), path.open("a", encoding="utf-8") as file:
            if file.tell() < REFUSALS_MOST:
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@dataclass(frozen=True, slots=True)
class Signer:
    name: str
    key: Ed25519PrivateKey

    @property
    def _raw(self) -> bytes:
        return bytes([WITNESS_KEY]) + self.key.public_key().public_bytes_raw()

    @property
    def text(self) -> str:
        """The verifier key."""
        return f"{self.name}+{key_hash(self.name, self._raw).hex()}+{base64.b64encode(self._raw).decode()}"

    def line(self, body: str, at: int) -> str:
        """The cosignature of a checkpoint's text, `at` in seconds since 1970."""
        signature = self.key.sign(f"cosignature/v1\ntime {at}\n{body}".encode())
        data = key_hash(self.name, self._raw) + at.to_bytes(8, "big") + signature
        return f"{DASH} {self.name} {base64.b64encode(data).decode()}\n"


# --- the decision ----------------------------------------------------------------------------------


class Witness:
    """`clock`: seconds since 1970. `tell`: a line for whoever runs it."""

    def __init__(
        self, home: Home, clock: Callable[[], float] = time.time, tell: Callable[[str], object] = print
    ) -> None:
        self._home, self._clock, self._tell = home, clock, tell
        self._signer = home.signer()
        self.name = self._signer.name

    def add_checkpoint(self, data: bytes) -> str:
        """The cosignature's line, once what it says is kept. Raises Refused."""
        found = None
        try:
            try:
                found = read_request(data)
            except (ValueError, binascii.Error):
                raise Refused(400, "The request is not of the form of c2sp.org/tlog-witness.") from None
            return self._decide(found)
        except Refused as refused:
            self._told(refused, found)
            raise

    def _told(self, refused: Refused, found: Submitted | None) -> None:
        where = ascii(f"{found.origin[:200]} {found.size}") if found else "no log"
        self._tell(f"refused {refused.status} {where}: {refused.why}")
        if refused.evidence and found is not None:
            self._home.remember(refused, found, int(self._clock()))

    def _decide(self, found: Submitted) -> str:
        known = self._home.known(found.origin)
        if known is None:
            raise Refused(404, "This log is not known here.")
        if not is_signed(found, [read_key(one) for one in known.keys]):
            raise Refused(403, "The checkpoint is signed by no key of this log that is known here.")
        if found.old > found.size:
            raise Refused(400, "The old size is beyond the checkpoint's.")
        with self._home.locked():
            known = self._home.known(found.origin) or known
            _check(found, known)
            at = max(int(self._clock()), known.at)
            line = self._signer.line(found.body, at)
            self._home.keep(found.origin, Known(known.keys, found.size, found.root, found.note, at))
        return line


def _check(found: Submitted, known: Known) -> None:
    """What must hold between what was last cosigned and what is to be now. Raises Refused."""
    if found.old != known.size:
        behind = found.size < known.size
        why = f"{known.size} entries were cosigned, not {found.old}."
        raise Refused(409, why, size=known.size, evidence=behind and found.old == found.size)
    if found.size == known.size and found.root != known.root:
        raise Refused(409, "As many entries were cosigned with another root.", size=known.size, evidence=True)
    if not consistent(found.old, found.size, found.proof, known.root, found.root):
        raise Refused(422, "It is not shown to continue what was cosigned.", evidence=True)


# --- HTTP ------------------------------------------------------------------------------------------


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """At most CONNECTIONS_MOST at once; each is ended after WHOLE_SECONDS whatever it does."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], witness: Witness) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, Handler)
        self.witness = witness
        self._free = threading.BoundedSemaphore(CONNECTIONS_MOST)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread could be had, and so none gives the place back
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        ends = threading.Timer(WHOLE_SECONDS, _cut, [request])
        ends.daemon = True
        ends.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            ends.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's signature
        sys.stderr.write(f"a connection was lost: {type(sys.exc_info()[1]).__name__}\n")


def _cut(request: socket.socket) -> None:
    with contextlib.suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "witness", ""
    timeout = QUIET_SECONDS
    server: Server

    def do_POST(self) -> None:
        try:
            if self.path != "/add-checkpoint":
                raise Refused(404, "There is only /add-checkpoint here.")  # noqa: TRY301 - answered below as all others
            self._answer(200, "text/plain; charset=utf-8", self.server.witness.add_checkpoint(self._body()))
        except Refused as refused:
            if refused.size is None:
                self._answer(refused.status, "text/plain; charset=utf-8", refused.why + "\n")
            else:
                self._answer(refused.status, SIZE_TYPE, f"{refused.size}\n")
        except (OSError, Problem) as error:
            if isinstance(error, TimeoutError | ConnectionError):
                raise
            sys.stderr.write(f"nothing was cosigned: {error}\n")
            self._answer(500, "text/plain; charset=utf-8", "What is known here cannot be read or kept now.\n")

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not re.fullmatch(r"[0-9]{1,9}", length, re.ASCII):
            self.close_connection = True
            raise Refused(411, "The length of the request must be given.")
        if int(length) > BODY_MOST:
            self.close_connection = True
            raise Refused(413, "The request is longer than any can be.")
        data = self.rfile.read(int(length))
        if len(data) != int(length):
            self.close_connection = True
            raise Refused(400, "The request ended before its end.")
        return data

    def _answer(self, status: int, kind: str, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        if self.close_connection:
            self._let_go()

    def _let_go(self) -> None:
        """What is still on its way is taken and dropped, or the connection's end would take the answer with it."""
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            left = DROPPED_MOST
            while left > 0 and (data := self.connection.recv(1 << 16)):
                left -= len(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's signature
        """Refusals are told with their reason; what went well is in `status`."""


# --- the command -----------------------------------------------------------------------------------


def main(words: Sequence[str] | None = None, tell: Callable[[str], object] = print) -> int:
    """0 done, 1 with one sentence on standard error, 2 when asked wrongly."""
    given = _parser().parse_args(words)
    try:
        return int(_COMMANDS[given.command](Home(given.home), given, tell))
    except (Problem, OSError) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="witness", description="Cosign the checkpoints of logs that keep one story."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    at_home = Path(os.environ.get("WITNESS_HOME", "witness"))
    for name, said in (
        ("init", "make a key"),
        ("add-log", "cosign this log"),
        ("run", "serve"),
        ("status", "what was cosigned"),
    ):
        one = commands.add_parser(name, help=said)
        one.add_argument(
            "--home", type=Path, default=at_home, help="the witness's folder (WITNESS_HOME, ./witness)"
        )
        if name == "init":
            one.add_argument("--name", required=True, help="a name of yours, such as witness.example/mappa")
        if name == "add-log":
            one.add_argument("key", metavar="VKEY", help="the log's verifier key")
        if name == "run":
            one.add_argument("--listen", metavar="HOST:PORT", default="127.0.0.1:8181")
        if name == "status":
            one.add_argument("--json", action="store_true")
    return parser


def _init(home: Home, given: argparse.Namespace, tell: Callable[[str], object]) -> int:
    tell(home.make(given.name))
    return 0


def _add_log(home: Home, given: argparse.Namespace, tell: Callable[[str], object]) -> int:
    tell(f"Cosigning {home.add_log(given.key)}.")
    return 0


def _run(home: Home, given: argparse.Namespace, tell: Callable[[str], object]) -> int:
    host, _, port = given.listen.rpartition(":")
    if not host or not re.fullmatch(r"[0-9]{1,5}", port, re.ASCII) or int(port) >= 1 << 16:
        raise Problem("--listen wants an address and a port, such as 127.0.0.1:8181.")
    witness = Witness(home, tell=lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201 - its log
    with Server((host.strip("[]"), int(port)), witness) as server:
        bound = server.server_address[1]
        tell(f"Witness {witness.name} listens on {host}:{bound}, for {len(home.origins())} logs.")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
    return 0


def _status(home: Home, given: argparse.Namespace, tell: Callable[[str], object]) -> int:
    found: list[dict[str, Any]] = []
    for origin in home.origins():
        known = home.known(origin) or Known(())
        found.append(
            {"origin": origin, "size": known.size, "at": known.at or None, "note": known.note or None}
        )
    if given.json:
        tell(json.dumps({"key": home.signer().text, "logs": found}))
        return 0
    tell(home.signer().text)
    for one in found:
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(one["at"])) if one["at"] else "never"
        tell(f"{one['origin']}: {one['size']} entries, cosigned {when}")
    return 0


_COMMANDS: dict[str, Callable[[Home, argparse.Namespace, Callable[[str], object]], int]] = {
    "init": _init, "add-log": _add_log, "run": _run, "status": _status,
}  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
