"""`python3 -m hub vault`: what is stored, and one object's own key for another program."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from hub.commands.base import services
from hub.commands.vault_check import add_check
from hub.keys.cases import Parts
from hub.keys.listing import StoredObjects


def vault(argv: Sequence[str]) -> int:
    """What is stored: ls, check, recovery-key."""
    parser = argparse.ArgumentParser(prog="hub vault", description=vault.__doc__)
    what = parser.add_subparsers(required=True, metavar="WHAT")
    listed = what.add_parser("ls", help="ids, kinds, versions, sizes; no names. The log says that you looked")
    listed.add_argument("--case", metavar="ID")
    listed.add_argument("--json", action="store_true")
    listed.set_defaults(run=_ls)
    handed = what.add_parser("recovery-key", help="one object's own key, on record as a disclosure")
    handed.add_argument("--case", required=True, metavar="ID")
    handed.add_argument("--object", required=True, metavar="ID")
    handed.add_argument("--reason", required=True, metavar="TEXT")
    handed.add_argument("--to", type=Path, default=Path("recovery"), metavar="DIR", help="a new folder")
    handed.set_defaults(run=_recovery_key)
    add_check(what)
    given = parser.parse_args(argv)
    return int(given.run(given))


def _stored() -> StoredObjects:
    hub = services()
    return StoredObjects(
        Parts(db=hub.db, clock=hub.clock, vaults=hub.vaults, progress=lambda what, done, of: None)  # noqa: ARG005 - Progress's signature
    )


def _ls(given: argparse.Namespace) -> int:
    found = _stored().listed(given.case)
    if given.json:
        print(json.dumps([asdict(line) for line in found], default=str, indent=1))
        return 0
    for line in found:
        gone = "  destroyed" if line.destroyed else ""
        sizes = f"{line.size:>12} {line.sealed_size:>12}"
        print(f"{line.case}  {line.object}.{line.version}  {line.kind:<10} {sizes}{gone}")
    return 0


def _recovery_key(given: argparse.Namespace) -> int:
    _stored().hand_out(given.case, given.object, given.reason, given.to)
    print(
        f"{given.to} holds keyset.json, associated-data.bin and object.sealed: docs/sealed-format.md, section 3."
    )
    print("Whoever has this folder reads the object: remove it when it has served.")
    return 0
