"""The hub's side of the reader: hand a document to a confined child, wait, check what comes back.

One `Reader` serves any number of threads. After a fork it starts a process of its own. Nothing is written to disk:
documents pass as memory files.
"""

import fcntl
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from hub.documents.reader import guards, wire
from hub.documents.reader.results import (
    Examined,
    Guard,
    Kind,
    ReaderUnavailable,
    Reason,
    Refused,
    Rendered,
    TooCostly,
)

Document = int | bytes
"""Bytes, or a descriptor of a regular or memory file (read from its start; its own position is not moved)."""

_LOG = logging.getLogger(__name__)
_START_SECONDS = 30
_GRACE_SECONDS = 5
_LONGEST_SENTENCE = 300
_MOST_COUNTED = 1_000_000
_MODELS = "TESSDATA_PREFIX"
"""Where Tesseract's models are, if not where it looks by itself."""
_NO_RECOGNISER = "Nothing on this machine recognises text in pictures."
_UNAVAILABLE = "Documents cannot be read just now. Nothing is lost: try again in a minute."
_TOO_LONG = "This file takes too long to read: more than {seconds} seconds."
_TOO_BIG = "This file needs more memory to read than one file is given ({megabytes} MB)."
_BROKEN = (
    "This file is damaged and cannot be read. Open it where it was made, save it again and upload that copy."
)
_CRASHED = "This file stopped its reader, so it is not taken. Save it again as a PDF and upload that copy."


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one job may use: bytes beyond the idle process, seconds of processor, seconds by the clock."""

    memory: int = guards.MEMORY_BYTES
    cpu: int = guards.CPU_SECONDS
    wall: float = guards.WALL_SECONDS


RECOGNISING = Limits(cpu=600, wall=1800)
"""Of a document whose pictures are recognised: 200 pages of a scan on one processor."""
READING_SECONDS, PICTURE_SECONDS = 30, 20
"""Of processor, and for each picture, while a document has fewer: a small file is not given the time of a large one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """One job by name with its arguments, in the recognising process or the ordinary one."""

    job: str
    arguments: dict[str, object]
    limits: Limits
    recognising: bool = False


class _Gone(Exception):  # noqa: N818 - never leaves this module
    """The reader's process ended under us."""


class Reader:
    """Examines, renders and marks documents in confined children.

    Every method raises Refused (the file), TooCostly (its limits) or ReaderUnavailable (the machine). `at_once` bounds the
    children that run side by side, and so the memory: further calls wait; beside them one document at a time has its
    pictures recognised, in `languages` as Tesseract names them (none: never). `extra_jobs` is a file of jobs for tests
    of the confinement; the hub never passes it.
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        at_once: int = 4,
        languages: str = "eng",
        extra_jobs: Path | None = None,
    ) -> None:
        self._limits, self._at_once, self._extra_jobs = limits or Limits(), at_once, extra_jobs
        self._languages = languages
        self._recognises: str | None = None if languages else ""
        self._started: dict[bool, _Process] = {}
        self._begin()
        this = weakref.WeakMethod(self._forget)
        os.register_at_fork(after_in_child=lambda: (forget := this()) and forget())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def examine(self, kind: Kind, document: Document) -> Examined:
        """The text by page, and for every kind but PDF a reading copy: a PDF whose pages these are."""
        return _examined(*self.run("examine", document, {"kind": kind}))

    def recognise(self, kind: Kind, document: Document, pictures: int) -> Examined:
        """As `examine`, with the text that is recognised on its `pictures`, minutes long; none where `recogniser` is empty.

        What takes too long counts as unread. It is not tried twice: raises ReaderUnavailable when interrupted.
        """
        limits = replace(RECOGNISING, cpu=min(RECOGNISING.cpu, READING_SECONDS + PICTURE_SECONDS * pictures))
        task = _Task(
            job="recognise",
            arguments={"kind": kind, "seconds": limits.cpu},
            limits=limits,
            recognising=True,
        )
        with self._scanning, _Descriptor.reading(document) as source:
            try:
                return _examined(*self._try(task, source.fd))
            except _Gone:
                raise ReaderUnavailable(_UNAVAILABLE) from None

    def recogniser(self) -> str:
        """What recognises text in pictures here, with version and languages; empty for nothing. Found once, at the first call."""
        if self._recognises is None:
            try:
                self._process(recognising=True)
            except ReaderUnavailable:
                self._recognises = ""
        return self._recognises or ""

    def interrupt(self) -> None:
        """End what is being recognised; the next call begins anew."""
        with self._lock:
            self._stop_one(recognising=True)

    def render_page(
        self, document: Document, page: int, *, watermark: Sequence[str] = (), width: int = 1240
    ) -> Rendered:
        """Page `page` (from 1) of a PDF as PNG or JPEG, `width` pixels wide or less if the page is very long.

        `watermark` is drawn across the page, and as a strip below it: its first line in bold.
        """
        arguments = {"page": page, "watermark": list(watermark), "width": width}
        head, body = self.run("render_page", document, arguments)
        media_type, shown_width, shown_height = head.get("media_type"), head.get("width"), head.get("height")
        if media_type not in ("image/png", "image/jpeg") or not body:
            raise Refused(Reason.CRASHED, _CRASHED)
        if not isinstance(shown_width, int) or not isinstance(shown_height, int):
            raise Refused(Reason.CRASHED, _CRASHED)
        return Rendered(media_type=str(media_type), data=body, width=shown_width, height=shown_height)

    def watermark_pdf(self, document: Document, watermark: Sequence[str]) -> bytes:
        """The same PDF, its text kept, with the watermark on each page and without scripts or automatic actions."""
        _, body = self.run("watermark_pdf", document, {"watermark": list(watermark)})
        if not body.startswith(b"%PDF-"):
            raise Refused(Reason.CRASHED, _CRASHED)
        return body

    def guards(self) -> tuple[Guard, ...]:
        """Every limit on the children, with those that this machine does not enforce; for the status page."""
        return self._process().guards

    def run(self, job: str, document: Document, arguments: dict[str, object]) -> tuple[wire.Head, bytes]:
        """One job by name; the named methods are what the hub calls."""
        task = _Task(job=job, arguments=arguments, limits=self._limits)
        with self._slots, _Descriptor.reading(document) as source:
            for last_try in (False, True):
                try:
                    return self._try(task, source.fd)
                except _Gone:
                    if last_try:
                        raise ReaderUnavailable(_UNAVAILABLE) from None
        raise AssertionError  # the loop returns or raises

    def close(self) -> None:
        """End the processes and whatever they run; the next call starts another."""
        with self._lock:
            for recognising in list(self._started):
                self._stop_one(recognising=recognising)

    def _stop_one(self, *, recognising: bool) -> None:
        process = self._started.pop(recognising, None)
        if process is not None:
            process.stop()

    def _forget(self) -> None:
        """In a forked copy: the processes, their sockets and the state of our locks are the original's."""
        for process in self._started.values():
            process.abandon()
        self._started = {}
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(self._at_once)
        self._scanning = threading.BoundedSemaphore(1)

    def _process(self, *, recognising: bool = False) -> "_Process":
        with self._lock:
            if recognising in self._started and self._started[recognising].ended():
                self._stop_one(recognising=recognising)
            if recognising not in self._started:
                self._start_one(recognising=recognising)
            return self._started[recognising]

    def _start_one(self, *, recognising: bool) -> None:
        process = _Process.start(self._languages if recognising else "", self._extra_jobs)
        if recognising:
            self._recognises = process.recognises
            if not process.recognises:
                process.stop()
                raise ReaderUnavailable(_NO_RECOGNISER)
        self._started[recognising] = process

    def _try(self, task: _Task, source: int) -> tuple[wire.Head, bytes]:
        process, limits = self._process(recognising=task.recognising), task.limits
        request = {"job": task.job, "arguments": task.arguments, "memory": limits.memory, "cpu": limits.cpu}
        request["wall"] = limits.wall
        with _Descriptor(os.memfd_create("output", os.MFD_CLOEXEC)) as output:
            outcome = process.ask(json.dumps(request).encode(), [source, output.fd], limits.wall)
            return _judged(outcome, output.fd, limits)


def _examined(head: wire.Head, body: bytes) -> Examined:
    """What a child says of a document, checked; raise Refused for nonsense."""
    pages, note = head.get("pages"), head.get("note")
    if not isinstance(pages, list) or not all(isinstance(page, str) for page in pages):
        raise Refused(Reason.CRASHED, _CRASHED)
    return Examined(
        pages=tuple(pages),
        searchable=head.get("searchable") is True,
        note=note if isinstance(note, str) else None,
        unread=_count(head.get("unread")),
        left_out=_count(head.get("left_out")),
        reading_copy=body or None,
    )


def _count(said: object) -> int:
    return said if isinstance(said, int) and 0 <= said <= _MOST_COUNTED else 0


def _judged(outcome: wire.Head, output: int, limits: Limits) -> tuple[wire.Head, bytes]:
    code = outcome["code"]
    if outcome["late"] or code in (-signal.SIGXCPU, -signal.SIGKILL):
        raise _too_costly(Reason.TIME, limits)
    if code != 0:
        raise Refused(Reason.CRASHED, _CRASHED)
    try:
        head, body = wire.read_answer(output)
    except wire.Garbled:
        raise Refused(Reason.CRASHED, _CRASHED) from None
    if "refused" in head:
        raise _refusal(head, limits)
    return head, body


def _refusal(head: wire.Head, limits: Limits) -> Refused:
    code, sentence = head["refused"], head.get("sentence")
    if code == Reason.MEMORY:
        return _too_costly(Reason.MEMORY, limits)
    if "why" in head:
        _LOG.warning("reader: a library raised %.100r", head["why"])
    if not isinstance(code, str) or code not in set(Reason) or not isinstance(sentence, str):
        return Refused(Reason.BROKEN, _BROKEN)
    return Refused(Reason(code), sentence[:_LONGEST_SENTENCE])


def _too_costly(reason: Reason, limits: Limits) -> TooCostly:
    if reason is Reason.MEMORY:
        return TooCostly(reason, _TOO_BIG.format(megabytes=limits.memory // 2**20))
    return TooCostly(reason, _TOO_LONG.format(seconds=limits.cpu))


class _Process:
    """One running reader process and the socket to it."""

    def __init__(
        self,
        popen: subprocess.Popen[bytes],
        connection: socket.socket,
        guards: tuple[Guard, ...],
        recognises: str,
    ) -> None:
        self._popen, self._connection, self.guards = popen, connection, guards
        self.recognises = recognises
        self._broken = False
        self._end = weakref.finalize(self, _stop, popen, connection)

    @classmethod
    def start(cls, languages: str, extra_jobs: Path | None) -> Self:
        """Raise ReaderUnavailable if it does not report itself ready."""
        if not hasattr(os, "memfd_create") or not hasattr(os, "pidfd_open"):
            raise ReaderUnavailable("Documents can be read on Linux only: this system has no memory files.")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            popen = _launch(theirs.fileno(), languages, extra_jobs)
        try:
            ours.settimeout(_START_SECONDS)
            ready = json.loads(ours.recv(wire.REQUEST_BYTES))
            guards = tuple(Guard(name=n, active=a, detail=d) for n, a, d in ready["guards"])
        except (OSError, ValueError):
            _stop(popen, ours)
            raise ReaderUnavailable(_UNAVAILABLE) from None
        ours.settimeout(_GRACE_SECONDS)
        return cls(popen, ours, guards, ready["recognises"])

    def ask(self, message: bytes, fds: list[int], wall: float) -> wire.Head:
        """Send one request and wait for its outcome; raise _Gone if the process ends or hangs."""
        heard, told = os.pipe2(os.O_CLOEXEC)
        with _Descriptor(heard):
            with _Descriptor(told):
                self._send(message, [*fds, told])
            return self._outcome(heard, wall + _GRACE_SECONDS)

    def _send(self, message: bytes, fds: list[int]) -> None:
        try:
            socket.send_fds(self._connection, [message], fds)
        except OSError as error:
            self._broken = True
            raise _Gone from error

    def _outcome(self, pipe: int, seconds: float) -> wire.Head:
        waiting = select.poll()
        waiting.register(pipe, select.POLLIN)
        said = os.read(pipe, 4096) if waiting.poll(seconds * 1000) else b""
        if not said:
            self._broken = True
            raise _Gone
        outcome: wire.Head = json.loads(said)
        return outcome

    def ended(self) -> bool:
        return self._broken or self._popen.poll() is not None

    def stop(self) -> None:
        self._end()

    def abandon(self) -> None:
        """In a forked copy of the client: let go of what belongs to the original."""
        self._end.detach()
        self._connection.close()
        self._popen.returncode = 0


def _launch(client_fd: int, languages: str, extra_jobs: Path | None) -> subprocess.Popen[bytes]:
    """An isolated interpreter with a bare environment: no secret of the hub is in the memory of what reads files.

    It is told where our packages are: the hub's own environment stands in PYTHONPATH, which isolation ignores.
    """
    folders = [str(Path(__file__).parents[3]), *filter(os.path.isabs, sys.path)]
    start = (
        "import os, sys; sys.path[:0] = sys.argv.pop(1).split(os.pathsep); "
        "from hub.documents.reader import child; child.main(int(sys.argv[1]), *sys.argv[2:])"
    )
    command = [sys.executable, "-I", "-c", start, os.pathsep.join(folders), str(client_fd), languages]
    return subprocess.Popen(  # noqa: S603 - fixed words and our own paths
        [*command, *([str(extra_jobs)] if extra_jobs else [])],
        env={"LANG": "C.UTF-8", "OMP_THREAD_LIMIT": "1"}
        | {k: v for k, v in os.environ.items() if k == _MODELS},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if languages else None,  # Tesseract tells of each picture
        pass_fds=[client_fd],
        start_new_session=True,
    )


def _stop(popen: subprocess.Popen[bytes], connection: socket.socket) -> None:
    connection.close()
    popen.kill()
    popen.wait()


class _Descriptor:
    """A file descriptor that is closed at the end of its block."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    @classmethod
    def reading(cls, document: Document) -> Self:
        """A read-only view: a child can change neither the caller's file nor our copy."""
        if isinstance(document, int):
            return cls(os.open(f"/proc/self/fd/{document}", os.O_RDONLY | os.O_CLOEXEC))
        held = cls(os.memfd_create("input", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING))
        with open(held.fd, "wb", closefd=False) as file:
            file.write(document)
        fcntl.fcntl(held.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
        return held

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.fd)
