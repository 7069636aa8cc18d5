"""`python3 -m hub keys`: look at the keys, rotate them, put them on paper and get them back."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from config import Config
from hub.commands.base import services
from hub.commands.install import holds_data
from hub.errors import Invalid
from hub.keys.cases import Parts, Progress
from hub.keys.escrow import Share, fingerprint_of, join, read
from hub.keys.service import IN_SERVICE, KeyService, Status
from storage.disk import disk_errors, sync_folder, write_synced
from storage.keys import LocalKeyFile, key_file_path


def keys(argv: Sequence[str]) -> int:
    """Keys: status, rotate, escrow, recover."""
    given = _words().parse_args(argv)
    return int(given.run(given))


def _words() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hub keys", description=keys.__doc__)
    what = parser.add_subparsers(required=True, metavar="WHAT")
    looked = what.add_parser("status", help="versions, ages and rotations under way; nothing secret")
    looked.add_argument("--json", action="store_true")
    looked.set_defaults(run=_status)
    _rotate_words(what.add_parser("rotate", help="new keys; without a target: finish what was begun"))
    split = what.add_parser("escrow", help="split the root keys into shares on paper")
    split.add_argument("--shares", type=int, required=True, metavar="N", help="how many are made")
    split.add_argument("--threshold", type=int, required=True, metavar="M", help="how many give the keys")
    split.add_argument("--to", required=True, metavar="DIR", help="a new folder, or - for standard output")
    split.set_defaults(run=_escrow)
    back = what.add_parser("recover", help="put shares together into a key file")
    back.add_argument(
        "--from", dest="files", nargs="+", type=Path, metavar="FILE", help="else standard input"
    )
    back.add_argument("--drill", action="store_true", help="compare with the living keys; write nothing")
    back.set_defaults(run=_recover)
    return parser


def _rotate_words(parser: argparse.ArgumentParser) -> None:
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--root", action="store_true")
    target.add_argument("--area", metavar="ID")
    target.add_argument("--case", metavar="ID")
    target.add_argument("--all-cases", action="store_true")
    parser.add_argument("--keep-old", action="store_true", help="with --root: older root keys go on opening")
    parser.add_argument("--reason", default="", metavar="TEXT", help="kept sealed with the log entries")
    parser.set_defaults(run=_rotate)


def service(because: str = "", progress: Progress | None = None) -> KeyService:
    hub = services()
    shown = progress or (lambda what, done, of: None)  # noqa: ARG005 - Progress's signature
    return KeyService(Parts(db=hub.db, clock=hub.clock, vaults=hub.vaults, progress=shown, because=because))


def _status(given: argparse.Namespace) -> int:
    found = service()
    found.looked("keys status")
    status = found.status()
    if given.json:
        print(json.dumps(status.as_dict(), default=_iso, indent=1))
    else:
        print("\n".join(_told(status)))
    return 0


def _iso(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _told(status: Status) -> list[str]:
    lines = [f"Root keys: {status.provider}, {'answers' if status.healthy else 'DOES NOT ANSWER'}."]
    for root in status.roots:
        mark = " (current)" if root.current else ""
        lines.append(
            f"  version {root.version}{mark}, made {root.made or 'at an unknown time'}: {root.areas} areas"
        )
    for area in status.areas:
        under = ", its rotation is under way" if area.under_way else ""
        lines.append(f"Area {area.area}: key version {area.version}, since {area.since:%Y-%m-%d}{under}")
        lines += [f"  {count} cases at key version {version}" for version, count in area.cases.items()]
        if area.oldest_case_key:
            lines.append(f"  oldest case key: {area.oldest_case_key:%Y-%m-%d}")
        if area.cases_under_way:
            lines.append(f"  {area.cases_under_way} cases' rotations are under way")
        if area.cases_shredded:
            lines.append(f"  {area.cases_shredded} cases' keys were destroyed")
    when = f", {status.escrow_at:%Y-%m-%d}" if status.escrow_at else ""
    lines.append(f"Shares on paper: {status.escrow}{when}.")
    if status.under_way:
        lines.append("A rotation is not finished: `python3 -m hub keys rotate` goes on with it.")
    return lines


def _rotate(given: argparse.Namespace) -> int:
    found = service(given.reason, _show)
    if given.root:
        version = found.rotate_root(keep_old=given.keep_old)
        print(f"The root key is now version {version}." if version else "Every area key is wrapped again.")
        print("Shares made before do not give the new root key: make new ones with `keys escrow`.")
    elif given.area:
        print(f"The area's key is now version {found.rotate_area(given.area)}.")
    elif given.case or given.all_cases:
        count = found.rotate_cases([given.case]) if given.case else found.rotate_all_cases()
        print(f"{count} cases have a new key.")
    else:
        print(f"{found.resume()} rotations that had been begun are finished.")
    return 0


def _show(what: str, done: int, of: int) -> None:
    """Progress on standard error: in place on a terminal, else now and then."""
    if sys.stderr.isatty():
        print(f"\r{done}/{of} {what}", end="\n" if done == of else "", file=sys.stderr, flush=True)
    elif done == of or done % 500 == 0:
        print(f"{done}/{of} {what}", file=sys.stderr, flush=True)


def _escrow(given: argparse.Namespace) -> int:
    if not 2 <= given.threshold <= given.shares <= 255:  # noqa: PLR2004 - shares of a byte-wise scheme
        raise Invalid("threshold", "Ask for 2 to 255 shares, of which at least 2 are needed together.")
    to = None if given.to == "-" else Path(given.to)
    if to is not None and to.exists():
        raise Invalid("to", f"{to} is there already: name a folder that is not.")
    found = service()
    mark = found.escrow(given.shares, given.threshold, lambda pages: _write_pages(to, pages))
    told = f"{given.shares} shares of keys {mark} are made; any {given.threshold} give the keys."
    print(told, file=sys.stderr)
    if to is not None:
        print("Print each, give each to another person, then remove the folder.", file=sys.stderr)
    return 0


def _write_pages(to: Path | None, pages: dict[int, str]) -> None:
    if to is None:
        print("\f\n".join(pages.values()))
        return
    with disk_errors():
        to.mkdir(mode=0o700, parents=True)
        for number, text in pages.items():
            write_synced(to / f"share-{number:03d}.txt", [text.encode()])
        sync_folder(to)


def _recover(given: argparse.Namespace) -> int:
    texts = [path.read_text() for path in given.files] if given.files else sys.stdin.read().split("\f")
    shares = [read(text) for text in texts if text.strip()]
    if given.drill:
        return _drill(shares)
    return _restore(shares)


def _drill(shares: list[Share]) -> int:
    same = service().drill(shares)
    told = "These shares give" if same else "These shares DO NOT give"
    print(f"{told} the keys that this hub uses. Nothing was written.")
    return 0 if same else 1


def _restore(shares: list[Share]) -> int:
    """Before anything of the hub is started: without its key file it would not."""
    config = Config.from_env(os.environ)
    if config.keys_url.startswith("aws-kms:"):
        raise Invalid("keys", IN_SERVICE)
    roots = join(shares)
    path = key_file_path(config.keys_url, config.home)
    LocalKeyFile.restore(path, roots)
    print(f"The key file is at {path} again, with {len(roots.keys)} root keys.")
    if not holds_data(config):
        print("No database is here yet that it could be tried on.")
        return 0
    opened, areas = service().recovered(fingerprint_of(roots))
    print(f"It opens {opened} of {areas} areas.")
    return 0 if opened == areas else 1
