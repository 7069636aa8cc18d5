"""`python3 -m hub area`: found an area."""

import argparse
from collections.abc import Sequence

from hub.access.actor import program
from hub.commands.base import services
from hub.ledger.events import CommandRun
from hub.people.founding import found_area


def area(argv: Sequence[str]) -> int:
    """Found an area and invite its first administrator; prints the invitation's address."""
    parser = argparse.ArgumentParser(prog="hub area", description=area.__doc__)
    parser.add_argument("--name", required=True, help="the area's name")
    parser.add_argument("--localities", required=True, help="its localities, separated by commas")
    parser.add_argument("--agency", required=True, help="the administrator's agency")
    parser.add_argument("--admin", required=True, help="the administrator's e-mail address")
    parser.add_argument("--admin-name", required=True)
    given = parser.parse_args(argv)
    hub = services()
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
