"""Opaque ids: 26 characters of base32 (128 random bits), and the only test of their shape."""

import re
from base64 import b32encode
from hashlib import sha256

from storage.names import new_id

__all__ = ["ID_LENGTH", "id_from", "is_id", "new_id"]

ID_LENGTH = 26
_SHAPE = re.compile(r"[a-z2-7]{26}\Z")


def is_id(text: str) -> bool:
    return _SHAPE.match(text) is not None


def id_from(*named: str) -> str:
    """The same id for the same names, and unguessable where one of them is: a form sent twice makes one thing."""
    text = "".join(f"{len(name)}:{name}" for name in named)
    return b32encode(sha256(text.encode()).digest()[:16]).decode().rstrip("=").lower()
