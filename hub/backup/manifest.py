"""What a snapshot says of itself: its files and their hashes, how far each log had come, and seals by each area's keys.

The seal is HMAC-SHA-256 over the RFC 8785 text of the manifest without its seals, under the area purpose `backup` of
docs/sealed-format.md: who may write the repository but holds no key cannot change a snapshot unnoticed.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, get_type_hints

import rfc8785

from hub.backup.tables import TableFile
from storage.errors import Tampered

FORMAT = "mappa-hub/backup/1"
PURPOSE = "backup"
"""Of the area key, for seals."""
_ALTERED = "The backup is not as it was written: its manifest does not fit."


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaState:
    """How far an area's log had come: `root` (hex) is RFC 6962's over `entries` leaves. `key` is the hash that names the
    area key's wrapping in the repository, `key_version` that key's version; `checkpoint` is the newest signed note in the rows, if any.
    """

    area: str
    entries: int
    root: str
    key: str
    key_version: int
    checkpoint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """`objects` are counted with `object_bytes`; `missing` are names that rows had and the store had not, or not whole."""

    hub: str
    repository: str
    snapshot: str
    created_at: datetime
    revision: str
    tables: tuple[TableFile, ...]
    areas: tuple[AreaState, ...]
    objects: int
    object_bytes: int
    missing: tuple[str, ...] = ()
    seals: Mapping[str, str] = field(default_factory=dict)

    @property
    def entries(self) -> int:
        """Of all areas' logs."""
        return sum(area.entries for area in self.areas)

    def table(self, name: str) -> TableFile:
        for one in self.tables:
            if one.name == name:
                return one
        raise Tampered(_ALTERED)

    def seal(self, key: bytes) -> str:
        return hmac.digest(key, rfc8785.dumps(self._unsealed()), hashlib.sha256).hex()

    def sealed_by(self, area: str, key: bytes) -> bool:
        return hmac.compare_digest(self.seals.get(area, ""), self.seal(key))

    def as_text(self) -> bytes:
        return rfc8785.dumps(self._unsealed() | {"seals": dict(self.seals)})

    def _unsealed(self) -> dict[str, Any]:
        said = asdict(self) | {"format": FORMAT, "created_at": self.created_at.isoformat()}
        del said["seals"]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}


def manifest_from(text: bytes) -> Manifest:
    """`Tampered` for what this program would not have written."""
    try:
        said = json.loads(text)
        if said.pop("format") != FORMAT:
            raise Tampered("The snapshot is of a form that this version of the program does not know.")
        found = Manifest(
            **said
            | {
                "created_at": datetime.fromisoformat(said["created_at"]),
                "tables": tuple(TableFile(**one) for one in said["tables"]),
                "areas": tuple(AreaState(**one) for one in said["areas"]),
                "missing": tuple(said["missing"]),
            }
        )
        _require_sound(found)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Tampered(_ALTERED) from None
    return found


def _require_sound(found: Manifest) -> None:
    """Raises TypeError or ValueError unless every part is of its kind and can be sealed: whoever asks further meets no other error."""
    for one in (found, *found.tables, *found.areas):
        for name, kind in get_type_hints(type(one)).items():
            if kind in (int, str) and type(getattr(one, name)) is not kind:
                raise TypeError(name)
    texts = (*found.missing, *dict(found.seals), *found.seals.values())
    if any(type(text) is not str or not text.isascii() for text in texts):
        raise TypeError("missing or seals")
    found.seal(bytes(32))


def files_of(manifest: Manifest) -> Iterator[tuple[TableFile, str]]:
    """Each table's file, and its name below the snapshot."""
    for one in manifest.tables:
        yield one, file_name(one.name)


def file_name(table: str) -> str:
    return f"{table}.jsonl.gz"
