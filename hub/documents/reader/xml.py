"""XML out of an archive, with the teeth drawn: no DTD, no entities, no network, bounded size and depth."""

import zipfile
import zlib
from collections.abc import Iterator

from lxml import etree

from hub.documents.reader.results import Reason, Refused

MOST_XML_BYTES = 48 * 1024 * 1024

_HOSTILE = "This file defines its own XML entities, as no word processor does, so it is not taken."
_DAMAGED = "This file is damaged: its text cannot be read. Save it again and upload that copy."
_TOO_LARGE = "The text inside this file is too large to read. Split it, or save it as a PDF."


def part(archive: zipfile.ZipFile, name: str) -> etree._Element | None:
    """The root of one member, None if there is no such member; raise Refused if it cannot be trusted or read."""
    try:
        member = archive.getinfo(name)
    except KeyError:
        return None
    if member.file_size > MOST_XML_BYTES:
        raise Refused(Reason.TOO_LARGE, _TOO_LARGE)
    try:
        return parsed(archive.read(member))
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError, zlib.error):
        raise Refused(Reason.BROKEN, _DAMAGED) from None


def parsed(data: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        reason = Reason.HOSTILE_XML if b"<!ENTITY" in data else Reason.BROKEN
        raise Refused(reason, _HOSTILE if reason is Reason.HOSTILE_XML else _DAMAGED) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise Refused(Reason.HOSTILE_XML, _HOSTILE)
    return root


def tag(element: etree._Element) -> str:
    """The local name; empty for comments and processing instructions."""
    return str(element.tag).rpartition("}")[2] if isinstance(element.tag, str) else ""


def attribute(element: etree._Element, name: str) -> str:
    """By local name: the namespaces of a hostile file prove nothing."""
    return next((str(v) for k, v in element.attrib.items() if str(k).rpartition("}")[2] == name), "")


def children(element: etree._Element, *names: str) -> Iterator[etree._Element]:
    return (child for child in element if tag(child) in names)
