"""The text of a DOCX in reading order: headers, body with tables, notes, comments, footers."""

import io
import re
from collections.abc import Iterator

from lxml.etree import _Element

from hub.documents.reader import container
from hub.documents.reader.blocks import Block, body, heading, row
from hub.documents.reader.results import Reason, Refused
from hub.documents.reader.xml import attribute, children, part, tag

_HEADING = re.compile(r"heading ?([1-9])")
_SKIPPED = frozenset(
    {"Fallback", "del", "moveFrom", "instrText", "delText", "pPr", "rPr", "tblPr", "tcPr", "sectPr"}
)
_INLINE = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_CHECKBOX = {"checkBox", "checkbox"}


def read(data: bytes) -> Iterator[Block]:
    with container.opened(io.BytesIO(data)) as archive:
        document = part(archive, "word/document.xml")
        if document is None:
            raise Refused(
                Reason.NOT_A_DOCUMENT, "This file says it is a Word document, but holds no text part."
            )
        levels = _levels(part(archive, "word/styles.xml"))
        names = sorted(archive.namelist())
        yield from _once(
            block for name in _parts(names, "header") for block in _blocks(part(archive, name), levels)
        )
        yield from _blocks(document, levels)
        for kind, title in (
            ("footnotes", "Notes"),
            ("endnotes", "Notes at the end"),
            ("comments", "Comments"),
        ):
            yield from _titled(title, list(_blocks(part(archive, f"word/{kind}.xml"), levels)))
        yield from _once(
            block for name in _parts(names, "footer") for block in _blocks(part(archive, name), levels)
        )


def _parts(names: list[str], kind: str) -> list[str]:
    return [name for name in names if re.fullmatch(rf"word/{kind}[0-9]*\.xml", name)]


def _once(found: Iterator[Block]) -> Iterator[Block]:
    """A header stands in the archive up to three times: first page, odd and even."""
    return iter(dict.fromkeys(block for block in found if any(cell.strip() for cell in block.cells)))


def _titled(title: str, found: list[Block]) -> Iterator[Block]:
    if any(cell.strip() for block in found for cell in block.cells):
        yield heading(title, 3)
        yield from found


def _levels(styles: _Element | None) -> dict[str, int]:
    """Heading level by style id: ids are translated by Word, names are not."""
    levels = {}
    for style in () if styles is None else children(styles, "style"):
        name = next((attribute(n, "val").lower() for n in children(style, "name")), "")
        if found := _HEADING.fullmatch(name):
            levels[attribute(style, "styleId")] = int(found[1]) + 1
        elif name == "title":
            levels[attribute(style, "styleId")] = 1
    return levels


def _blocks(element: _Element | None, levels: dict[str, int]) -> Iterator[Block]:
    for child in () if element is None else element:
        name = tag(child)
        if name == "p":
            yield _paragraph(child, levels)
        elif name == "tbl":
            yield from (row(_cells(line)) for line in _rows(child))
        elif name not in _SKIPPED:
            yield from _blocks(child, levels)


def _paragraph(element: _Element, levels: dict[str, int]) -> Block:
    text = _text(element)
    for properties in children(element, "pPr"):
        for style in children(properties, "pStyle"):
            level = levels.get(attribute(style, "val"))
            if level and text.strip():
                return heading(text, level)
        if text.strip() and next(children(properties, "numPr"), None) is not None:
            return body(f"\u2022 {text}")
    return body(text)


def _rows(table: _Element) -> Iterator[_Element]:
    for child in table:
        if tag(child) == "tr":
            yield child
        elif tag(child) not in _SKIPPED:
            yield from _rows(child)


def _cells(line: _Element) -> Iterator[str]:
    for child in line:
        if tag(child) == "tc":
            yield "\n".join(" \u00b7 ".join(block.cells) for block in _blocks(child, {})).strip()
        elif tag(child) not in _SKIPPED:
            yield from _cells(child)


def _text(element: _Element) -> str:
    return "".join(_pieces(element))


def _pieces(element: _Element) -> Iterator[str]:
    for child in element:
        name = tag(child)
        if name == "t":
            yield child.text or ""
        elif name in _INLINE:
            yield _INLINE[name]
        elif name == "txbxContent":
            yield "\n" + "\n".join(_text(inner) for inner in children(child, "p")) + "\n"
        elif name in _CHECKBOX:
            yield _box(child)
        elif name not in _SKIPPED:
            yield from _pieces(child)


def _box(element: _Element) -> str:
    ticked = any(attribute(c, "val") not in ("0", "false") for c in children(element, "checked"))
    return "[x] " if ticked else "[ ] "
