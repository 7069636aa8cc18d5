"""What passes between the reader's client and its children, and how each side checks it.

A request is one JSON message on a SOCK_SEQPACKET socket with three descriptors: input (read only), output (a memory
file) and the pipe on which the outcome comes. The output is `length of JSON (4 bytes, big endian) | JSON | bytes`.
The client believes nothing in it: a child that has been taken over writes there what it likes.
"""

import json
import os
import struct
from collections.abc import Mapping
from typing import BinaryIO

REQUEST_BYTES = 65536
HEAD_BYTES = 64 * 1024 * 1024
"""The most JSON a job may answer with; the texts of a thousand pages are some 5 MiB."""
_LENGTH = struct.Struct(">I")

Head = dict[str, object]


class Garbled(Exception):  # noqa: N818 - never shown: the client turns it into its own refusal
    """The child's answer is not of the agreed form."""


def write_answer(output: BinaryIO, head: Mapping[str, object], body: bytes = b"") -> None:
    packed = json.dumps(head, ensure_ascii=True).encode()
    output.write(_LENGTH.pack(len(packed)))
    output.write(packed)
    output.write(body)


def read_answer(fd: int) -> tuple[Head, bytes]:
    """Raise Garbled unless the memory file holds one answer."""
    size = os.fstat(fd).st_size
    length = _LENGTH.unpack(_exactly(fd, _LENGTH.size, 0))[0] if size >= _LENGTH.size else HEAD_BYTES + 1
    start = _LENGTH.size + length
    if length > HEAD_BYTES or start > size:
        raise Garbled
    return _object(_exactly(fd, length, _LENGTH.size)), _exactly(fd, size - start, start)


def _object(packed: bytes) -> Head:
    try:
        head = json.loads(packed)
    except (ValueError, RecursionError) as error:
        raise Garbled from error
    if not isinstance(head, dict):
        raise Garbled
    return head


def _exactly(fd: int, count: int, offset: int) -> bytes:
    parts = []
    while count:
        part = os.pread(fd, count, offset)
        if not part:
            raise Garbled
        parts.append(part)
        offset, count = offset + len(part), count - len(part)
    return b"".join(parts)
