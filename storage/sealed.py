"""The sealed-object format, pure: Google Tink's AES-GCM-HKDF streaming, template AES256_GCM_HKDF_1MB.

Written down in docs/sealed-format.md. Any implementation of Tink's streaming AEAD reads what is written
here, given the object's 32-byte key and its associated data. Nothing here knows stores, cases or people.
"""

import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.beside import Beside
from storage.errors import Tampered

KEY_SIZE = 32
SEGMENT = 1 << 20
TAG = 16
SALT = 32
PREFIX = 7
HEADER = 1 + SALT + PREFIX
FIRST_ROOM = SEGMENT - HEADER - TAG
ROOM = SEGMENT - TAG
MAX_SEGMENTS = 1 << 32
CHUNK = 256 * 1024

Bytes: TypeAlias = bytes | bytearray | memoryview

_ALTERED = "This object is not as it was sealed, so nothing of it can be shown."


class Sink(Protocol):
    def write(self, data: memoryview, /) -> object: ...


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class IntoReadable(Protocol):
    def readinto(self, buffer: memoryview, /) -> int | None: ...


class Source(Protocol):
    """Sealed bytes that can be read anywhere. Its length must not change while it is read."""

    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def readinto(self, buffer: memoryview, /) -> int | None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    size: int
    sealed_size: int


def sealed_length(size: int) -> int:
    """Length in bytes of the sealed form of ``size`` bytes."""
    return HEADER + size + TAG * _segments_for(size)


def new_object_key() -> bytes:
    return os.urandom(KEY_SIZE)


class Sealer:
    """Seals what is written to it, as it comes, with four segments of memory.

    The last segment is marked as the last, so nothing is complete before ``finish``. The sink is neither
    flushed nor closed here. After an error of the sink nothing more can be written. Buffers are used in turns:
    what the sink is given stays as it is until it was given the next but one.
    """

    def __init__(self, sink: Sink, key: bytes, associated_data: bytes) -> None:
        salt, self._prefix = os.urandom(SALT), os.urandom(PREFIX)
        self._cipher = _derive(key, salt, associated_data)
        self._sink = sink
        self._plain, self._next_plain = memoryview(bytearray(ROOM)), memoryview(bytearray(ROOM))
        self._out, self._next_out = memoryview(bytearray(SEGMENT)), memoryview(bytearray(SEGMENT))
        self._filled, self._room, self._index = 0, FIRST_ROOM, 0
        self._size, self.sealed_size = 0, 0
        self._finished = False
        self._send(memoryview(bytes([HEADER]) + salt + self._prefix))

    def write(self, data: Bytes) -> int:
        self._refuse_finished()
        rest = memoryview(data).cast("B")
        while len(rest):
            if self._filled == self._room:
                self._seal(last=False)
            taken = min(len(rest), self._room - self._filled)
            self._plain[self._filled : self._filled + taken] = rest[:taken]
            self._filled += taken
            rest = rest[taken:]
        return memoryview(data).nbytes

    def take(self, source: IntoReadable) -> memoryview:
        """Read once from ``source`` straight into the segment; what was read, empty at the end.

        The view is good until the segment after its own is begun. This saves two copies of every byte
        against ``write``.
        """
        self._refuse_finished()
        if self._filled == self._room:
            self._seal(last=False)
        free = self._plain[self._filled : self._room]
        got = source.readinto(free) or 0
        self._filled += got
        return free[:got].toreadonly()

    def finish(self) -> Totals:
        self._refuse_finished()
        self._seal(last=True)
        return Totals(size=self._size, sealed_size=self.sealed_size)

    def _seal(self, *, last: bool) -> None:
        out = self._out[: self._filled + TAG]
        nonce = _nonce(self._prefix, self._index, last=last)
        self._finished = True
        self._cipher.encrypt_into(nonce, self._plain[: self._filled], None, out)
        self._send(out)
        self._finished = last
        self._size += self._filled
        self._filled, self._room, self._index = 0, ROOM, self._index + 1
        self._plain, self._next_plain = self._next_plain, self._plain
        self._out, self._next_out = self._next_out, self._out

    def _refuse_finished(self) -> None:
        if self._finished:
            raise ValueError("This object is already finished, or could not be written.")

    def _send(self, data: memoryview) -> None:
        self._sink.write(data)
        self.sealed_size += len(data)


def seal(
    source: Iterable[Bytes] | Readable | IntoReadable, sink: Sink, key: bytes, associated_data: bytes
) -> Totals:
    """Seal all of ``source``: chunks of bytes, or anything with ``readinto`` or ``read``."""
    with Beside() as writing:
        sealer = Sealer(_Behind(sink, writing), key, associated_data)
        if hasattr(source, "readinto"):
            while sealer.take(cast("IntoReadable", source)):
                pass
        else:
            for chunk in chunks_of(source):
                sealer.write(chunk)
        return sealer.finish()


class _Behind:
    """Writes a segment while the next one is read and sealed."""

    def __init__(self, sink: Sink, writing: Beside) -> None:
        self._sink, self._writing = sink, writing

    def write(self, data: memoryview, /) -> None:
        self._writing.start(self._sink.write, data)


def chunks_of(source: Iterable[Bytes] | Readable) -> Iterator[Bytes]:
    if not hasattr(source, "read"):
        yield from source
        return
    while chunk := source.read(SEGMENT):
        yield chunk


def unseal(source: Source, sink: Sink, key: bytes, associated_data: bytes) -> int:
    """Write the content to ``sink`` segment by segment; return its length in bytes.

    Each segment is authenticated before it is written, and the last one before the first is. What was
    written before a ``Tampered`` is a true beginning of the content.
    """
    reader = SealedReader(source, key, associated_data)
    with Beside() as writing:
        for view in reader.views(0, reader.size):
            writing.start(sink.write, view)
    return reader.size


class SealedReader(io.RawIOBase):
    """The content of a sealed object as a file that can be read anywhere. Not for several threads at once.

    The last segment is authenticated before anything else, so a cut or lengthened object is refused at
    once; each other segment when it is first needed. ``read`` gives as much as was asked, or all that is
    left. Two segments of content, used in turns, and one of ciphertext are in memory.
    """

    def __init__(self, source: Source, key: bytes, associated_data: bytes) -> None:
        super().__init__()
        self._source = source
        self.sealed_size = source.seek(0, io.SEEK_END)
        self._count = _segment_count(self.sealed_size)
        self.size = self.sealed_size - HEADER - TAG * self._count
        self._held, self._position = -1, 0
        room = min(SEGMENT, self.sealed_size)
        self._sealed, self._plain = memoryview(bytearray(room)), memoryview(bytearray(room))
        self._next_plain = self._plain if self._count == 1 else memoryview(bytearray(room))
        header = self._fetch(0, HEADER)
        if header[0] != HEADER:
            raise Tampered(_ALTERED)
        self._prefix = bytes(header[1 + SALT :])
        self._cipher = _derive(key, bytes(header[1 : 1 + SALT]), associated_data)
        self._hold(self._count - 1)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("A position before the beginning.")
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = self.size if size is None or size < 0 else size
        start = self._position
        stop = max(start, min(start + wanted, self.size))
        data = self.read_range(start, stop) if start < stop else b""
        self._position = stop
        return data

    def readall(self) -> bytes:
        return self.read(-1)

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # any writable buffer
        target = memoryview(buffer).cast("B")
        stop = min(self._position + len(target), self.size)
        done = 0
        for view in self.views(min(self._position, stop), stop):
            target[done : done + len(view)] = view
            done += len(view)
        self._position += done
        return done

    def read_range(self, start: int, stop: int) -> bytes:
        """The bytes from ``start`` up to, not including, ``stop``; the position stays where it was."""
        return b"".join([bytes(view) for view in self.views(start, stop)])

    def chunks(self, start: int = 0, stop: int | None = None, size: int = CHUNK) -> Iterator[bytes]:
        """The same range piece by piece, each of at most ``size`` bytes."""
        for view in self.views(start, self.size if stop is None else stop):
            for at in range(0, len(view), size):
                yield bytes(view[at : at + size])

    def views(self, start: int, stop: int) -> Iterator[memoryview]:
        """The same range without copying: each view is good only until the next but one is asked for."""
        if not 0 <= start <= stop <= self.size:
            raise ValueError("A range outside the object.")
        while start < stop:
            index, offset = _place(start)
            self._hold(index)
            view = self._plain[offset : min(offset + stop - start, _room(index))].toreadonly()
            start += len(view)
            yield view

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()

    def _hold(self, index: int) -> None:
        if index == self._held:
            return
        self._held = -1
        self._plain, self._next_plain = self._next_plain, self._plain
        begin = HEADER if index == 0 else index * SEGMENT
        end = min((index + 1) * SEGMENT, self.sealed_size)
        sealed = self._fetch(begin, end)
        plain = self._plain[: len(sealed) - TAG]
        nonce = _nonce(self._prefix, index, last=index == self._count - 1)
        try:
            self._cipher.decrypt_into(nonce, sealed, None, plain)
        except InvalidTag:
            plain[:] = bytes(len(plain))
            raise Tampered(_ALTERED) from None
        self._held = index

    def _fetch(self, begin: int, end: int) -> memoryview:
        target = self._sealed[: end - begin]
        self._source.seek(begin)
        done = 0
        while done < len(target):
            got = self._source.readinto(target[done:])
            if not got:
                raise Tampered(_ALTERED)
            done += got
        return target


def _derive(key: bytes, salt: bytes, associated_data: bytes) -> AESGCM:
    if len(key) != KEY_SIZE:
        raise ValueError("An object's key is 32 bytes.")
    derived = HKDF(algorithm=hashes.SHA256(), length=KEY_SIZE, salt=salt, info=associated_data).derive(key)
    return AESGCM(derived)


def _nonce(prefix: bytes, index: int, *, last: bool) -> bytes:
    if index >= MAX_SEGMENTS:
        raise ValueError("An object has at most 4,294,967,296 segments.")
    return prefix + index.to_bytes(4, "big") + (b"\x01" if last else b"\x00")


def _room(index: int) -> int:
    return FIRST_ROOM if index == 0 else ROOM


def _place(position: int) -> tuple[int, int]:
    """The segment that holds a position of the content, and where in it."""
    if position < FIRST_ROOM:
        return 0, position
    index, offset = divmod(position - FIRST_ROOM, ROOM)
    return index + 1, offset


def _segments_for(size: int) -> int:
    return 1 if size <= FIRST_ROOM else 1 + -(-(size - FIRST_ROOM) // ROOM)


def _segment_count(sealed_size: int) -> int:
    """How many segments an object of this sealed length has; refuse lengths that no sealing gives."""
    count = -(-sealed_size // SEGMENT)
    tail = sealed_size - (count - 1) * SEGMENT
    if sealed_size < HEADER + TAG or (count > 1 and tail <= TAG):
        raise Tampered(_ALTERED)
    return count
