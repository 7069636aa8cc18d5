"""The hub as people meet it: gunicorn on a port of its own, a home of its own, the real clock."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyotp
from sqlalchemy import update

from config import Config
from hub.access.permissions import Role
from hub.app import build_services
from hub.ids import new_id
from hub.migrations import migrate
from hub.people.model import Account, SignedInSession
from hub.services import Services
from hub.statement.model import Acceptance
from hub.statement.rules import PARTS
from hub.statement.service import current_version
from storage.keys import key_provider_from_url
from tests import world as worlds

SOURCE = Path(__file__).resolve().parents[2]
START_SECONDS = 60
STOP_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """An account of a test's own: a code works once, so tests that sign in do not share one."""

    id: str
    email: str
    name: str
    secret: str
    role: Role

    @property
    def code(self) -> str:
        return pyotp.TOTP(self.secret).now()


@dataclass
class Server:
    """A running hub; `hub` is the same home's services in this process, for arranging things."""

    url: str
    home: Path
    hub: Services
    world: worlds.World
    process: subprocess.Popen[bytes]
    log: Path
    made: dict[str, Login] = field(default_factory=dict)
    signed_in: dict[str, Any] = field(default_factory=dict)
    """Cookies of those who signed in through the pages, by e-mail address."""

    @property
    def case(self) -> str:
        return self.world.case

    def person(self, name: str, role: Role, agency: str, *, agreed: bool = True) -> Login:
        """A new account that can sign in now."""
        login = Login(
            id=new_id(),
            email=f"{name.lower().replace(' ', '.')}.{len(self.made)}@fenmarch.example",
            name=name,
            secret=pyotp.random_base32(),
            role=role,
        )
        with self.hub.db.work() as work:
            sealed = self.hub.vaults.box(work.session, self.world.area, "totp").seal(
                login.secret.encode(), login.id
            )
            work.session.add(_account(login, self.world.area, self.world.agencies[agency], sealed))
            work.session.flush()
            if agreed:
                _agree(work.session, self.world.area, login.id)
            work.commit()
        self.made[login.email] = login
        return login

    def login(self, who: str) -> Login:
        """Someone of tests/world.py."""
        account = self.world.account(who)
        return Login(
            id=account.id,
            email=account.email,
            name=account.name,
            secret=worlds.TOTP_SECRET,
            role=Role(account.role),
        )

    def renew_code(self, login: Login) -> None:
        """Let this half minute's code be used once more, where a test signs one person in twice."""
        with self.hub.db.work() as work:
            work.session.get_one(Account, login.id).totp_last_step = 0
            work.commit()

    def run_out(self, login: Login) -> None:
        """Let the person's sessions be idle for too long."""
        long_ago = self.hub.clock() - self.hub.config.idle_limit - timedelta(minutes=1)
        with self.hub.db.work() as work:
            theirs = update(SignedInSession).where(SignedInSession.account_id == login.id)
            work.session.execute(theirs.values(seen_at=long_ago))
            work.commit()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.hub.documents.close()
            self.hub.db.engine.dispose()


def _account(login: Login, area: str, agency: str, totp: bytes) -> Account:
    return Account(
        id=login.id,
        area_id=area,
        agency_id=agency,
        email=login.email,
        name=login.name,
        role=login.role,
        state="active",
        password_hash=worlds.QUICK.hash(worlds.PASSWORD),
        totp_sealed=totp,
        totp_last_step=0,
        created_at=datetime.now(UTC),
    )


def _agree(session: Any, area: str, account: str) -> None:
    current = current_version(session, area)
    assert current is not None
    now = datetime.now(UTC)
    for part in PARTS:
        session.add(
            Acceptance(account_id=account, version_id=current.id, part=part, at=now, sha256=current.sha256)
        )


def start(folder: Path, **settings: str) -> Server:
    """A populated hub, answering. `folder` is new; `settings` are further HUB_* and other variables."""
    home, temporary = folder / "home", folder / "tmp"
    temporary.mkdir(parents=True)
    environ = {"HUB_HOME": str(home), "HUB_SECRET": worlds.SECRET, "TMPDIR": str(temporary), **settings}
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("HUB_") or name == "HUB_ASSETS"
    }
    config = Config.from_env(kept | environ)
    world = _populated(config)
    port = free_port()
    command = [sys.executable, "-m", "hub.serve", "--no-demo", "--port", str(port)]
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=SOURCE, env=kept | environ, stdout=out, stderr=out, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    server = Server(url=url, home=home, hub=world.hub, world=world, process=process, log=log)
    try:
        _wait(server)
    except BaseException:
        server.stop()
        raise
    return server


def _populated(config: Config) -> worlds.World:
    """What tests/world.py makes, but of today: a browser's clock and the server's agree."""
    clock = worlds.TestClock()
    clock.now = datetime.now(UTC) - timedelta(days=1)
    key_provider_from_url(config.keys_url, config.home, create=True)
    hub = build_services(config, clock)
    migrate(hub.db.engine)
    ids = worlds._populate(hub, clock)
    (config.home / "ids.json").write_text(json.dumps(ids))
    hub.db.engine.dispose()
    return worlds.World(hub=build_services(config), clock=clock, config=config, **ids)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{server.url}/healthz", timeout=2):
            return
        time.sleep(0.1)
    raise AssertionError(f"the hub did not start:\n{server.log.read_text()}")
