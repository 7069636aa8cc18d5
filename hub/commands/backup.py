"""`python3 -m hub backup`: make, check, restore, list and remove snapshots."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from config import Config, ConfigError
from hub.backup.restore import Restored
from hub.clock import LONDON
from hub.commands.base import bare_services, services

MEGABYTE = 1_000_000


def backup(argv: Sequence[str]) -> int:
    """Make, check, restore, list and remove snapshots of the whole hub, in a folder or an S3 bucket."""
    given = _parser().parse_args(argv)
    config = Config.from_env(os.environ)
    url = given.url or config.backup_url
    if not url and given.action is not _rewrap:
        raise ConfigError(
            "Say where the backups are: --to or --from with a folder or s3://bucket/prefix, or HUB_BACKUP_URL."
        )
    action: Callable[[argparse.Namespace, str], int] = given.action
    return action(given, url)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hub backup", description=backup.__doc__)
    words = parser.add_subparsers(required=True, metavar="create|verify|restore|list|prune|rewrap")
    create = _word(words, "create", _create, "make a snapshot while the hub serves")
    create.add_argument(
        "--check", action="store_true", help="read objects that are there already once more, and mend them"
    )
    verify = _word(
        words, "verify", _verify, "check a snapshot: hashes, counts, objects, and its seal where the keys are"
    )
    verify.add_argument("--snapshot", help="default: the newest")
    verify.add_argument(
        "--deep", action="store_true", help="open every object, and verify the access log in it"
    )
    restore = _word(words, "restore", _restore, "put an empty home, database and store to a snapshot")
    restore.add_argument("--snapshot", help="default: the newest")
    _word(words, "list", _list, "list the snapshots")
    prune = _word(words, "prune", _prune, "remove older snapshots, and what only they hold")
    prune.add_argument("--keep", type=int, required=True, help="how many of the newest to keep")
    _word(words, "rewrap", _rewrap, "wrap the area keys in every known repository for the newest root key")
    return parser


def _word(words: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, action: object, told: str) -> argparse.ArgumentParser:  # fmt: skip
    parser = words.add_parser(name, help=told, description=told)
    parser.add_argument(
        "--to",
        "--from",
        dest="url",
        default="",
        help="a folder or s3://bucket/prefix; default HUB_BACKUP_URL",
    )
    parser.set_defaults(action=action)
    return parser


def _create(given: argparse.Namespace, url: str) -> int:
    made = services().backup.create(url, _progress(), check=given.check)
    manifest = made.manifest
    print(
        f"Snapshot {manifest.snapshot}: {sum(one.rows for one in manifest.tables):,} rows, {manifest.entries:,} log entries, "
        f"{manifest.objects:,} objects; {made.copied:,} of them new ({made.copied_bytes / MEGABYTE:,.1f} MB)."
    )
    if manifest.missing:
        print(
            f"{len(manifest.missing)} objects are named by rows and are missing from the store or altered there, the first of "
            f"them {manifest.missing[0]}: run `vault check`. Everything else is in the snapshot.",
            file=sys.stderr,
        )
    return 1 if manifest.missing else 0


def _verify(given: argparse.Namespace, url: str) -> int:
    bare = bare_services()
    hub = services() if bare.backup.installed() else bare
    found = hub.backup.verify(url, given.snapshot, _progress(), deep=given.deep)
    for sentence in found.checked.faults:
        print(sentence, file=sys.stderr)
    how = {
        "hashes": "hashes only, for the keys are not here",
        "seals": "hashes, and the seal by this hub's keys",
        "opened": "hashes, seal, log, and every object opened",
    }[found.how]
    told = f"{len(found.checked.faults)} faults" if found.checked.faults else "whole"
    print(f"Snapshot {found.manifest.snapshot}: {told} ({how}); {found.checked.objects:,} objects.")
    return 1 if found.checked.faults else 0


def _restore(given: argparse.Namespace, url: str) -> int:
    hub = bare_services()
    _tell_restored(hub.backup.restore(url, given.snapshot, _progress()))
    return 0


def _tell_restored(restored: Restored) -> None:
    manifest = restored.manifest
    print(
        f"Restored snapshot {manifest.snapshot}: {sum(one.rows for one in manifest.tables):,} rows, "
        f"{restored.objects:,} objects, {manifest.entries:,} log entries whose root is the one that was backed up."
    )
    for case in restored.shredded:
        print(f"Case {case} was shredded since: it stays so.")
    print(
        f"Everything done after {manifest.created_at.astimezone(LONDON):%d %B %Y at %H:%M} is not here: uploads, agreements and log entries, and also "
        "suspended accounts, exclusions and withdrawn documents, which are as they were then. Everyone signs in anew."
    )


def _list(given: argparse.Namespace, url: str) -> int:  # noqa: ARG001 - every action is called alike
    for one in bare_services().backup.listed(url):
        manifest = one.manifest
        size = manifest.object_bytes + sum(table.size for table in manifest.tables)
        print(
            f"{manifest.snapshot}  {manifest.entries:>9,} entries  {manifest.objects:>9,} objects  {size / MEGABYTE:>10,.1f} MB"
            + (f"  {one.opens}" if one.opens else "")
        )
    return 0


def _prune(given: argparse.Namespace, url: str) -> int:
    pruned = services().backup.prune(url, given.keep)
    print(f"{pruned.snapshots} snapshots, {pruned.objects:,} objects and {pruned.keys:,} keys were removed.")
    return 0


def _rewrap(given: argparse.Namespace, url: str) -> int:  # noqa: ARG001 - every action is called alike
    told = services().backup.rewrap()
    for address, what in told:
        print(f"{address}: {what}.")
    return 0


def _progress() -> Callable[[str, int, int], None]:
    """Counts on a terminal; nothing in a log."""
    if not sys.stderr.isatty():
        return lambda _what, _done, _total: None

    def show(what: str, done: int, total: int) -> None:
        print(
            f"\r{what}: {done:,} of {total:,} ",
            end="\n" if done >= total else "",
            file=sys.stderr,
            flush=True,
        )

    return show
