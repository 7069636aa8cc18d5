"""DOCX and ODT are zip archives: what their directory says, with limits before anything is inflated."""

import struct
import zipfile
from typing import BinaryIO

from hub.documents.reader.results import Kind, Reason, Refused

MOST_MEMBERS = 5_000
MOST_DIRECTORY_BYTES = 1024 * 1024
MOST_UNPACKED_BYTES = 500 * 1024 * 1024
MOST_RATIO = 120
"""Unpacked to packed. Word's XML reaches 30; a bomb starts at some hundreds."""
RATIO_FREE_BYTES = 1024 * 1024
"""Members smaller than this may have any ratio: they harm nobody."""

_END = b"PK\x05\x06"
_END_RECORD = struct.Struct("<4s4H2LH")
_LONGEST_COMMENT = 65535
_ZIP64 = b"PK\x06\x07"
_ODT_TYPE = b"application/vnd.oasis.opendocument.text"
_ENCRYPTED_FLAG = 1

_BOMB = "This file would unpack to far more than a document holds, so it is not taken. Save it as a PDF and upload that."
_DAMAGED = "This file is damaged: its list of contents cannot be read. Save it again and upload that copy."
_NO_DOCUMENT = "This is a zip archive, not a document. Unpack it and upload the documents in it one by one."


def document_kind(reader: BinaryIO) -> Kind:
    """DOCX or ODT; raise Refused for any other archive, a damaged one, an encrypted one or a bomb."""
    with opened(reader) as archive:
        names = set(archive.namelist())
        if {"[Content_Types].xml", "word/document.xml"} <= names:
            return Kind.DOCX
        if {"mimetype", "content.xml"} <= names and _stored(archive, "mimetype") == _ODT_TYPE:
            return Kind.ODT
    raise Refused(Reason.NOT_A_DOCUMENT, _NO_DOCUMENT)


def opened(reader: BinaryIO) -> zipfile.ZipFile:
    """The archive, its directory checked against the limits; raise Refused."""
    _check_directory(reader)
    try:
        archive = zipfile.ZipFile(reader)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, struct.error):
        raise Refused(Reason.BROKEN, _DAMAGED) from None
    _check_members(archive.infolist())
    return archive


def _check_directory(reader: BinaryIO) -> None:
    """The end record, read by hand: zipfile would make an object of each of a million entries first."""
    size = reader.seek(0, 2)
    start = max(0, size - _END_RECORD.size - _LONGEST_COMMENT)
    reader.seek(start)
    tail = reader.read(size - start)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_RECORD.size:
        raise Refused(Reason.BROKEN, _DAMAGED)
    _, _, _, _, members, directory, _, _ = _END_RECORD.unpack_from(tail, at)
    if members > MOST_MEMBERS or directory > MOST_DIRECTORY_BYTES or _ZIP64 in tail[:at]:
        raise Refused(Reason.BOMB, _BOMB)


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    if any(member.flag_bits & _ENCRYPTED_FLAG for member in members):
        raise Refused(
            Reason.ENCRYPTED,
            "This file is protected with a password. Save a copy without it and upload that.",
        )
    unpacked = sum(member.file_size for member in members)
    if len(members) > MOST_MEMBERS or unpacked > MOST_UNPACKED_BYTES or any(map(_is_bomb, members)):
        raise Refused(Reason.BOMB, _BOMB)
    if unpacked > MOST_RATIO * max(sum(m.compress_size for m in members), RATIO_FREE_BYTES):
        raise Refused(Reason.BOMB, _BOMB)


def _is_bomb(member: zipfile.ZipInfo) -> bool:
    return member.file_size > max(RATIO_FREE_BYTES, MOST_RATIO * member.compress_size)


def _stored(archive: zipfile.ZipFile, name: str) -> bytes:
    """A short member that is not compressed, as ODT asks of its `mimetype`; empty when it is."""
    member = archive.getinfo(name)
    if member.compress_type != zipfile.ZIP_STORED or member.file_size > len(_ODT_TYPE) + 2:
        return b""
    try:
        return archive.read(member).strip()
    except (zipfile.BadZipFile, EOFError, ValueError):
        return b""
