"""Older snapshots removed, and of objects and keys what no kept snapshot names."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from hub.backup.repository import Repository
from hub.backup.wrappings import AREA, CASE, Reference, placed
from storage.errors import NotFound


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many of each were removed."""

    snapshots: int
    objects: int
    keys: int


def prune(repository: Repository, keep: int) -> Pruned:
    """Keep the newest `keep` snapshots (at least one). Nobody else may be writing but who forgets a case."""
    names = repository.snapshots()
    kept = names[-max(keep, 1) :]
    for snapshot in names[: -len(kept)]:
        repository.drop(snapshot)
    repository.sweep()
    needed, keys = _needed(repository, kept)
    objects = _remove_objects(repository, needed)
    unused = [one for one in repository.references() if one not in keys]
    for one in unused:
        repository.remove_key(one)
    return Pruned(len(names) - len(kept), objects, len(unused))


def _needed(repository: Repository, kept: Sequence[str]) -> tuple[set[str], set[Reference]]:
    """Names of objects and references to keys in the kept snapshots; of a forgotten case nothing can be read any more."""
    objects, keys = set[str](), set[Reference]()
    for snapshot in kept:
        manifest = repository.manifest(snapshot)
        closed = repository.closed(manifest)
        for row in repository.rows(manifest, "stored_object"):
            if row["case_id"] not in closed:
                objects.add(row["name"])
        for table in (AREA, CASE):
            for row in repository.rows(manifest, table):
                keys |= set(placed(table, row).values())
    return objects, keys


def _remove_objects(repository: Repository, needed: set[str]) -> int:
    unused = [name for name in repository.objects.names() if name not in needed]
    for name in unused:
        with suppress(NotFound):
            repository.objects.delete(name)
    return len(unused)
