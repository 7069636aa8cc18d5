"""How an entry is written down and hashed: pure. The whole format is docs/log-format.md.

A leaf is the RFC 8785 (canonical JSON) text of an entry. It holds no private value, only a salted commitment to each,
so that one can be opened to a court while the others stay closed.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import rfc8785

from hub.access.actor import Actor
from hub.ledger import tree
from hub.ledger.events import Event

LEAF_VERSION = 2
SALT_SIZE = 16
NO_HEAD = bytes(tree.HASH_SIZE)
"""The head of a case without entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an entry stands: its number in the area's log and, of a case, in that case's."""

    sequence: int
    case: str | None
    case_sequence: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens one commitment: RFC 8785 values only. `salt` is None in entries of version 1, which had none."""

    salt: bytes | None
    value: Any


def openings(private: Mapping[str, Any]) -> dict[str, Opening]:
    """Each value with a fresh salt."""
    return {name: Opening(os.urandom(SALT_SIZE), value) for name, value in private.items()}


def commitment(name: str, opening: Opening) -> str:
    if opening.salt is None:
        raise ValueError("a private value of version 1 has no commitment of its own")
    return hashlib.sha256(b"mappa-hub/private/1\x00" + opening.salt + _pair(name, opening.value)).hexdigest()


def _pair(name: str, value: Any) -> bytes:
    if type(value) is str:
        return f"[{_ENCODER.encode(name)},{_ENCODER.encode(value)}]".encode()
    return canonical([name, value])


def opened_text(private: Mapping[str, Opening]) -> bytes:
    """What is sealed beside the entry."""
    listed = {name: [(one.salt or b"").hex(), one.value] for name, one in private.items()}
    return _OPENED.encode(listed).encode()


_OPENED = json.JSONEncoder(ensure_ascii=False)


def opened_from(data: bytes, *, version: int) -> dict[str, Opening]:
    """The openings that `opened_text` wrote; of version 1 the values alone."""
    listed = json.loads(data)
    if version == 1:
        return {name: Opening(None, value) for name, value in listed.items()}
    return {name: Opening(bytes.fromhex(salt), value) for name, (salt, value) in listed.items()}


def leaf(actor: Actor, event: Event, place: Place, private: Mapping[str, Opening]) -> str:
    """The canonical text; of `private` only the commitments go in."""
    fields = _plain(event.public())
    body: dict[str, Any] = {
        "v": LEAF_VERSION,
        "area": actor.area,
        "seq": place.sequence,
        "case": place.case,
        "case_seq": place.case_sequence,
        "at": place.at.isoformat(timespec="microseconds"),
        "actor": actor.account,
        "role": actor.role,
        "agency": actor.agency,
        "session": actor.session,
        "event": event.name,
        "operation": event.operation,
        "outcome": event.outcome,
        "fields": fields,
        "private": {name: commitment(name, one) for name, one in private.items()},
    }
    return _ENCODER.encode(body) if _is_plain(fields) else rfc8785.dumps(body).decode()  # the rest is plain


def canonical(value: Any) -> bytes:
    """RFC 8785. The standard library's encoder, in C, writes the same where no number is fractional or large and keys are ASCII.

    Raises ValueError for what has no canonical form.
    """
    if _is_plain(value):
        return _ENCODER.encode(value).encode()
    return rfc8785.dumps(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
_MOST = 2**53 - 1


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind is int:
        return bool(-_MOST <= value <= _MOST)
    if kind is dict:
        return _named_in_ascii(value) and _all_plain(value.values())
    if kind is list:
        return _all_plain(value)
    return isinstance(value, str) or kind in _SIMPLE


_SIMPLE = frozenset({str, bool, type(None)})


def _all_plain(values: Iterable[Any]) -> bool:
    return all(_is_plain(one) for one in values if type(one) not in _SIMPLE)


def _named_in_ascii(members: dict[Any, Any]) -> bool:
    try:
        return "".join(members).isascii()
    except TypeError:
        return False


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}


def leaf_hash(text: str) -> bytes:
    return tree.leaf_hash(text.encode())


def case_link(head: bytes, hashed: bytes) -> bytes:
    """The head of a case once the entry of leaf hash `hashed` was added to it."""
    return hashlib.sha256(b"\x02" + head + hashed).digest()


def head_leaf(case: str, entries: int, head: bytes) -> bytes:
    """The leaf of a case in the tree of case heads."""
    return canonical({"case": case, "entries": entries, "head": head.hex()})
