"""What a text document is made of, whatever format it came in: headings, paragraphs and table rows, in reading order."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from hub.documents.reader.results import Reason, Refused

MOST_CHARACTERS = 3_000_000
"""Of one document that is not a PDF: some thousand pages."""


class Style(Enum):
    TITLE = 1
    HEADING = 2
    MINOR = 3
    BODY = 4
    ROW = 5


@dataclass(frozen=True, slots=True)
class Block:
    """`cells` has one text, or for a ROW one for each column. Texts may hold newlines."""

    style: Style
    cells: tuple[str, ...]


def body(text: str) -> Block:
    return Block(Style.BODY, (text,))


def heading(text: str, level: int = 2) -> Block:
    """`level` 1 is the document's title; below 3 all look alike."""
    return Block(Style(min(max(level, 1), 3)), (text,))


def row(cells: Iterable[str]) -> Block:
    return Block(Style.ROW, tuple(cells))


def bounded(blocks: Iterable[Block]) -> list[Block]:
    """All of them, their texts cleaned; raise Refused above MOST_CHARACTERS."""
    kept, total = [], 0
    for block in blocks:
        cells = tuple(visible(cell) for cell in block.cells)
        total += sum(map(len, cells)) + 1
        if total > MOST_CHARACTERS:
            raise Refused(
                Reason.TOO_LARGE, f"This file has more than {MOST_CHARACTERS:,} characters of text. Split it."
            )
        kept.append(Block(block.style, cells))
    return kept


def visible(text: str) -> str:
    """NFC, newlines alone as line ends; control, bidi and zero-width characters are left out."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii() and text.isprintable():
        return text
    kept = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Cn"))
    return unicodedata.normalize("NFC", kept)
