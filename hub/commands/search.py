"""`python3 -m hub search rebuild`: make the search shards anew from the documents' sealed text."""

import argparse
from collections.abc import Sequence

from sqlalchemy import or_, select

from hub.access.actor import program
from hub.cases.model import Case
from hub.commands.base import services
from hub.errors import Conflict, Refused
from hub.ledger.events import CommandRun
from hub.services import Services
from storage.errors import StorageError


def search(argv: Sequence[str]) -> int:
    """Make the search shards of all cases, or of one, anew; people go on searching meanwhile.

    A case that cannot be read keeps its shards, and the others are still made; the answer is then 1.
    """
    given = _parser().parse_args(argv)
    hub = services()
    cases = _cases(hub, given.case)
    for area in sorted({area for _, area, _ in cases}):
        hub.db.record(program(area, what="search rebuild"), CommandRun(command="search rebuild"))
    documents, broken = 0, 0
    for number, (case, _, reference) in enumerate(cases, start=1):
        try:
            documents += hub.search.rebuild(case) or 0
            print(f"{number} of {len(cases)}: {reference}", flush=True)
        except (Conflict, StorageError) as error:
            broken += 1
            print(f"{number} of {len(cases)}: {reference} could not be made anew: {error}", flush=True)
    print(f"{len(cases) - broken} cases with {documents} documents can be searched.")
    return 1 if broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hub search", description=search.__doc__)
    parser.add_argument("what", choices=["rebuild"])
    parser.add_argument("--case", help="only the case of this reference or id")
    return parser


def _cases(hub: Services, wanted: str | None) -> list[tuple[str, str, str]]:
    query = select(Case.id, Case.area_id, Case.reference).where(Case.key_wrapped.is_not(None))
    if wanted:
        query = query.where(or_(Case.reference == wanted, Case.id == wanted))
    with hub.db.reading() as session:
        found = [
            (id_, area, reference) for id_, area, reference in session.execute(query.order_by(Case.reference))
        ]
    if wanted and not found:
        raise Refused("There is no such case.")
    return found
