"""The text of an ODT in reading order: header, body with lists and tables, footer."""

import io
from collections.abc import Iterator

from lxml.etree import _Element

from hub.documents.reader import container
from hub.documents.reader.blocks import Block, body, heading, row
from hub.documents.reader.results import Reason, Refused
from hub.documents.reader.xml import attribute, children, part, tag

_SKIPPED = frozenset({"tracked-changes", "sequence-decls", "forms", "annotation-end", "bookmark"})
_OWN_LINES = frozenset({"p", "h", "table-row", "list-item"})
"""Of a text box or a note within a paragraph."""
_MOST_SPACES = 100


def read(data: bytes) -> Iterator[Block]:
    with container.opened(io.BytesIO(data)) as archive:
        manifest = part(archive, "META-INF/manifest.xml")
        if manifest is not None and any(tag(e) == "encryption-data" for e in manifest.iter()):
            raise Refused(Reason.ENCRYPTED, "This file is protected with a password. Save a copy without it.")
        content, styles = part(archive, "content.xml"), part(archive, "styles.xml")
        text = None if content is None else next((e for e in content.iter() if tag(e) == "text"), None)
        if text is None:
            raise Refused(
                Reason.NOT_A_DOCUMENT, "This file says it is an OpenDocument text, but holds no text."
            )
        yield from _around(styles, "header")
        yield from _blocks(text)
        yield from _around(styles, "footer")


def _around(styles: _Element | None, name: str) -> Iterator[Block]:
    """Headers or footers of the page styles, each text once."""
    found = () if styles is None else (e for e in styles.iter() if tag(e) == name)
    every = (block for element in found for block in _blocks(element))
    return iter(dict.fromkeys(block for block in every if any(cell.strip() for cell in block.cells)))


def _blocks(element: _Element, bullet: str = "") -> Iterator[Block]:
    for child in element:
        name = tag(child)
        if name == "h":
            yield _heading(child)
        elif name == "p":
            yield body(bullet + _text(child))
        elif name == "table-row":
            yield row("\n".join(_cell(c)).strip() for c in children(child, "table-cell"))
        elif name not in _SKIPPED:
            yield from _blocks(child, "\u2022 " if name == "list-item" else bullet)


def _heading(element: _Element) -> Block:
    level = attribute(element, "outline-level")
    return heading(_text(element), int(level) + 1 if level.isdecimal() and len(level) == 1 else 3)


def _cell(element: _Element) -> Iterator[str]:
    return (" \u00b7 ".join(block.cells) for block in _blocks(element))


def _text(element: _Element) -> str:
    return "".join(_pieces(element))


def _pieces(element: _Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        name = tag(child)
        if name == "s":
            yield " " * _count(child)
        elif name in ("tab", "line-break"):
            yield "\t" if name == "tab" else "\n"
        elif name == "annotation":
            yield f" [comment: {' '.join(_text(p) for p in children(child, 'p'))}] "
        elif name in _OWN_LINES:
            yield f"\n{_text(child)}\n"
        elif name and name not in _SKIPPED:
            yield from _pieces(child)
        yield child.tail or ""


def _count(element: _Element) -> int:
    said = attribute(element, "c")
    return min(int(said), _MOST_SPACES) if said.isdecimal() and len(said) <= 3 else 1  # noqa: PLR2004 - digits of _MOST_SPACES
