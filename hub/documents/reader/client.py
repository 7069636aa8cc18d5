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
from contextlib import ExitStack
from dataclasses import dataclass
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


class _Gone(Exception):  # noqa: N818 - never leaves this module
    """The reader's process ended under us."""


class Reader:
    """Examines, renders and marks documents in confined children.

    Every method raises Refused (the file), TooCostly (its limits) or ReaderUnavailable (the machine). `at_once` bounds the
    children that run side by side, and so the memory: further calls wait. `extra_jobs` is a file of jobs for tests of
    the confinement; the hub never passes it.
    """

    def __init__(
        self, *, limits: Limits | None = None, at_once: int = 4, extra_jobs: Path | None = None
    ) -> None:
        self._limits, self._at_once, self._extra_jobs = limits or Limits(), at_once, extra_jobs
        self._started: _Process | None = None
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
        head, body = self.run("examine", document, {"kind": kind})
        pages = head.get("pages")
        if not isinstance(pages, list) or not all(isinstance(page, str) for page in pages):
            raise Refused(Reason.CRASHED, _CRASHED)
        note = head.get("note")
        return Examined(
            pages=tuple(pages),
            searchable=head.get("searchable") is True,
            note=note if isinstance(note, str) else None,
            reading_copy=body or None,
        )

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
        with self._slots, ExitStack() as stack:
            source = stack.enter_context(_Descriptor.reading(document))
            for last_try in (False, True):
                try:
                    return self._try(job, source.fd, arguments)
                except _Gone:
                    if last_try:
                        raise ReaderUnavailable(_UNAVAILABLE) from None
        raise AssertionError  # the loop returns or raises

    def close(self) -> None:
        """End the process and whatever it runs; the next call starts another."""
        with self._lock:
            if self._started is not None:
                self._started.stop()
            self._started = None

    def _forget(self) -> None:
        """In a forked copy: the process, its socket and the state of our locks are the original's."""
        if self._started is not None:
            self._started.abandon()
            self._started = None
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(self._at_once)

    def _process(self) -> "_Process":
        with self._lock:
            if self._started is not None and self._started.ended():
                self._started.stop()
                self._started = None
            if self._started is None:
                self._started = _Process.start(self._extra_jobs)
            return self._started

    def _try(self, job: str, source: int, arguments: dict[str, object]) -> tuple[wire.Head, bytes]:
        process = self._process()
        request = {"job": job, "arguments": arguments, "memory": self._limits.memory, "cpu": self._limits.cpu}
        request["wall"] = self._limits.wall
        with _Descriptor(os.memfd_create("output", os.MFD_CLOEXEC)) as output:
            outcome = process.ask(json.dumps(request).encode(), [source, output.fd], self._limits.wall)
            return self._judge(outcome, output.fd)

    def _judge(self, outcome: wire.Head, output: int) -> tuple[wire.Head, bytes]:
        code = outcome["code"]
        if outcome["late"] or code in (-signal.SIGXCPU, -signal.SIGKILL):
            raise self._too_costly(Reason.TIME)
        if code != 0:
            raise Refused(Reason.CRASHED, _CRASHED)
        try:
            head, body = wire.read_answer(output)
        except wire.Garbled:
            raise Refused(Reason.CRASHED, _CRASHED) from None
        if "refused" in head:
            raise self._refusal(head)
        return head, body

    def _refusal(self, head: wire.Head) -> Refused:
        code, sentence = head["refused"], head.get("sentence")
        if code == Reason.MEMORY:
            return self._too_costly(Reason.MEMORY)
        if "why" in head:
            _LOG.warning("reader: a library raised %.100r", head["why"])
        if not isinstance(code, str) or code not in set(Reason) or not isinstance(sentence, str):
            return Refused(Reason.BROKEN, _BROKEN)
        return Refused(Reason(code), sentence[:_LONGEST_SENTENCE])

    def _too_costly(self, reason: Reason) -> TooCostly:
        if reason is Reason.MEMORY:
            return TooCostly(reason, _TOO_BIG.format(megabytes=self._limits.memory // 2**20))
        return TooCostly(reason, _TOO_LONG.format(seconds=self._limits.cpu))


class _Process:
    """One running reader process and the socket to it."""

    def __init__(
        self, popen: subprocess.Popen[bytes], connection: socket.socket, guards: tuple[Guard, ...]
    ) -> None:
        self._popen, self._connection, self.guards = popen, connection, guards
        self._broken = False
        self._end = weakref.finalize(self, _stop, popen, connection)

    @classmethod
    def start(cls, extra_jobs: Path | None) -> Self:
        """Raise ReaderUnavailable if it does not report itself ready."""
        if not hasattr(os, "memfd_create") or not hasattr(os, "pidfd_open"):
            raise ReaderUnavailable("Documents can be read on Linux only: this system has no memory files.")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            popen = _launch(theirs.fileno(), extra_jobs)
        try:
            ours.settimeout(_START_SECONDS)
            ready = json.loads(ours.recv(wire.REQUEST_BYTES))
        except (OSError, ValueError):
            _stop(popen, ours)
            raise ReaderUnavailable(_UNAVAILABLE) from None
        ours.settimeout(_GRACE_SECONDS)
        return cls(popen, ours, tuple(Guard(name=n, active=a, detail=d) for n, a, d in ready))

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


def _launch(client_fd: int, extra_jobs: Path | None) -> subprocess.Popen[bytes]:
    """An isolated interpreter with a bare environment: no secret of the hub is in the memory of what reads files.

    It is told where our packages are: the hub's own environment stands in PYTHONPATH, which isolation ignores.
    """
    folders = [str(Path(__file__).parents[3]), *filter(os.path.isabs, sys.path)]
    start = (
        "import os, sys; sys.path[:0] = sys.argv.pop(1).split(os.pathsep); "
        "from hub.documents.reader import child; child.main(int(sys.argv[1]), *sys.argv[2:])"
    )
    command = [sys.executable, "-I", "-c", start, os.pathsep.join(folders), str(client_fd)]
    return subprocess.Popen(  # noqa: S603 - fixed words and our own paths
        [*command, *([str(extra_jobs)] if extra_jobs else [])],
        env={"LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
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
