"""A repository of backups: what lies where, in a folder or below a prefix of an S3 service.

repository.json              whose it is
objects/                     sealed objects, each once, laid out as in a store
keys/area/<area>/<ref>       an area key, wrapped by the root key
keys/case_/<case>/<ref>      a case key, wrapped by the area key
forgotten/<case>             the case's keys were destroyed here, and none is ever taken in again
snapshots/<name>/<table>.jsonl.gz
snapshots/<name>/manifest.json      written last: without it there is no snapshot
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from hub.backup.manifest import Manifest, file_name, files_of, manifest_from
from hub.backup.tables import Row, TableFile, TableReader
from hub.backup.wrappings import CASE, Reference, check_wrapping
from hub.errors import Refused
from storage.errors import AlreadyExists, NotFound, Tampered
from storage.names import check_id, new_id
from storage.places import Place, place_from_url, read
from storage.stores import store_from_url
from storage.stores.base import Store

FORMAT = "mappa-hub/backup-repository/1"
HEAD, MANIFEST = "repository.json", "manifest.json"
_SNAPSHOT = re.compile(r"[0-9]{8}T[0-9]{6}Z-[1-9][0-9]{0,5}")
_ALTERED = "The backup repository is not as this program writes it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    id: str
    hub: str
    url: str
    place: Place
    objects: Store

    @classmethod
    def open(cls, url: str) -> Self:
        """`Refused` where there is none."""
        place = place_from_url(url)
        try:
            said = json.loads(read(place, HEAD))
            if said["format"] != FORMAT:
                raise Tampered(_ALTERED)
            found, hub = check_id(said["id"]), check_id(said["hub"])
        except NotFound:
            raise Refused(f"There is no backup repository at {url}.") from None
        except (ValueError, KeyError, TypeError):
            raise Tampered(_ALTERED) from None
        return cls(id=found, hub=hub, url=url, place=place, objects=_objects(url))

    @classmethod
    def open_or_make(cls, url: str, hub: str) -> Self:
        """One for this hub; `Refused` when it is another's, or when something else lies there."""
        place = place_from_url(url)
        names = place.names()
        if next(names, None) is None:
            head = {"format": FORMAT, "id": new_id(), "hub": hub}
            with suppress(AlreadyExists):
                place.write(HEAD, [json.dumps(head).encode()])
        opened = cls.open(url)
        if opened.hub != hub:
            raise Refused("This repository holds the backups of another hub: each hub has its own.")
        return opened

    # --- snapshots

    def snapshots(self) -> list[str]:
        """Oldest first; only whole ones."""
        found = [name.split("/") for name in self.place.names("snapshots/")]
        return sorted(
            (one[1] for one in found if one[2:] == [MANIFEST] and _SNAPSHOT.fullmatch(one[1])), key=_order
        )

    def new_name(self, at: datetime) -> str:
        """One that no snapshot has had that is still here; never before one that is."""
        taken = {name.split("/")[1] for name in self.place.names("snapshots/")}
        stem = f"{at:%Y%m%dT%H%M%SZ}"
        number = 1
        while f"{stem}-{number}" in taken:
            number += 1
        return f"{stem}-{number}"

    def manifest(self, snapshot: str) -> Manifest:
        if not _SNAPSHOT.fullmatch(snapshot):
            raise Refused("A snapshot's name looks like 20260302T090000Z-1; `backup list` prints them.")
        try:
            found = manifest_from(read(self.place, f"snapshots/{snapshot}/{MANIFEST}"))
        except NotFound:
            raise Refused(f"There is no snapshot {snapshot} in this repository.") from None
        if (found.snapshot, found.repository, found.hub) != (snapshot, self.id, self.hub):
            raise Tampered("The backup is not as it was written: a manifest was moved here from elsewhere.")
        return found

    def newest(self) -> str:
        names = self.snapshots()
        if not names:
            raise Refused("There is no snapshot in this repository yet.")
        return names[-1]

    def table_path(self, snapshot: str, table: str) -> str:
        return f"snapshots/{snapshot}/{file_name(table)}"

    def publish(self, manifest: Manifest) -> None:
        self.place.write(f"snapshots/{manifest.snapshot}/{MANIFEST}", [manifest.as_text()])

    def rows(self, manifest: Manifest, table: str) -> Iterator[Row]:
        """Of one table; none when the snapshot is of before there was such a table."""
        known = {one.name for one, _ in files_of(manifest)}
        return self.rows_below(manifest.snapshot, manifest.table(table)) if table in known else iter(())

    def rows_below(self, snapshot: str, told: TableFile) -> Iterator[Row]:
        """Of one table of a snapshot, published or not yet."""
        try:
            yield from TableReader(self.place.chunks(self.table_path(snapshot, told.name)), told).rows()
        except NotFound:
            raise Tampered(f"The backup is not whole: its file of table {told.name} is missing.") from None

    def drop(self, snapshot: str) -> None:
        """The manifest first: a half-removed snapshot is none, and the next sweep removes the rest."""
        self.place.delete(f"snapshots/{snapshot}/{MANIFEST}")
        for name in list(self.place.names(f"snapshots/{snapshot}/")):
            self.place.delete(name)

    # --- keys

    def wrapping(self, one: Reference) -> bytes | None:
        """None when it is not here, as of a forgotten case."""
        try:
            return check_wrapping(one, read(self.place, one.path))
        except NotFound:
            return None

    def keep(self, one: Reference, wrapped: bytes) -> None:
        """Written once; a forgotten case's is destroyed again, whoever was quicker."""
        with suppress(AlreadyExists):
            self.place.write(one.path, [wrapped])
        if one.table == CASE and self.has_forgotten(one.owner):
            self._destroy_keys(one.owner)

    def rewrap(self, one: Reference, wrapped: bytes) -> None:
        """An area's key, the same, under a newer root key."""
        self.place.write(one.path, [wrapped], replace=True)

    def references(self) -> Iterator[Reference]:
        for name in self.place.names("keys/"):
            if (one := Reference.at(name)) is not None:
                yield one

    def remove_key(self, one: Reference) -> None:
        self.place.destroy(one.path)

    # --- cases that are gone

    def forget(self, case: str, at: datetime) -> None:
        """Destroy what there is of a case's key here, for good. The mark comes first: no writer brings a key back after it."""
        told = json.dumps({"case": check_id(case), "at": at.isoformat()}).encode()
        with suppress(AlreadyExists):
            self.place.write(f"forgotten/{case}", [told])
        self._destroy_keys(case)

    def forgotten(self) -> set[str]:
        return {name.split("/")[-1] for name in self.place.names("forgotten/")}

    def closed(self, manifest: Manifest) -> set[str]:
        """Cases that nothing opens: forgotten here, or shredded before the snapshot. Their objects are not asked for."""
        rows = self.rows(manifest, CASE)
        return self.forgotten() | {row["id"] for row in rows if row["key_wrapped"] is None}

    def has_forgotten(self, case: str) -> bool:
        try:
            return bool(read(self.place, f"forgotten/{check_id(case)}"))
        except NotFound:
            return False

    def _destroy_keys(self, case: str) -> None:
        self.place.destroy(f"keys/{CASE}/{case}/")

    # --- what a crash leaves

    def sweep(self) -> None:
        """Remove what a run that ended half way left. Nobody else may be writing here."""
        self.place.sweep("snapshots/")
        self.objects.sweep(0)
        whole = set(self.snapshots())
        for snapshot in {name.split("/")[1] for name in self.place.names("snapshots/")} - whole:
            self.drop(snapshot)
        gone = self.forgotten()
        for one in list(self.references()):
            if one.table == CASE and one.owner in gone:
                self.remove_key(one)


def _order(snapshot: str) -> tuple[str, int]:
    stem, _, number = snapshot.partition("-")
    return stem, int(number)


def _objects(url: str) -> Store:
    base = url.rstrip("/")
    if base.startswith("s3://"):
        return store_from_url(f"{base}/objects", Path())
    path = Path(base.removeprefix("folder:")).absolute()
    if (path / "objects").is_symlink():
        raise Tampered(
            "The objects of the backup are a link to elsewhere, as to the hub's own: nothing is done."
        )
    return store_from_url(f"folder:{path / 'objects'}", path)
