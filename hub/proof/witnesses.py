"""Witnesses asked to cosign: c2sp.org/tlog-witness, `POST <url>/add-checkpoint`. They are others' machines: short waits, and no answer is no fault."""

import base64
import http.client
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog

from hub.ledger.notes import COSIGNATURE, BadNote, Checkpoint, Line, Note, VerifierKey

SECONDS = 2.0
LONGEST = 16 * 1024
TRIES = 2
OK, CONFLICT = 200, 409

Proof = Callable[[int], list[bytes]]
"""From the size that a witness knows to that of the checkpoint."""
log = structlog.get_logger("hub.witnesses")


class Unanswered(Exception):  # noqa: N818 - named for what is the case
    """No cosignature was had; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    url: str
    key: VerifierKey


def witness(url: str, key: str) -> Witness:
    """Raises BadNote unless the key is a witness's."""
    parsed = VerifierKey.parse(key)
    if parsed.algorithm != COSIGNATURE:
        raise BadNote("A witness's verifier key is of type 04.")
    return Witness(url=url, key=parsed)


class Witnesses:
    """`cosign` asks all of them at once. What each knows of which log is kept in memory and asked again after a restart."""

    def __init__(self, listed: Sequence[Witness] = ()) -> None:
        self._listed = tuple(listed)
        self._known: dict[tuple[str, str], int] = {}

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        return tuple(one.key for one in self._listed)

    def cosign(self, note: Note, proof: Proof) -> list[Line]:
        """The lines that were had, each verified, within some seconds."""
        found: list[Line] = []

        def ask(one: Witness) -> None:
            try:
                found.append(self._asked(one, note, proof))
            except (OSError, http.client.HTTPException, Unanswered, BadNote) as error:
                log.warning(
                    "witness did not cosign", witness=one.key.name, why=str(error) or type(error).__name__
                )

        asking = [threading.Thread(target=ask, args=(one,), daemon=True) for one in self._listed]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join(SECONDS * TRIES * 2)
        return list(found)

    def _asked(self, one: Witness, note: Note, proof: Proof) -> Line:
        said = Checkpoint.parse(note.text)
        mark = (one.key.name, said.origin)
        for _ in range(TRIES):
            status, answer = _post(one.url, _body(self._known.get(mark, 0), proof, note))
            if status == CONFLICT and answer.strip().isdigit() and int(answer) <= said.size:
                self._known[mark] = int(answer)
                continue
            if status != OK:
                raise Unanswered(f"it answered {status}")
            line = _line_of(one.key, note, answer)
            self._known[mark] = said.size
            return line
        raise Unanswered("it knows another size each time")


def _body(old: int, proof: Proof, note: Note) -> bytes:
    hashes = "".join(base64.b64encode(node).decode() + "\n" for node in proof(old))
    return f"old {old}\n{hashes}\n{note}".encode()


def _line_of(key: VerifierKey, note: Note, answer: str) -> Line:
    lines = tuple(Line.parse(line) for line in answer.splitlines() if line)
    found = Note(note.text, lines).signature_of(key)
    if found is None:
        raise Unanswered("its answer is not signed with its key")
    return found


def _post(url: str, body: bytes) -> tuple[int, str]:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=SECONDS)
    try:
        connection.request("POST", f"{parts.path}/add-checkpoint", body, {"Content-Type": "text/plain"})
        answer = connection.getresponse()
        return answer.status, answer.read(LONGEST).decode("utf-8", "replace")
    finally:
        connection.close()
