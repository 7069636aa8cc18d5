"""Opaque ids: 26 characters of base32 (128 random bits), and the only test of their shape."""

import re

from storage.names import new_id

__all__ = ["ID_LENGTH", "is_id", "new_id"]

ID_LENGTH = 26
_SHAPE = re.compile(r"[a-z2-7]{26}\Z")


def is_id(text: str) -> bool:
    return _SHAPE.match(text) is not None
