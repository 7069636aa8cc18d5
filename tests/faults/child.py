"""What a forked child does, by the request's `task`. It tells on the pipe, a JSON line each; bytes follow their line.

make     a home for an operation, arranged        -> {"made": ...}
nurse    that, and the operation unharmed on a copy of it, judged: the commits it makes and the failpoints it passes,
         in a file; from then on this process forks others
act      the operation, to be killed on the way   -> {"ready"}, acknowledgements, bytes, the failpoint's name, {"done"}
judge    a start after the end, and the oracle    -> {"judged": ...}
"""

import json
import os
import pickle
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from config import Config
from hub.app import build_services
from hub.clock import system_clock
from storage import failpoints
from storage.failpoints import Point
from tests import old_home
from tests import world as worlds
from tests.faults import disk, oracle
from tests.faults.operations import OPERATIONS, Operation
from tests.faults.starving import Starving

LONG = {"HUB_IDLE_MINUTES": "500000", "HUB_SESSION_HOURS": "500000"}


def main(request: dict, pipe: int) -> None:
    home = Path(request["home"])
    tempfile.tempdir = str(home.parent / "tmp")
    os.environ["TMPDIR"] = tempfile.tempdir
    TASKS[request["task"]](request, home, Told(pipe))


class Told:
    """The client's end is the pipe: what was written there, the client has."""

    def __init__(self, pipe: int) -> None:
        self.pipe = pipe

    def line(self, **said: Any) -> None:
        self._write(json.dumps(said).encode() + b"\n")

    def ack(self, **what: Any) -> None:
        self.line(ack=what)

    def bytes(self, data: bytes, **what: Any) -> None:
        self.line(bytes=len(data), of=what)
        self._write(data)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self.pipe, rest) :]


class Client:
    """One in this process, of an operation that nothing ends."""

    def __init__(self) -> None:
        self.acks: list[dict] = []
        self.held: list[dict] = []

    def ack(self, **what: Any) -> None:
        self.acks.append(json.loads(json.dumps(what)))

    def bytes(self, data: bytes, **what: Any) -> None:
        self.held.append({**what, "size": len(data)})


_WARM: dict[str, tuple[Any, Any]] = {}


def _warmed(database: Any) -> None:
    """Statements are compiled for a dialect, and kept with it: one of each kind for this process and those forked from it."""
    database.engine.connect().close()  # the dialect learns then what it speaks to
    for engine in (database.engine, database._writing):
        engine.dialect, engine._compiled_cache = _WARM.setdefault(
            engine.dialect.name, (engine.dialect, engine._compiled_cache)
        )


def settings(home: Path, database: str) -> Config:
    return Config.from_env(
        {"HUB_HOME": str(home), "HUB_SECRET": worlds.SECRET, "HUB_DATABASE_URL": database, **LONG}
    )


def opened(home: Path, database: str) -> worlds.World:
    """The hub at this home by the real clock, as any of its processes would open it."""
    config = settings(home, database)
    ids = json.loads((home / "ids.json").read_text())
    tokens = home / "tokens.json"
    hub = build_services(config, system_clock)
    _warmed(hub.db)
    return worlds.World(
        hub=hub, clock=system_clock, config=config,
        tokens=json.loads(tokens.read_text()) if tokens.exists() else {}, **ids,
    )  # type: ignore[arg-type]  # fmt: skip


def _closed(world: worlds.World) -> None:
    world.hub.db.engine.dispose()


def _arranged(home: Path) -> dict:
    return json.loads((home.parent / "arranged.json").read_text())


def _make(request: dict, home: Path, told: Told) -> None:
    operation = OPERATIONS[request["operation"]]
    home.mkdir(parents=True)
    (home.parent / "tmp").mkdir()
    world = _founded(operation, home, request["database"])
    (home.parent / "arranged.json").write_text(json.dumps(operation.arrange(world)))
    (home / "tokens.json").write_text(json.dumps(world.tokens))
    world.hub.documents.close()
    _closed(world)
    told.line(made=True)


def _founded(operation: Operation, home: Path, database: str) -> worlds.World:
    if operation.old:
        config = settings(home, database)
        services = build_services(config)
        old_home.make_old_home(home, services.db.engine)
        services.db.engine.dispose()
        return opened(home, database)
    worlds.build(home, database)
    world = opened(home, database)
    world.token("police")
    return world


def _nurse(request: dict, home: Path, told: Told) -> None:
    """`database`: where the copy is to be made when it is not in the home; `template`: from which it is copied then."""
    _make(request, home, told)
    copy = home.parent.with_name(f"{home.parent.name}-copy")
    shutil.copytree(home.parent, copy)
    database = request["database"]
    if database:
        worlds.clone_database(request["copy"], make_url(database).database or "")
        database = request["copy"]
    reference = _learnt(request["operation"], copy / "home", database)
    (home.parent / "reference.pickle").write_bytes(pickle.dumps(reference))
    shutil.rmtree(copy)


def _learnt(name: str, home: Path, database: str) -> dict:
    """Every state that a commit makes is one that an end may leave; between two there is none."""
    world = opened(home, database)
    before = oracle.snapshot(world)
    shapes, passed, client = [{}], Counter[str](), Client()

    def passing(point: Point) -> None:
        passed[point.value] += 1
        if point is Point.COMMITTED:
            failpoints.watch(lambda _: None)
            shapes.append(oracle.shape(before, oracle.snapshot(world)))
            failpoints.watch(passing)

    failpoints.watch(passing)
    begun = time.monotonic()
    OPERATIONS[name].act(world, _arranged(home), client)
    took = time.monotonic() - begun
    failpoints.watch(lambda _: None)
    last = oracle.shape(before, oracle.snapshot(world))
    shapes = [one for one in shapes if one != last] + [last]
    reference = {"before": before, "shapes": shapes, "passed": dict(passed), "took": took}
    run = {"done": True, "acks": client.acks, "held": client.held}
    judgement = _judged(world, name, reference, run, time.monotonic())
    if judgement.faults:
        raise AssertionError(f"unharmed, and yet: {judgement.faults}")
    _closed(world)
    return reference


def _act(request: dict, home: Path, told: Told) -> None:
    world = opened(home, request["database"])
    if request.get("unsynced"):
        disk.remember(home, home.parent / "synced.json")
    arranged = _arranged(home)
    told.line(ready=True)
    if request.get("failpoint"):
        failpoints.arm(request["failpoint"], told.pipe)
    OPERATIONS[request["operation"]].act(world, arranged, told)
    told.line(done=True)


def _judge(request: dict, home: Path, told: Told) -> None:
    begun = time.monotonic()
    world = opened(home, request["database"])
    reference = pickle.loads(Path(request["reference"]).read_bytes())
    judgement = _judged(world, request["operation"], reference, request["run"], begun)
    told.line(judged=judgement.told())
    _closed(world)


def _judged(world: worlds.World, name: str, reference: dict, run: dict, begun: float) -> oracle.Judgement:
    operation, arranged = OPERATIONS[name], _arranged(world.config.home)
    resume = (lambda: operation.resume(world, arranged)) if operation.resume else None
    return oracle.judge(world, reference, run, begun, resume)


def _starve(request: dict, home: Path, told: Told) -> None:
    world = opened(home, request["database"])
    starving = Starving(world, OPERATIONS[request["operation"]], told)
    getattr(starving, request["how"])()
    told.line(starved={"faults": starving.faults, "attempts": starving.attempts, "refused": starving.refused})


def _look(request: dict, home: Path, told: Told) -> None:
    """What must hold of any home, whatever was done in it."""
    world = opened(home, request["database"])
    told.line(looked=oracle.looked(world))
    _closed(world)


TASKS = {"make": _make, "nurse": _nurse, "act": _act, "judge": _judge, "starve": _starve, "look": _look}
