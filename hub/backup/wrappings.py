"""Keys apart from the rows: a snapshot refers to the wrapped keys of areas and cases by hash, and holds none of them.

So one small file, shared by all snapshots, is all that there is of a case's key in a repository: destroying it takes the
case out of every snapshot, however old. An area key's file may be wrapped again under a newer root key; its name stays.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from hub.backup.tables import Row
from storage.errors import Tampered

AREA, CASE = "area", "case_"
OWNERS: Mapping[str, str] = {AREA: "id", CASE: "id"}
"""Tables whose keys are kept apart -> the column that says whose."""
SUFFIX = "_wrapped"
"""Of each column with a wrapped key; that key's version is in the column of the same stem that ends in `_version`."""
_PATH = re.compile(r"keys/(area|case_)/([a-z2-7]{26})/([1-9][0-9]{0,8})-([0-9a-f]{64})")
_ALTERED = "The backup is not as it was written: a key's file is not the one that its name says."


@dataclass(frozen=True, slots=True)
class Reference:
    """`digest` is the SHA-256 (hex) of the wrapping as it was when it was first backed up, `version` that of the key in it."""

    table: str
    owner: str
    version: int
    digest: str

    @property
    def path(self) -> str:
        """In a repository."""
        return f"keys/{self.table}/{self.owner}/{self.version}-{self.digest}"

    @classmethod
    def at(cls, path: str) -> Self | None:
        found = _PATH.fullmatch(path)
        return cls(found[1], found[2], int(found[3]), found[4]) if found else None


def taken_out(table: str, row: Row) -> dict[Reference, bytes]:
    """The wrapped keys of a row, which then holds their hashes in their places."""
    found = {}
    for name in _key_columns(table, row):
        wrapped = row[name]
        row[name] = hashlib.sha256(wrapped).digest()
        found[_reference(table, row, name)] = wrapped
    return found


def placed(table: str, row: Row) -> dict[str, Reference]:
    """{column: what it refers to} of a row as a snapshot has it."""
    return {name: _reference(table, row, name) for name in _key_columns(table, row)}


def check_wrapping(one: Reference, wrapped: bytes) -> bytes:
    """A case's wrapping never changes, so its name tells; of an area's, the seal made with its key does."""
    if one.table == CASE and hashlib.sha256(wrapped).hexdigest() != one.digest:
        raise Tampered(_ALTERED)
    return wrapped


def _key_columns(table: str, row: Row) -> list[str]:
    if table not in OWNERS:
        return []
    return [name for name, value in row.items() if name.endswith(SUFFIX) and value is not None]


def _reference(table: str, row: Row, column: str) -> Reference:
    version = row[f"{column.removesuffix(SUFFIX)}_version"]
    return Reference(table, row[OWNERS[table]], version, row[column].hex())
