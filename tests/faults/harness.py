"""The killing side: makes homes, starts children, ends them from outside, has the oracle judge what they left."""

import contextlib
import itertools
import json
import os
import pickle
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from tests.faults import disk
from tests.postgres import PostgresServer

SOURCE = Path(__file__).resolve().parents[2]
CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
PATIENCE = 60
"""Seconds that any one child may take before the test says so."""


class Child:
    """A forked process of the hub, and all that it told so far."""

    def __init__(self, handle: int, pipe: int) -> None:
        self._handle, self._pipe = handle, pipe
        self._rest = b""
        self.stopped_at = ""
        self.ready = self.done = False
        self.acks: list[dict] = []
        self.held: list[dict] = []
        self.answer: dict[str, Any] = {}
        self.error = ""
        self._open = True

    def kill(self) -> None:
        """SIGKILL from outside; then everything is read that the dead one had said."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        self.until(lambda: not self._open)
        select.select([self._handle], [], [], PATIENCE)

    def until(self, enough: Any, seconds: float = PATIENCE) -> bool:
        """Read what is told until `enough()`, the end, or the time is over; whether it was enough."""
        ends = time.monotonic() + seconds
        while not enough():
            left = ends - time.monotonic()
            if not self._open or left <= 0 or not select.select([self._pipe], [], [], left)[0]:
                return bool(enough())
            data = os.read(self._pipe, 1 << 20)
            if not data:
                self._open = False
            self._take(data)
        return True

    def close(self) -> None:
        self.kill()
        os.close(self._pipe)
        os.close(self._handle)

    def _take(self, data: bytes) -> None:
        self._rest += data
        while b"\n" in self._rest:
            line, rest = self._rest.split(b"\n", 1)
            said = json.loads(line) if line.startswith(b"{") else {"stopped": line.decode()}
            if "bytes" in said:
                if not self._held(said, rest):
                    break
                rest = rest[said["bytes"] :]
            self._rest = rest
            self._heard(said)
        if not self._open and self._rest:
            self._partly()

    def _held(self, said: dict, rest: bytes) -> bool:
        if len(rest) < said["bytes"]:
            return False
        self.held.append({**said["of"], "size": said["bytes"]})
        return True

    def _partly(self) -> None:
        """The client holds the beginning of something."""
        line, _, rest = self._rest.partition(b"\n")
        if rest:
            self.held.append({**json.loads(line)["of"], "size": len(rest)})

    def _heard(self, said: dict) -> None:
        match said:
            case {"stopped": name}:
                self.stopped_at = name
            case {"ready": True}:
                self.ready = True
            case {"done": True}:
                self.done = True
            case {"ack": what}:
                self.acks.append(what)
            case {"error": trace}:
                self.error = trace
            case {"bytes": _}:
                pass
            case _:
                self.answer = said

    def wait(self, seconds: float = PATIENCE) -> "Child":
        """To its own end; AssertionError with what it said, when that was an error."""
        ended = self.until(lambda: not self._open, seconds)
        assert ended, f"a child did not end within {seconds} s"
        assert not self.error, self.error
        return self


class Forks:
    """A process that forks others on request; tests.faults.zygote says how."""

    def __init__(self, mine: socket.socket) -> None:
        self._socket, self._lock = mine, threading.Lock()

    def start(self, **request: Any) -> Child:
        reading, writing = os.pipe()
        return Child(self._asked(request, writing), reading)

    def run(self, **request: Any) -> Child:
        child = self.start(**request)
        try:
            return child.wait()
        finally:
            child.close()

    def nursery(self, **request: Any) -> "Forks":
        """One that made what `request` says first."""
        mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        os.close(self._asked({"task": "nurse", **request}, its.detach()))
        assert select.select([mine], [], [], PATIENCE)[0], "nothing came of what was to be nursed"
        said = json.loads(mine.recv(1 << 16) or b"{}")
        assert "nursing" in said, said.get("error", "it ended")
        return Forks(mine)

    def close(self) -> None:
        self._socket.close()

    def _asked(self, request: dict, descriptor: int) -> int:
        """A descriptor of the process that was forked."""
        with self._lock:
            socket.send_fds(self._socket, [json.dumps(request).encode()], [descriptor])
            os.close(descriptor)
            _, handles, _, _ = socket.recv_fds(self._socket, 100, 1)
        assert handles, "the process that forks the others has ended"
        return handles[0]


class Zygote(Forks):
    def __init__(self) -> None:
        mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
        command = [sys.executable, "-m", "tests.faults.zygote", str(its.fileno())]
        self._process = subprocess.Popen(command, cwd=SOURCE, env=kept, pass_fds=[its.fileno()])
        its.close()
        super().__init__(mine)

    def close(self) -> None:
        super().close()
        self._process.wait(PATIENCE)


@dataclass
class Place:
    """Where runs happen: `sqlite` has its database in the home; PostgreSQL's are copies of a template."""

    engine: str
    folder: Path
    server: PostgresServer | None = None
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def database(self, name: str) -> str:
        return self.server.url(name) if self.server else ""

    @contextlib.contextmanager
    def copy(self, template: "Template") -> Iterator[tuple[Path, str]]:
        number = next(self.numbers)
        run, name = self.folder / f"run-{number}", f"run_{number}"
        shutil.copytree(template.folder, run)
        if self.server:
            self.server.database(name, template=template.name)
        try:
            yield run / "home", self.database(name)
        finally:
            if self.server:
                self.server.drop(name)
            shutil.rmtree(run)


@dataclass
class Template:
    """A home arranged for one operation, and what that operation does when it is let be."""

    name: str
    folder: Path
    operation: str
    forks: Forks
    passed: dict[str, int]
    took: float
    states: int


@dataclass
class Outcome:
    """`point`: the failpoint, or 'at random', or 'random and unsynced lost'."""

    operation: str
    engine: str
    point: str
    stopped: bool
    judged: dict[str, Any]
    states: int
    lost: int = 0

    @property
    def faults(self) -> list[str]:
        return [
            f"{self.operation} on {self.engine} at {self.point}: {fault}" for fault in self.judged["faults"]
        ]

    @property
    def state(self) -> str:
        if self.judged["state"] is None:
            return "between"
        if self.judged["state"] == 0 and self.states > 1:
            return "before"
        return "after" if self.judged["state"] == self.states - 1 else "on the way"


class Faults:
    def __init__(self, zygote: Zygote, place: Place, seed: int) -> None:
        self.zygote, self.place, self.chance = zygote, place, random.Random(seed)
        self._templates: dict[str, Template] = {}

    def template(self, operation: str) -> Template:
        if operation not in self._templates:
            self._templates[operation] = self._made(operation)
        return self._templates[operation]

    def _made(self, operation: str) -> Template:
        name = f"of_{operation.replace('-', '_')}"
        folder, server = self.place.folder / name, self.place.server
        if server:
            server.database(name)
        forks = self.zygote.nursery(
            home=str(folder / "home"), operation=operation,
            database=self.place.database(name), copy=self.place.database(f"{name}_copy"),
        )  # fmt: skip
        if server:
            server.drop(f"{name}_copy")
        known = pickle.loads((folder / "reference.pickle").read_bytes())
        return Template(
            name=name, folder=folder, operation=operation, forks=forks,
            passed=known["passed"], took=known["took"], states=len(known["shapes"]),
        )  # fmt: skip

    def close(self) -> None:
        for template in self._templates.values():
            template.forks.close()

    def points(self, operation: str) -> list[str]:
        """Each passage of each failpoint that the operation makes, as `name:n`."""
        passed = self.template(operation).passed
        return [f"{name}:{n}" for name, count in passed.items() for n in range(1, count + 1)]

    def kill(self, operation: str, failpoint: str = "", *, unsynced: bool = False) -> Outcome:
        """One run: at the failpoint, or where the moment chosen by chance finds it."""
        template = self.template(operation)
        with self.place.copy(template) as (home, database):
            child = template.forks.start(
                task="act", home=str(home), database=database, operation=operation,
                failpoint=failpoint, unsynced=unsynced,
            )  # fmt: skip
            try:
                assert child.until(lambda: child.ready or child.error), "a child did not begin"
                if failpoint:
                    child.until(lambda: child.stopped_at or child.done or child.error)
                else:
                    child.until(lambda: child.done, self.chance.uniform(0, template.took * 2))
                child.kill()
            finally:
                child.close()
            assert not child.error, child.error
            lost = disk.lose(home, home.parent / "synced.json", self.chance) if unsynced else 0
            self._gone(database)
            judged = self._judged(home, database, template, child)
        point = failpoint or ("at random, unsynced writes lost" if unsynced else "at random")
        return Outcome(
            operation=operation, engine=self.place.engine, point=point, stopped=bool(child.stopped_at),
            judged=judged, states=template.states, lost=lost,
        )  # fmt: skip

    def _gone(self, database: str) -> None:
        """PostgreSQL's process of a dead client ends what it was told last, a commit perhaps, and then itself."""
        if not self.place.server:
            return
        ends = time.monotonic() + PATIENCE
        with self.place.server._connect() as connection:
            while connection.execute(CONNECTED, [make_url(database).database]).fetchone() != (0,):
                assert time.monotonic() < ends, "a server process outlives its dead client"
                time.sleep(0.002)

    def _judged(self, home: Path, database: str, template: Template, killed: Child) -> dict[str, Any]:
        run = {"done": killed.done, "acks": killed.acks, "held": killed.held}
        asked = template.forks.run(
            task="judge", home=str(home), database=database, operation=template.operation,
            reference=str(template.folder / "reference.pickle"), run=run,
        )  # fmt: skip
        return asked.answer["judged"]


def summed(outcomes: list[Outcome]) -> dict[str, Any]:
    """Counts for the evidence: by operation, failpoint and engine, and what was found after."""
    table: dict[str, Counter[str]] = {}
    for one in outcomes:
        row = table.setdefault(f"{one.operation} | {one.point.split(':')[0]} | {one.engine}", Counter())
        row["runs"] += 1
        row[one.state] += 1
        row["orphans"] += one.judged["orphans"]
        row["temporaries"] += one.judged["temporaries"]
        row["faults"] += len(one.judged["faults"])
    return {name: dict(row) for name, row in sorted(table.items())}
