"""`python3 -m hub log`: the access log verified, exported with its proofs, and its newest checkpoint to be kept elsewhere."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select

from hub.access.actor import program
from hub.commands.base import services
from hub.commands.install import areas
from hub.errors import Conflict, Invalid
from hub.ledger.model import LogCaseHead, LogHead
from hub.ledger.service import verify
from hub.proof.export import Exporter, Wanted, newest_note
from hub.proof.outside import verify as outside
from hub.services import Services


def log(argv: Sequence[str]) -> int:
    """Verify the log, export it with its proofs, or take its newest checkpoint."""
    words = list(argv) or ["verify"]
    if words[0] == "verify" and len(words) > 1 and words[1] not in ("-h", "--help"):
        return outside.main(words[1:])
    given = _parser().parse_args(words)
    if given.what == "verify":
        return _verify(services())
    if given.what == "accept-restore":
        return _accept(given)
    return _export(given) if given.what == "export" else _checkpoint(given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hub log", description=log.__doc__)
    whats = parser.add_subparsers(dest="what", required=True)
    whats.add_parser(
        "verify", help="the database's log, or a bundle: verify DIR [--checkpoint FILE] [--key VKEY] ..."
    )
    export = whats.add_parser("export", help="write a bundle that the verifier checks alone")
    export.add_argument("--to", type=Path, required=True, metavar="DIR", help="a new folder")
    export.add_argument("--case", metavar="C", help="only this case's entries: its id")
    export.add_argument(
        "--open-private", action="store_true", help="with addresses, searches and other private values"
    )
    checkpoint = whats.add_parser("checkpoint", help="the newest checkpoint, to be kept elsewhere")
    checkpoint.add_argument("--to", type=Path, metavar="FILE", help="a new file (standard output)")
    accept = whats.add_parser(
        "accept-restore", help="go on with a database that is older than its log's checkpoints"
    )
    accept.add_argument("--reason", required=True, metavar="TEXT", help="goes on record, sealed")
    for one in (export, checkpoint):
        one.add_argument("--area", metavar="A", help="its id, where the hub has several")
    return parser


def _verify(hub: Services) -> int:
    bad = 0
    for row in areas(hub.db):
        with hub.db.reading() as session:
            broken = verify(session, row.id, hub.vaults.open_log)
            length = session.scalars(select(LogHead.sequence).where(LogHead.area_id == row.id)).one()
        fault = broken and f"is not as written from entry {broken.sequence} on. {broken.why}"
        print(f"{row.name}: {length} entries, the log {fault or 'verifies.'}")
        bad += broken is not None
    return 1 if bad else 0


def _export(given: argparse.Namespace) -> int:
    hub = services()
    area = _of_case(hub, given.case) if given.case else _area(hub, given.area)
    wanted = Wanted(area=area, case=given.case, opened=given.open_private)
    exporter = Exporter(
        hub.db, hub.clock, hub.vaults.open_log, hub.checkpoints, hub.checkpoints.witnesses.keys
    )
    exporter.to_folder(program(area), wanted, given.to)
    print(
        f"The bundle is in {given.to}. Whoever has it checks it with: python3 {given.to / 'verify.py'} {given.to}"
    )
    return 0


def _checkpoint(given: argparse.Namespace) -> int:
    hub = services()
    area = _area(hub, given.area)
    hub.checkpoints.make(area)
    with hub.db.reading() as session:
        note = newest_note(session, area)
    if given.to is None:
        print(note, end="")
        return 0
    try:
        number = os.open(given.to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        raise Conflict(
            f"{given.to} is there already, and a checkpoint that was kept is never written over."
        ) from None
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(note)
        file.flush()
        os.fsync(file.fileno())
    print(
        f"The checkpoint of {note.splitlines()[1]} entries is in {given.to}. Keep it where the hub does not reach."
    )
    return 0


def _accept(given: argparse.Namespace) -> int:
    if not given.reason.strip():
        raise Invalid("reason", "Say why the hub goes on with an older state: --reason TEXT.")
    hub = services(anchored=False)
    hub.anchored.set_strange_aside()
    for row in areas(hub.db):
        size, signed = hub.anchored.accept(row.id, given.reason)
        lost = (
            f" {signed - size} entries that were signed are not in it; their checkpoints are set aside."
            if signed > size
            else ""
        )
        print(f"{row.name}: the log goes on from entry {size}.{lost}")
    return 0


def _area(hub: Services, asked: str | None) -> str:
    known = [row.id for row in areas(hub.db)]
    if asked in known or (asked is None and len(known) == 1):
        return asked or known[0]
    raise Conflict(f"Which area? --area takes one of: {', '.join(known) or 'none is founded yet'}.")


def _of_case(hub: Services, case: str) -> str:
    with hub.db.reading() as session:
        found = session.get(LogCaseHead, case)
    if found is None:
        raise Conflict("The log has no entry of this case, so that there is nothing to export.")
    return found.area_id
