"""`python3 -m hub log`: the access log, verified."""

import argparse
from collections.abc import Sequence

from sqlalchemy import select

from hub.commands.base import services
from hub.commands.install import areas
from hub.ledger.model import LogHead
from hub.ledger.service import verify


def log(argv: Sequence[str]) -> int:
    """Verify the access log of every area."""
    argparse.ArgumentParser(prog="hub log", description=log.__doc__).parse_args(
        [a for a in argv if a != "verify"]
    )
    hub = services()
    bad = 0
    for row in areas(hub.db):
        with hub.db.reading() as session:
            broken = verify(session, row.id, hub.vaults.open_log)
            length = session.scalars(select(LogHead.sequence).where(LogHead.area_id == row.id)).one()
        told = (
            "verifies."
            if broken is None
            else f"is not as written from entry {broken.sequence} on. {broken.why}"
        )
        print(f"{row.name}: {length} entries, the log {told}")
        bad += broken is not None
    return 1 if bad else 0
