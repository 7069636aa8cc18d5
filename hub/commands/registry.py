"""The commands beside run, test, bench and lint: `python3 -m hub <name> ...`."""

import sys
from collections.abc import Sequence

from config import ConfigError
from hub.commands.area import area
from hub.commands.backup import backup
from hub.commands.base import AT_END, Command
from hub.commands.case import case
from hub.commands.documents import documents
from hub.commands.keys import keys
from hub.commands.log import log
from hub.commands.review_settings import review_settings
from hub.commands.search import search
from hub.commands.vault import vault
from hub.commands.witness import witness
from hub.errors import HubError
from storage.errors import StorageError


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
    finally:
        AT_END.close()


COMMANDS: dict[str, tuple[str, Command]] = {
    "area": ("found an area and invite its first administrator", area),
    "case": ("destroy a case that two people agreed on: case shred --case REFERENCE", case),
    "documents": ("read again what could not be read: reread [--case REFERENCE]", documents),
    "backup": ("make, check, restore, list and remove snapshots", backup),
    "keys": ("the keys: status, rotate, escrow, recover", keys),
    "log": ("the access log: verify, export, checkpoint", log),
    "review-settings": ("an area's own numbers for reviews and break-glass", review_settings),
    "search": ("make the search shards anew: search rebuild [--case REFERENCE]", search),
    "witness": ("cosign other logs: init, add-log, run, status", witness),
    "vault": ("what is stored: ls, check, recovery-key", vault),
}
