"""How an entry is written down and hashed: pure.

A leaf is the RFC 8785 (canonical JSON) text of an entry; its hash is RFC 6962's leaf hash,
SHA-256(0x00 || leaf). Entries are chained: SHA-256(previous chain || leaf hash), from 32 zero bytes.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import rfc8785

from hub.access.actor import Actor
from hub.ledger.events import Event

GENESIS = bytes(32)
LEAF_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an entry stands: its number in the area's log and, of a case, in that case's."""

    sequence: int
    case_sequence: int | None
    at: datetime


def leaf(actor: Actor, event: Event, place: Place, sealed: bytes | None) -> str:
    """The canonical text; `sealed` is the private part, of which only the hash goes in."""
    body: dict[str, Any] = {
        "v": LEAF_VERSION,
        "area": actor.area,
        "seq": place.sequence,
        "case_seq": place.case_sequence,
        "at": place.at.isoformat(timespec="microseconds"),
        "actor": actor.account,
        "role": actor.role.value if actor.role else None,
        "agency": actor.agency,
        "session": actor.session,
        "event": event.name,
        "operation": event.operation.value if event.operation else None,
        "outcome": event.outcome.value,
        "fields": _plain(event.public()),
        "sealed": hashlib.sha256(sealed).hexdigest() if sealed else None,
    }
    return rfc8785.dumps(body).decode()


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}


def leaf_hash(text: str) -> bytes:
    return hashlib.sha256(b"\x00" + text.encode()).digest()


def link(chain: bytes, hashed: bytes) -> bytes:
    return hashlib.sha256(chain + hashed).digest()


def first_break(
    entries: Iterable[tuple[int, str, bytes]], *, chain: bytes = GENESIS, start: int = 1
) -> int | None:
    """The first sequence number at which `(sequence, leaf, chain)` does not follow, or None.

    A shortened log is not seen here: compare the end with a head kept elsewhere.
    """
    expected = start
    for sequence, text, claimed in entries:
        chain = link(chain, leaf_hash(text))
        if sequence != expected or claimed != chain:
            return expected
        expected += 1
    return None
