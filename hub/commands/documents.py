"""`python3 -m hub documents reread`: take up again what could not be read, with the reader that this machine now has."""

import argparse
from collections import Counter
from collections.abc import Sequence

from hub.access.actor import program
from hub.commands.base import services
from hub.commands.install import areas
from hub.documents.model import TextState
from hub.documents.service import DocumentService
from hub.ledger.events import CommandRun

_SAID = {
    TextState.READY: "can be searched",
    TextState.NO_TEXT: "without text",
    TextState.FAILED: "cannot be read",
    TextState.WAITING: "to be indexed again",
}


def documents(argv: Sequence[str]) -> int:
    """Read again the documents of which no text, or not all, was had by an older reader or without text recognition.

    The running hub does this by itself; this shows its progress, and may be run beside it.
    """
    given = _parser().parse_args(argv)
    hub = services()
    for area in areas(hub.db):
        hub.db.record(program(area.id), CommandRun(command="documents reread"))
    try:
        counts = _reread(hub.documents, given.case)
    finally:
        hub.documents.close()
    told = ", ".join(f"{count} {_SAID[state]}" for state, count in sorted(counts.items()))
    print(
        f"Read again: {told}." if told else "Nothing is left that this machine's reader could have more of."
    )
    return 0


def _reread(service: DocumentService, case: str | None) -> Counter[TextState]:
    """How many came to each state. Ends when the rest is being read by another process."""
    counts: Counter[TextState] = Counter()
    before = -1
    while counts.total() > before:
        before = counts.total()
        for document, number in service.rereadable(case):
            state = service.reread(document, number)
            if state is not None:
                counts[state] += 1
                print(f"{document} version {number}: {_SAID[state]}", flush=True)
    return counts


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hub documents", description=documents.__doc__)
    parser.add_argument("what", choices=["reread"])
    parser.add_argument("--case", help="of this case alone, by its reference or id")
    return parser
