"""What a statement is, as pure text: two parts, and the hash that an agreement is bound to."""

import hashlib
import unicodedata
from enum import StrEnum


class Part(StrEnum):
    """Both are conditions of taking part; each is agreed for itself (domain rule 9)."""

    CONFIDENTIALITY = "confidentiality"
    EQUALITY = "equality"

    @property
    def label(self) -> str:
        return {"confidentiality": "Confidentiality", "equality": "Equality and diversity"}[self.value]


PARTS = (Part.CONFIDENTIALITY, Part.EQUALITY)


def statement_hash(number: int, confidentiality: str, equality: str) -> str:
    """SHA-256 (hex) of the UTF-8 text `statement <number>`, LF, each part's length in bytes, LF, the part."""
    digest = hashlib.sha256(f"statement {number}\n".encode())
    for part in (confidentiality, equality):
        data = part.encode()
        digest.update(f"{len(data)}\n".encode() + data)
    return digest.hexdigest()


def tidy(text: str) -> str:
    """One way of writing line ends and edges, so that a browser's form does not change the hash; nothing that hides.

    Control and direction characters would have people agree a text other than the one that they saw.
    """
    shown = "".join(c for c in text if c in "\r\n\t" or unicodedata.category(c)[0] != "C")
    lines = [line.rstrip() for line in shown.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return "\n".join(lines).strip()
