"""The commands beside run, test, bench and lint: `python3 -m hub <name> ...`."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from sqlalchemy import select

from config import Config, ConfigError
from hub.access.actor import program
from hub.app import build_services
from hub.commands.install import areas, prepare
from hub.errors import HubError
from hub.ledger.events import CommandRun
from hub.ledger.model import LogHead
from hub.ledger.service import verify
from hub.people.founding import found_area
from hub.services import Services
from storage.errors import StorageError

Command = Callable[[Sequence[str]], int]


def main(argv: Sequence[str]) -> int:
    """Run one command; 0 when done, 1 with one sentence when not, 2 when there is no such command."""
    name, *rest = argv
    if name not in COMMANDS:
        print(f"There is no command {name!r}; `python3 -m hub --help` lists them.", file=sys.stderr)
        return 2
    try:
        return COMMANDS[name][1](rest)
    except (ConfigError, HubError, StorageError) as error:
        print(str(error), file=sys.stderr)
        return 1


def _services() -> Services:
    config = Config.from_env(os.environ)
    prepare(config, demo=False, progress=print)
    return build_services(config)


def area(argv: Sequence[str]) -> int:
    """Found an area and invite its first administrator; prints the invitation's address."""
    parser = argparse.ArgumentParser(prog="hub area", description=area.__doc__)
    parser.add_argument("--name", required=True, help="the area's name")
    parser.add_argument("--localities", required=True, help="its localities, separated by commas")
    parser.add_argument("--agency", required=True, help="the administrator's agency")
    parser.add_argument("--admin", required=True, help="the administrator's e-mail address")
    parser.add_argument("--admin-name", required=True)
    given = parser.parse_args(argv)
    hub = _services()
    localities = [part.strip() for part in given.localities.split(",") if part.strip()]
    with hub.db.work() as work:
        founded = found_area(work.session, hub.clock, hub.vaults, name=given.name, localities=localities)
        work.record(program(founded.id), CommandRun(command="area"))
        work.commit()
    link = hub.people.invite_first(founded.id, agency=given.agency, email=given.admin, name=given.admin_name)
    print(
        f"{given.name} is founded. {given.admin_name} enrols at {hub.config.public_url or ''}{link} within three days."
    )
    return 0


def log(argv: Sequence[str]) -> int:
    """Verify the access log of every area against its chain."""
    argparse.ArgumentParser(prog="hub log", description=log.__doc__).parse_args(
        [a for a in argv if a != "verify"]
    )
    hub = _services()
    bad = 0
    for row in areas(hub.db):
        with hub.db.reading() as session:
            broken = verify(session, row.id)
            length = session.scalars(select(LogHead.sequence).where(LogHead.area_id == row.id)).one()
        told = "verifies" if broken is None else f"does not follow from entry {broken} on"
        print(f"{row.name}: {length} entries, the log {told}.")
        bad += broken is not None
    return 1 if bad else 0


COMMANDS: dict[str, tuple[str, Command]] = {
    "area": ("found an area and invite its first administrator", area),
    "log": ("verify the access log: log verify", log),
}
