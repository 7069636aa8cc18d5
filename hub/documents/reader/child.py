"""The reader's own process: it waits for requests and forks one confined child for each.

It is started with a bare environment (no secrets to find), imports and warms up every library once, leaves the network,
and never looks at a document itself. Children cannot open a file, so whatever a job needs must be loaded by then: the
warm-up runs each job once. It ends when its client closes the socket.
"""

import errno
import gc
import importlib.util
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from hub.documents.reader import guards, recogniser, wire
from hub.documents.reader.jobs import JOBS, Answer, Arguments, recognising, warm_up
from hub.documents.reader.recogniser import Recogniser
from hub.documents.reader.results import Guard, Reason, Refused

Job = Callable[[bytes, Arguments], Answer]

IDLE_SECONDS = 600.0
"""Without a document for so long it ends, and gives its memory (some 50 MB) back."""

_BEHIND_OTHERS = 10
"""How nice the recognising process is: pages are drawn first."""
_INPUT, _OUTPUT = 3, 4


@dataclass(slots=True, kw_only=True)
class _Running:
    pid: int
    deadline: float
    outcome: int
    """The pipe on which the client waits."""
    timed_out: bool = False


def main(client_fd: int, languages: str = "", extra_jobs: str = "") -> None:
    """Serve until the client goes.

    With `languages` it is one that recognises text in pictures too, after everybody else's work; it says so, and ends,
    when this machine has nothing for that. `extra_jobs` names a Python file with further `JOBS`: for tests of the confinement.
    """
    client = socket.socket(fileno=client_fd)
    jobs = JOBS | _load(extra_jobs)
    found = _recogniser(languages) if languages else None
    if languages and found is None:
        _greet(client, [], "")
        return
    if found is not None:
        os.nice(_BEHIND_OTHERS)
        jobs = jobs | {"recognise": recognising(found)}
    warm_up()
    gc.freeze()  # the children share these objects; a collection would copy every page of them
    held = guards.confine_parent()
    _greet(client, held + _try_in_a_child(), found.name if found else "")
    _Server(client, jobs).run()


def _recogniser(languages: str) -> Recogniser | None:
    found = recogniser.load(languages)
    return found if found is not None and recogniser.warm_up(found) else None


def _greet(client: socket.socket, held: list[Guard], recognises: str) -> None:
    said = {"guards": [[g.name, g.active, g.detail] for g in held], "recognises": recognises}
    client.send(json.dumps(said).encode())


def _load(path: str) -> dict[str, Job]:
    if not path:
        return {}
    spec = importlib.util.spec_from_file_location("extra_jobs", Path(path))
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.JOBS)


def _try_in_a_child() -> list[Guard]:
    """What a child can be held to on this machine, asked of one that has nothing to do."""
    ours, theirs = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _report_guards(theirs, parent)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    return [Guard(name=n, active=a, detail=d) for n, a, d in json.loads(answer)]


def _report_guards(pipe: int, parent: int) -> NoReturn:
    try:
        found = guards.confine_child(parent=parent)
        os.write(pipe, json.dumps([[g.name, g.active, g.detail] for g in found]).encode())
    finally:
        os._exit(0)


class _Server:
    def __init__(self, client: socket.socket, jobs: dict[str, Job]) -> None:
        self._client, self._jobs = client, jobs
        self._selector = selectors.DefaultSelector()
        self._selector.register(client, selectors.EVENT_READ)
        self._running: dict[int, _Running] = {}
        self._parent = os.getpid()

    def run(self) -> None:
        while True:
            ready = self._selector.select(self._patience())
            if not ready and not self._running:
                return  # nobody reads just now: the next document starts another process
            for key, _ in ready:
                if key.fd != self._client.fileno():
                    self._finish(key.fd)
                elif not self._take():
                    return
            self._kill_late()

    def _patience(self) -> float:
        now = time.monotonic()
        waits = [max(0.0, r.deadline - now) for r in self._running.values() if not r.timed_out]
        return min(waits, default=IDLE_SECONDS)

    def _take(self) -> bool:
        """Start one job; False when the client is gone."""
        message, fds, _, _ = socket.recv_fds(self._client, wire.REQUEST_BYTES, 3)
        if not message:
            return False
        source, output, outcome = fds
        request = json.loads(message)
        pid = os.fork()
        if pid == 0:
            _child(self._jobs[request["job"]], request, source, output, self._parent)
        os.close(source)
        os.close(output)
        self._watch(_Running(pid=pid, deadline=time.monotonic() + request["wall"], outcome=outcome))
        return True

    def _watch(self, running: _Running) -> None:
        watch = os.pidfd_open(running.pid)
        self._running[watch] = running
        self._selector.register(watch, selectors.EVENT_READ)

    def _finish(self, watch: int) -> None:
        self._selector.unregister(watch)
        running = self._running.pop(watch)
        _, status = os.waitpid(running.pid, 0)
        outcome = {"code": os.waitstatus_to_exitcode(status), "late": running.timed_out}
        try:
            os.write(running.outcome, json.dumps(outcome).encode())
        except BrokenPipeError:
            pass  # the client no longer waits for this one
        finally:
            os.close(running.outcome)
            os.close(watch)

    def _kill_late(self) -> None:
        now = time.monotonic()
        for running in self._running.values():
            if running.deadline <= now and not running.timed_out:
                running.timed_out = True
                os.kill(running.pid, signal.SIGKILL)


def _child(job: Job, request: Arguments, source: int, output: int, parent: int) -> NoReturn:
    """Run one job and end; exit code 0 means that the output holds an answer."""
    code = 1
    try:
        _keep_only(source, output)
        guards.confine_child(memory=int(request["memory"]), cpu=int(request["cpu"]), parent=parent)
        _answer(job, request["arguments"])
        code = 0
    finally:
        os._exit(code)


def _keep_only(source: int, output: int) -> None:
    """Input becomes descriptor 3, output 4, the standard ones /dev/null; the rest is closed."""
    null = os.open(os.devnull, os.O_RDWR)
    highest = max(source, output, null, _OUTPUT) + 1
    os.dup2(source, highest)
    os.dup2(output, highest + 1)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.dup2(highest, _INPUT)
    os.dup2(highest + 1, _OUTPUT)
    os.closerange(_OUTPUT + 1, 65536)


def _answer(job: Job, arguments: Arguments) -> None:
    try:
        _write(job(_read(), arguments))
    except Refused as refusal:
        _write(Answer(head={"refused": refusal.code, "sentence": refusal.sentence}))
    except OSError as error:
        _write(_of_system(error))
    except MemoryError:
        _write(Answer(head={"refused": Reason.MEMORY}))
    except Exception as error:  # noqa: BLE001 - libraries raise anything on hostile bytes; the class's name is kept
        _write(Answer(head={"refused": Reason.BROKEN, "why": type(error).__name__}))


def _of_system(error: OSError) -> Answer:
    if error.errno == errno.EFBIG:
        return Answer(
            head={
                "refused": Reason.TOO_LARGE,
                "sentence": "What this file becomes is too large to hand over.",
            }
        )
    return Answer(head={"refused": Reason.BROKEN, "why": type(error).__name__})


def _read() -> bytes:
    with os.fdopen(_INPUT, "rb", buffering=0, closefd=False) as file:
        file.seek(0)
        return file.read()


def _write(answer: Answer) -> None:
    """Instead of what an attempt that failed half-way may have written."""
    os.lseek(_OUTPUT, 0, os.SEEK_SET)
    os.ftruncate(_OUTPUT, 0)
    with os.fdopen(_OUTPUT, "r+b", buffering=1024 * 1024, closefd=False) as output:
        if answer.body_to is None:
            wire.write_answer(output, answer.head, answer.body)
        else:
            wire.write_answer(output, answer.head)
            answer.body_to(output)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
