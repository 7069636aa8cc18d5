"""Documents sent by their uploaders and prepared by the program, through the hub's own service and reader.

Making the files and reading them is most of the work, so both are begun ahead of the past, beside it.
"""

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Self

from hub.access.actor import Actor
from hub.demo.documents import DemoDocument
from hub.demo.load_cases import LoadedCases
from hub.demo.load_past import Past, Step
from hub.demo.load_people import People
from hub.demo.load_visits import Act
from hub.documents.model import DocumentVersion
from hub.documents.reader import Document, Examined, Kind, Reader
from hub.documents.service import Details
from hub.ids import id_from

SENT_BEFORE, PREPARED_AFTER = timedelta(seconds=20), timedelta(seconds=4)
AT_ONCE = 2
KINDS = {
    "pdf": Kind.PDF,
    "scan": Kind.PDF,
    "docx": Kind.DOCX,
    "odt": Kind.ODT,
    "txt": Kind.TXT,
    "eml": Kind.EML,
}
SHOWN_EVERY = 30


class ReadAhead(Reader):
    """The hub's reader, that has begun to examine the plan's files before it is asked: same children, same answers."""

    def __init__(self, documents: tuple[DemoDocument, ...]) -> None:
        super().__init__(at_once=AT_ONCE)
        self._pool = ThreadPoolExecutor(AT_ONCE, "read ahead")
        self._ahead: dict[bytes, Future[Examined]] = {}
        self._files = {document.key: self._pool.submit(self._make, document) for document in documents}

    def _make(self, document: DemoDocument) -> bytes:
        data = document.build()
        self._ahead[hashlib.sha256(data).digest()] = self._pool.submit(
            super().examine, KINDS[document.form], data
        )
        return data

    def file(self, key: str) -> bytes:
        return self._files[key].result()

    def examine(self, kind: Kind, document: Document) -> Examined:
        begun = self._ahead.pop(hashlib.sha256(_content(document)).digest(), None)
        return begun.result() if begun else super().examine(kind, document)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        super().__exit__(kind, error, trace)

    def __enter__(self) -> Self:
        return self


def _content(document: Document) -> bytes:
    return document if isinstance(document, bytes) else os.pread(document, os.fstat(document).st_size, 0)


class LoadedDocuments:
    """`ids` and `pages` map the plan's keys to the ids and lengths of documents uploaded, and prepared, so far."""

    def __init__(self, past: Past, people: People, cases: LoadedCases, files: ReadAhead) -> None:
        self._past, self._people, self._cases, self._files = past, people, cases, files
        self.ids: dict[str, str] = {}
        self.pages: dict[str, int] = {}
        self._received: dict[str, str] = {}

    def acts(self, document: DemoDocument) -> Iterator[Act]:
        at, by = document.uploaded_at, document.uploader
        yield Act(at=at - SENT_BEFORE, person=by, do=partial(self._send, document))
        yield Act(at=at, person=by, do=partial(self._file, document))

    def preparations(
        self, documents: tuple[DemoDocument, ...], progress: Callable[[str], None]
    ) -> Iterator[Step]:
        for count, document in enumerate(documents, start=1):
            told = count % SHOWN_EVERY == 0 or count == len(documents)
            line = f"Demo: documents {count} of {len(documents)}" if told else ""
            at = document.uploaded_at + PREPARED_AFTER
            yield Step(at=at, do=partial(self._prepare, document, line, progress), order=3)

    def _send(self, document: DemoDocument, actor: Actor) -> None:
        self._past.commit()
        case, stream = self._cases.ids[document.case], io.BytesIO(self._files.file(document.key))
        staged = self._past.hub.documents.receive(actor, case, document.file_name, stream)
        self._received[document.key] = staged.id

    def _file(self, document: DemoDocument, actor: Actor) -> None:
        self._past.commit()
        audience = document.audience
        details = Details(
            title=document.title,
            type=document.type,
            owner=self._people.agencies[document.owner],
            dated=document.dated,
            audience=None if audience is None else frozenset(self._people.agencies[key] for key in audience),
            necessity=document.necessity,
            attested=True,
            retention_class=document.retention_class,
            author=document.author,
        )
        case, received = self._cases.ids[document.case], [self._received.pop(document.key)]
        (line,) = self._past.hub.documents.upload(
            actor, case, details, received, id_from("demo", document.key)
        )
        self.ids[document.key] = line.document

    def _prepare(self, document: DemoDocument, line: str, progress: Callable[[str], None]) -> None:
        self._past.commit()
        self._past.hub.documents.prepare(self.ids[document.key], 1)
        with self._past.hub.db.reading() as session:
            version = session.get_one(DocumentVersion, (self.ids[document.key], 1))
            self.pages[document.key] = version.pages or 1
        if line:
            progress(line)
