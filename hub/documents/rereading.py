"""Versions read again: their scans, which take minutes, and whatever an older or lesser reader had no text of.

What is had replaces what was had before in one commit, and only when it is more. Objects that it replaces are left to the
sweep, so that nobody who just then reads the document is interrupted.
"""

from datetime import timedelta

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.orm import Session

from hub.cases.model import Case
from hub.documents.model import Document, DocumentVersion, StoredObject, TextState
from hub.documents.objects import discard_all, take_back
from hub.documents.prepare import Outcome, Preparing, Task, analysed, failed, locked_version
from hub.documents.reader import VERSION, Examined, ReaderUnavailable, Refused
from hub.documents.reading import in_memory

CLAIMED_FOR = timedelta(minutes=45)
"""Nobody else begins with a version within this time: longer than the reader gives any document."""
AT_ONCE = 50


class Rereading(Preparing):
    def rereadable(self, case: str | None = None) -> list[tuple[str, int]]:
        """(document, version) of what this machine's reader may have more of, first uploaded first, `AT_ONCE` of them.

        `case`: of this one alone, by reference or id.
        """
        with self._db.reading() as session:
            scans = session.execute(_of(case).where(DocumentVersion.unread > 0).limit(1)).first()
        better = self._reader.recogniser() if scans else ""
        begun = DocumentVersion.tried_at >= self._clock() - CLAIMED_FOR
        query = (
            _of(case)
            .where(or_(_older(), _lesser(better)), or_(DocumentVersion.tried_at.is_(None), ~begun))
            .order_by(DocumentVersion.uploaded_at, DocumentVersion.document_id, DocumentVersion.number)
            .limit(AT_ONCE)
        )
        with self._db.reading() as session:
            return [(document, number) for document, number in session.execute(query)]

    def reread(self, document: str, number: int) -> TextState | None:
        """Read one again, its scans too; the state it then has, None where another was quicker or it is gone.

        Raises ReaderUnavailable: it can be taken up again at once. After any other error it is left for `CLAIMED_FOR`, so that
        one broken document does not keep the others from being read.
        """
        task = self._opened(document, number, self._claim)
        if task is None:
            return None
        try:
            recogniser, outcome = self._read_again(task)
        except ReaderUnavailable:
            self._unclaim(task)
            raise
        try:
            return self._replace(task, outcome, recogniser)
        except BaseException as error:
            take_back(task.vault, outcome.objects, error)
            raise

    def _claim(self, version: DocumentVersion) -> bool:
        now = self._clock()
        claimed = version.tried_at is not None and version.tried_at >= now - CLAIMED_FOR
        if claimed or version.text_state == TextState.WAITING:
            return False
        version.tried_at = now
        return True

    def _unclaim(self, task: Task) -> None:
        with self._db.work() as work:
            version = work.session.get(DocumentVersion, (task.document, task.number))
            if version is not None:
                version.tried_at = None
            work.commit()

    def _read_again(self, task: Task) -> tuple[str, Outcome]:
        """What was there to recognise its scans, if it has any (empty: nothing is), and what was had."""
        with task.vault.open(task.original, task.receipt) as reader, in_memory(reader) as file:
            try:
                examined = self._reader.examine(task.kind, file)
            except Refused as refused:
                return "", failed(refused)
            recogniser = self._reader.recogniser()
            if recogniser and examined.unread:
                examined = self._recognised(task, file, examined)
        return recogniser, self._sealed(task, examined)

    def _recognised(self, task: Task, file: int, examined: Examined) -> Examined:
        try:
            return self._reader.recognise(task.kind, file, examined.unread)
        except Refused:
            return examined

    def _replace(self, task: Task, outcome: Outcome, recogniser: str) -> TextState | None:
        found = analysed(task, outcome.pages)
        with self._db.work() as work:
            version = locked_version(work.session, task)
            if version is None or version.text_id != (task.text.object_id if task.text else None):
                discard_all(task.vault, outcome.objects)
                return None
            if outcome.state == TextState.FAILED and version.text_state != TextState.FAILED:
                version.reader, version.recogniser, version.tried_at = VERSION, recogniser or None, None
                self._close(work, task, None, outcome.code)
                return TextState(version.text_state)
            before = (version.text_id, version.copy_id)
            self._store(work, version, task, outcome)
            version.recogniser, version.tried_at = recogniser or None, None
            if version.text_state != TextState.WAITING:
                version.text_state = outcome.state
            _forget(work.session, before)
            self._close(work, task, found, outcome.code)
        return outcome.state


def _forget(session: Session, objects: tuple[str | None, ...]) -> None:
    session.flush()
    for one in filter(None, objects):
        session.delete(session.get_one(StoredObject, one))


def _of(case: str | None) -> Select[str, int]:
    """Versions that do not wait, of cases that are not destroyed."""
    query = (
        select(DocumentVersion.document_id, DocumentVersion.number)
        .join(Document, Document.id == DocumentVersion.document_id)
        .join(Case, Case.id == Document.case_id)
        .where(Case.destroyed_at.is_(None), DocumentVersion.text_state != TextState.WAITING)
    )
    return query.where(or_(Case.id == case, Case.reference == case)) if case else query


def _older() -> ColumnElement[bool]:
    """No text was had of it, or not of all of it, and its reader was an older one."""
    without = DocumentVersion.text_state.in_([TextState.NO_TEXT, TextState.FAILED])
    before = or_(DocumentVersion.reader.is_(None), DocumentVersion.reader < VERSION)
    return and_(or_(without, DocumentVersion.unread > 0), before)


def _lesser(recogniser: str) -> ColumnElement[bool]:
    """Part of it was not read, and something else or nothing read its scans."""
    if not recogniser:
        return false()
    return and_(DocumentVersion.unread > 0, func.coalesce(DocumentVersion.recogniser, "") != recogniser)
