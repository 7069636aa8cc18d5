"""Small texts kept in a second place, so that whoever holds the first cannot make them unsaid: log checkpoints.

Names are `area/size-time.note`: sorted as text, the newest of an area is its last.
"""

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from storage.disk import disk_errors, make_folders, sync_folder, write_new
from storage.errors import AlreadyExists, BadName, NotFound, StorageError, Unavailable

ASIDE = "set-aside"
_NAME = re.compile(r"[a-z0-9]{1,40}/[0-9]{12}-[0-9]{8}T[0-9]{6}Z\.note")
_AREA = re.compile(r"[a-z0-9]{1,40}")
LONGEST = 64 * 1024
"""Bytes of one text: a checkpoint and its witnesses' lines."""


class Anchors(Protocol):
    """Errors as of a store: `Unavailable`, `Full`, `NotFound`, `AlreadyExists`."""

    def write(self, name: str, text: str) -> None:
        """Durable when it returns; `AlreadyExists` where there is one of this name."""

    def read(self, name: str) -> str: ...

    def names(self, area: str, *, after: str = "") -> Iterator[str]:
        """Those of one area that sort after the name given, in order."""
        ...

    def areas(self) -> Iterator[str]: ...

    def drop(self, name: str) -> None:
        """Thin it out: no longer listed. Where a lock holds it, it stays."""

    def set_aside(self, name: str) -> None:
        """No longer listed, and kept."""


def anchors_from_url(url: str) -> Anchors:
    """`folder:/absolute/path`, or `s3://bucket/prefix` with `?lock-days=N` for an object lock in compliance mode."""
    parts = urlsplit(url)
    if parts.scheme == "folder" and parts.path.startswith("/"):
        return FolderAnchors(Path(parts.path))
    if parts.scheme == "s3" and parts.netloc:
        from storage.aws import client  # noqa: PLC0415  (boto3 takes 0.3 s to import)

        return S3Anchors(client("s3"), parts.netloc, parts.path.strip("/"), lock_days=_lock_days(parts.query))
    raise ValueError("HUB_LOG_COPY_URL must begin with folder:/ or s3://.")


def _lock_days(query: str) -> int:
    given = parse_qs(query, strict_parsing=True) if query else {}
    days = given.pop("lock-days", ["0"])
    if given or not re.fullmatch("[0-9]{1,5}", days[0]):
        raise ValueError("HUB_LOG_COPY_URL takes nothing after its ? but lock-days=N.")
    return int(days[0])


def _checked(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise BadName("This is not the name of a checkpoint.")
    return name


def _checked_area(area: str) -> str:
    if _AREA.fullmatch(area) is None:
        raise BadName("This is not the id of an area.")
    return area


class FolderAnchors:
    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, name: str, text: str) -> None:
        target = self._root / _checked(name)
        with disk_errors():
            make_folders(target.parent)
            write_new(target, [text.encode()])

    def read(self, name: str) -> str:
        with disk_errors(), (self._root / _checked(name)).open("rb") as file:
            return file.read(LONGEST).decode()

    def names(self, area: str, *, after: str = "") -> Iterator[str]:
        with disk_errors():
            folder = self._root / _checked_area(area)
            found = sorted(f"{area}/{path.name}" for path in folder.iterdir()) if folder.is_dir() else []
        yield from (name for name in found if name > after and _NAME.fullmatch(name))

    def areas(self) -> Iterator[str]:
        with disk_errors():
            found = sorted(path.name for path in self._root.iterdir()) if self._root.is_dir() else []
        yield from (area for area in found if next(self.names(area), None))

    def drop(self, name: str) -> None:
        with disk_errors():
            (self._root / _checked(name)).unlink(missing_ok=True)

    def set_aside(self, name: str) -> None:
        path = self._root / _checked(name)
        with disk_errors():
            make_folders(path.parent / ASIDE)
            path.rename(path.parent / ASIDE / path.name)
            sync_folder(path.parent / ASIDE)
            sync_folder(path.parent)


@contextlib.contextmanager
def _service_errors() -> Iterator[None]:
    """A checkpoint is small and its thread waits for nobody, so this has no breaker as a store has."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  (boto3 takes 0.3 s to import)

    try:
        yield
    except ClientError as error:
        raise _said(str(error.response.get("Error", {}).get("Code", ""))) from error
    except (BotoCoreError, OSError) as error:
        raise Unavailable(f"The second place does not answer ({type(error).__name__}).") from error


def _said(code: str) -> StorageError:
    if code in ("404", "NoSuchKey"):
        return NotFound("The second place does not hold this checkpoint.")
    if code in ("412", "PreconditionFailed", "ConditionalRequestConflict"):
        return AlreadyExists("The second place already holds a checkpoint of this name.")
    return Unavailable(f"The second place gave an error ({code or 'unnamed'}).")


class S3Anchors:
    def __init__(self, s3: Any, bucket: str, prefix: str, *, lock_days: int) -> None:
        self._s3, self._bucket, self._lock_days = s3, bucket, lock_days
        self._prefix = f"{prefix}/" if prefix else ""

    def write(self, name: str, text: str) -> None:
        self._put(_checked(name), text.encode())

    def _put(self, name: str, data: bytes) -> None:
        lock: dict[str, Any] = {}
        if self._lock_days:
            until = datetime.now(UTC) + timedelta(days=self._lock_days)
            lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
        with _service_errors():
            self._s3.put_object(
                **self._target(name), Body=data, IfNoneMatch="*", ChecksumAlgorithm="SHA256", **lock
            )

    def read(self, name: str) -> str:
        return self._get(_checked(name)).decode()

    def _get(self, name: str) -> bytes:
        with _service_errors():
            answer = self._s3.get_object(**self._target(name))
            return bytes(answer["Body"].read(LONGEST))

    def names(self, area: str, *, after: str = "") -> Iterator[str]:
        asked = {"Bucket": self._bucket, "Prefix": f"{self._prefix}{_checked_area(area)}/"}
        if after:
            asked["StartAfter"] = self._prefix + after
        with _service_errors():
            for page in self._s3.get_paginator("list_objects_v2").paginate(**asked):
                for item in page.get("Contents", []):
                    name = str(item["Key"]).removeprefix(self._prefix)
                    if _NAME.fullmatch(name):
                        yield name

    def areas(self) -> Iterator[str]:
        """Nobody asks: a bucket may hold the checkpoints of several hubs."""
        yield from ()

    def drop(self, name: str) -> None:
        """With an object lock nothing is thinned out: the bucket's own lifecycle does, once the lock ends."""
        if not self._lock_days:
            self._delete(_checked(name))

    def set_aside(self, name: str) -> None:
        """A copy under another name; of a locked object the version itself stays, beneath a delete marker."""
        area, _, last = _checked(name).partition("/")
        with contextlib.suppress(AlreadyExists):
            self._put(f"{area}/{ASIDE}/{last}", self._get(name))
        self._delete(name)

    def _delete(self, name: str) -> None:
        with _service_errors():
            self._s3.delete_object(**self._target(name))

    def _target(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + name}
