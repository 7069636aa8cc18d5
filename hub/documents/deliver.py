"""Originals handed out: whole or in part, never a byte before its entry, cut when the right to it ends.

* PDFs leave with the reader's name and the entry's number on each page, and always whole.
* While bytes flow the permission, the session and the statement are asked again at least every second.
* How it ended, and how many bytes were handed over, is an entry of its own, also when the reader goes away.
* HEAD, and a range outside the file, tell its size and nothing more: an entry that asks for no byte.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

from hub.access.actor import Actor
from hub.access.permissions import Permission
from hub.cases.access import as_of
from hub.documents.model import StoredObject
from hub.documents.objects import sealed_object
from hub.documents.reader import Kind, Refused
from hub.documents.reading import At, Reading, in_memory
from hub.documents.records import open_file_name
from hub.documents.rules import Unsatisfiable, byte_range
from hub.errors import HubError
from hub.ledger.events import DownloadEnded, DownloadStarted
from storage.errors import StorageError
from storage.sealed import SealedReader

DOWNLOAD = Permission.DOCUMENT_DOWNLOAD
RECHECK_SECONDS = 1.0
CHUNK = 256 * 1024
"""Bytes handed to the server at once: the first soon, and each small enough for the processor's cache."""
COMPLETE, LEFT, STOPPED, FAILED = "complete", "cut by the reader", "cut: no longer allowed", "failed"
Still = Callable[[], bool]
"""Whether the session still lives and the statement in force is agreed."""

log = structlog.get_logger("hub.documents")


class Cut(Exception):  # noqa: N818 - tells the server to drop the connection
    """The rest is not handed out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`range_header` as sent; `head`: the size alone."""

    document: str
    version: int
    range_header: str | None = None
    head: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """`body` None: nothing but headers. `size` None: not known before it is made. `part`: (first, stop) of `size`.

    `outside`: the range asked for lies outside the file.
    """

    file_name: str
    media_type: str
    size: int | None
    part: tuple[int, int] | None = None
    body: "Body | None" = None
    outside: bool = False

    @property
    def length(self) -> int | None:
        return self.size if self.part is None else self.part[1] - self.part[0]


class Body:
    """The bytes, once; `close` it whatever happens. Raises Cut when the right to them ends on the way."""

    def __init__(self, chunks: Iterator[bytes], ended: Callable[[int, str], None], allowed: Still) -> None:
        self._chunks, self._ended, self._allowed = chunks, ended, allowed
        self._delivered, self._how = 0, LEFT
        self._asked = time.monotonic()
        self._closed = False

    def __iter__(self) -> "Body":
        return self

    def __next__(self) -> bytes:
        try:
            self._ask_again()
            chunk = next(self._chunks)
        except StopIteration:
            self._how = COMPLETE
            self.close()
            raise
        except Cut:
            self._how = STOPPED
            self.close()
            raise
        except Exception:
            self._how = FAILED
            self.close()
            raise
        self._delivered += len(chunk)
        return chunk

    def _ask_again(self) -> None:
        now = time.monotonic()
        if now - self._asked < RECHECK_SECONDS:
            return
        self._asked = now
        if not self._allowed():
            raise Cut("no longer allowed")

    def close(self) -> None:
        """Note how it ended; only the first call does."""
        if self._closed:
            return
        self._closed = True
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()
        self._ended(self._delivered, self._how)


class Delivering(Reading):
    def original(self, actor: Actor, wanted: Wanted, still: Still) -> Delivery:
        """The file as it was sent, a PDF watermarked. Raises ReasonNeeded, NotHere, Refused.

        `still` is asked again while bytes flow, and so is the actor's permission for this document.
        """
        with self._db.reading() as session:
            at = self._load(session, actor, DOWNLOAD, wanted.document, wanted.version)
            stored = session.get_one(StoredObject, at.version.original_id)
            record = sealed_object(at.vault, stored)
            asked = _asked(wanted, at, stored.size)
        recorded = self._db.record(actor, asked.event(at))
        entry = recorded.sequence
        plan = asked.delivery(at, stored.size)
        if asked.nothing:
            return plan
        receipt = recorded.receipt(case=at.case.id, document=at.document.id, objects=[record.object_id])
        with self._ending_badly(actor, at, entry):
            reader = at.vault.open(record, receipt)
            return self._filled(plan, reader, actor, at, (entry, still))

    def _filled(
        self, plan: Delivery, reader: SealedReader, actor: Actor, at: At, rest: tuple[int, Still]
    ) -> Delivery:
        entry, still = rest
        first, stop = plan.part or (0, reader.size)
        size: int | None = plan.size
        if at.version.kind == Kind.PDF:
            data = self._marked(reader, actor, at, entry)
            chunks, size = _pieces(data), len(data)
        else:
            chunks = _closing(reader, first, stop)
        ended = self._ended(actor, at, entry)
        body = Body(chunks, ended, lambda: still() and self._may_still(actor, at))
        return Delivery(
            file_name=plan.file_name, media_type=plan.media_type, size=size, part=plan.part, body=body
        )

    def _marked(self, reader: SealedReader, actor: Actor, at: At, entry: int) -> bytes:
        with reader, in_memory(reader) as file:
            try:
                return self._reader.watermark_pdf(file, self._watermark(actor, at, entry))
            except Refused as refused:
                sentence = (
                    f"This PDF cannot be marked with your name, so it is not handed out. {refused.sentence}"
                )
                raise Refused(refused.code, sentence) from refused

    def _may_still(self, actor: Actor, at: At) -> bool:
        """False as soon as the permission went, or when that cannot be told."""
        try:
            with self._db.reading() as session:
                now = as_of(session, actor, self._clock())
                self._load(session, now, DOWNLOAD, at.document.id, at.version.number)
        except HubError:
            return False
        return True

    def _ended(self, actor: Actor, at: At, entry: int) -> Callable[[int, str], None]:
        def ended(delivered: int, how: str) -> None:
            self._db.record(
                actor,
                DownloadEnded(
                    case=at.case.id,
                    document=at.document.id,
                    version=at.version.number,
                    started=entry,
                    delivered=delivered,
                    how=how,
                ),
            )

        return ended

    def _ending_badly(self, actor: Actor, at: At, entry: int) -> "_Ending":
        return _Ending(self._ended(actor, at, entry))


class _Ending:
    """Notes a delivery that failed before its first byte."""

    def __init__(self, ended: Callable[[int, str], None]) -> None:
        self._ended = ended

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, StorageError | HubError):
            log.warning("download failed", error=type(error).__name__)
            self._ended(0, FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a request comes to for a file of known size."""

    part: tuple[int, int] | None = None
    whole: int | None = None
    nothing: bool = False
    outside: bool = False

    def event(self, at: At) -> DownloadStarted:
        first, last = (self.part[0], self.part[1] - 1) if self.part else (0, self.whole)
        return DownloadStarted(
            case=at.case.id,
            document=at.document.id,
            version=at.version.number,
            first=0 if self.nothing else first,
            last=-1 if self.nothing else last,
            reason=at.reason,
        )

    def delivery(self, at: At, size: int) -> Delivery:
        version = at.version
        return Delivery(
            file_name=open_file_name(at.vault, at.document.id, version.number, version.sealed_file_name),
            media_type=Kind(version.kind).media_type,
            size=None if version.kind == Kind.PDF else size,
            part=self.part,
            outside=self.outside,
        )


def _asked(wanted: Wanted, at: At, size: int) -> _Asked:
    """A PDF is made anew for each reader, so no part of it means anything: it goes out whole."""
    if at.version.kind == Kind.PDF:
        return _Asked(nothing=wanted.head)
    try:
        part = None if wanted.head else byte_range(wanted.range_header, size)
    except Unsatisfiable:
        return _Asked(nothing=True, outside=True)
    return _Asked(part=part, whole=size - 1, nothing=wanted.head)


def _pieces(data: bytes) -> Iterator[bytes]:
    view = memoryview(data)
    for start in range(0, len(data), CHUNK):
        yield bytes(view[start : start + CHUNK])


def _closing(reader: SealedReader, first: int, stop: int) -> Iterator[bytes]:
    with reader:
        yield from reader.chunks(first, stop, size=CHUNK)
