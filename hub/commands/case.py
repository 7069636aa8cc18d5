"""`python3 -m hub case shred`: destroy a case that one person asked for and another approved."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from hub.access.actor import program
from hub.commands.base import services
from hub.disposal.certificate import Certificate
from hub.disposal.rules import Step
from hub.disposal.shredding import Target
from hub.errors import Refused
from hub.ledger.events import CommandRun


def case(argv: Sequence[str]) -> int:
    """Destroy a closed case by its approved request: its keys everywhere, its objects, its traces; prints the certificate.

    Whoever is interrupted runs the same command again: it goes on where it stopped.
    """
    given = _parser().parse_args(argv)
    hub = services()
    target = hub.shredding.find(given.case)
    if target.step is None:
        hub.shredding.require_ready(target)
        _confirm(target, yes=given.yes)
    hub.db.record(program(target.area, what="case shred"), CommandRun(command="case shred"))
    certificate = (
        hub.shredding.certificate(target.case) if target.step is Step.DONE else hub.shredding.shred(target)
    )
    if given.certificate:
        given.certificate.write_bytes(certificate.pdf)
    _tell(certificate)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hub case", description=case.__doc__)
    parser.add_argument("what", choices=["shred"])
    parser.add_argument("--case", required=True, help="the case's reference or id")
    parser.add_argument("--certificate", type=Path, help="write the certificate as PDF to this file")
    parser.add_argument(
        "--yes", action="store_true", help="do not ask for the reference to be typed: for scripts"
    )
    return parser


def _confirm(target: Target, *, yes: bool) -> None:
    if yes:
        return
    print(
        f"{target.reference} will be destroyed for good: its documents, their text, the nominal's details, in backups too."
    )
    print(f"Type {target.reference} to go on: ", end="", flush=True)
    if sys.stdin.readline().strip() != target.reference:
        raise Refused("That is not the reference. Nothing was destroyed.")


def _tell(certificate: Certificate) -> None:
    print(certificate.text)
    print(f"SHA-256 of the PDF: {certificate.sha256}")
    print(f"SHA-256 of this text: {certificate.text_sha256}")
