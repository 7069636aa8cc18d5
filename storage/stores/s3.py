"""The store in any S3 service, through boto3: what goes there is ciphertext under names that say nothing.

Small objects go in one request and larger ones in parts of 8 MiB as they come, each with its SHA-256 for
the service to check; ``IfNoneMatch='*'`` at the end refuses to overwrite. Every call is guarded by a circuit
breaker, and every answer to a ranged read is checked to be the range and the object that were asked for.
"""

import base64
import contextlib
import hashlib
import io
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from storage.aws import client, service_errors
from storage.breaker import Breaker
from storage.errors import AlreadyExists, BadName, NotFound, StorageError, Tampered, Unavailable
from storage.names import check_name, check_prefix
from storage.sealed import Bytes

PART = 8 << 20
WINDOW = 16 << 20
"""Bytes asked for at once when an object is read on from where the last read ended."""
PIECE = 64 << 10
READ_LIMIT_SECONDS = 30.0
"""How long one read may take of a service that sends, but slowly; looked at after every 64 KiB."""

_CHANGED = "The store gave bytes of another object than the one that was opened."
_KEEPS_VERSIONS = "The store keeps older versions of this object and does not let them be removed."


def s3_store_from_url(url: str) -> "S3Store":
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError("HUB_STORE_URL must look like s3://bucket/prefix.")
    return S3Store(client("s3"), parts.netloc, parts.path.strip("/"))


class S3Store:
    def __init__(self, s3: Any, bucket: str, prefix: str = "", breaker: Breaker | None = None) -> None:
        self._s3, self._bucket = s3, bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._breaker = breaker or Breaker()

    def create(self, name: str) -> "S3Writer":
        target = self._target(name)
        if self._exists(target):
            raise AlreadyExists("The store already holds an object of this name.")
        return S3Writer(self._s3, target, self._breaker)

    def open(self, name: str) -> "S3Object":
        head = self._head(name)
        return S3Object(
            S3Ranges(self._s3, self._target(name), head["ETag"], self._breaker), head["ContentLength"]
        )

    def size(self, name: str) -> int:
        return int(self._head(name)["ContentLength"])

    def delete(self, name: str) -> None:
        """All versions go, where the bucket keeps them; ``Unavailable`` when the service does not let them."""
        target, absent = self._target(name), None
        try:
            self._head(name)
        except NotFound as error:
            absent = error
        kept = False
        if absent is None:
            with service_errors(self._breaker):
                answer = self._s3.delete_object(**target)
            kept = bool(answer.get("VersionId") or answer.get("DeleteMarker"))
        removed = self._remove_versions(target, must=kept)
        if absent is not None and not removed:
            raise absent

    def names(self, prefix: str = "") -> Iterator[str]:
        wanted = self._prefix + check_prefix(prefix)
        for page in self._pages("list_objects_v2", wanted):
            for item in page.get("Contents", []):
                with contextlib.suppress(BadName):
                    yield check_name(item["Key"].removeprefix(self._prefix))

    def sweep(self, older_than: float) -> int:
        limit = time.time() - older_than
        pages = list(self._pages("list_multipart_uploads", self._prefix))
        uploads = [upload for page in pages for upload in page.get("Uploads", [])]
        return sum(self._dropped(upload) for upload in uploads if upload["Initiated"].timestamp() < limit)

    def healthy(self) -> bool:
        """The bucket answers, and the breaker lets calls through."""
        try:
            self._find_bucket()
        except StorageError:
            return False
        return True

    def _target(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + check_name(name)}

    def _head(self, name: str) -> dict[str, Any]:
        target = self._target(name)
        try:
            with service_errors(self._breaker):
                head: dict[str, Any] = self._s3.head_object(**target)
        except NotFound:
            self._find_bucket()
            raise
        return head

    def _find_bucket(self) -> None:
        """To a HEAD a missing bucket and a missing object are the same 404, but only one means lost data."""
        try:
            with service_errors(self._breaker):
                self._s3.head_bucket(Bucket=self._bucket)
        except NotFound:
            raise Unavailable("The bucket of the store is not there.") from None

    def _exists(self, target: dict[str, str]) -> bool:
        """The name itself comes before all that it begins."""
        with service_errors(self._breaker):
            listed = self._s3.list_objects_v2(Bucket=target["Bucket"], Prefix=target["Key"], MaxKeys=1)
        return any(item["Key"] == target["Key"] for item in listed.get("Contents", []))

    def _pages(self, operation: str, prefix: str) -> Iterator[dict[str, Any]]:
        pages = iter(self._s3.get_paginator(operation).paginate(Bucket=self._bucket, Prefix=prefix))
        while True:
            with service_errors(self._breaker):
                page = next(pages, None)
            if page is None:
                return
            yield page

    def _dropped(self, upload: dict[str, Any]) -> bool:
        try:
            with service_errors(self._breaker):
                self._s3.abort_multipart_upload(
                    Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                )
        except NotFound:  # its writer ended meanwhile
            return False
        return True

    def _remove_versions(self, target: dict[str, str], *, must: bool) -> int:
        """How many older versions and delete markers were removed; a bucket that keeps none has none to list."""
        try:
            return self._removed_versions(target)
        except StorageError as error:
            if must:
                raise Unavailable(_KEEPS_VERSIONS) from error
            return 0

    def _removed_versions(self, target: dict[str, str]) -> int:
        removed = 0
        for page in list(self._pages("list_object_versions", target["Key"])):
            for item in page.get("Versions", []) + page.get("DeleteMarkers", []):
                if item["Key"] == target["Key"]:
                    with service_errors(self._breaker):
                        self._s3.delete_object(**target, VersionId=item["VersionId"])
                    removed += 1
        return removed


class S3Writer:
    """Holds at most one part in memory."""

    def __init__(self, s3: Any, target: dict[str, str], breaker: Breaker | None = None) -> None:
        self._s3, self._target, self._breaker = s3, target, breaker
        self._part, self._sent = bytearray(), list[dict[str, Any]]()
        self._upload = ""
        self._ended = False

    def write(self, data: Bytes, /) -> int:
        self._refuse_ended()
        self._part += data
        try:
            self._send_full_parts()
        except BaseException:
            self.abort()
            raise
        return memoryview(data).nbytes

    def commit(self) -> None:
        self._refuse_ended()
        try:
            self._complete() if self._upload else self._put()
        except BaseException:
            self.abort()
            raise
        self._ended = True

    def abort(self) -> None:
        """What cannot be aborted now is left to ``sweep``."""
        if self._upload and not self._ended:
            with contextlib.suppress(StorageError), service_errors(self._breaker):
                self._s3.abort_multipart_upload(**self._target, UploadId=self._upload)
        self._ended = True
        self._part = bytearray()

    def _send_full_parts(self) -> None:
        while len(self._part) > PART:
            self._send(bytes(memoryview(self._part)[:PART]))
            del self._part[:PART]

    def _put(self) -> None:
        body = bytes(self._part)
        with service_errors(self._breaker):
            self._s3.put_object(**self._target, Body=body, IfNoneMatch="*", ChecksumSHA256=_sha256(body))

    def _send(self, body: bytes) -> None:
        number, digest = len(self._sent) + 1, _sha256(body)
        with service_errors(self._breaker):
            if not self._upload:
                begun = self._s3.create_multipart_upload(**self._target, ChecksumAlgorithm="SHA256")
                self._upload = begun["UploadId"]
            sent = self._s3.upload_part(
                **self._target, UploadId=self._upload, PartNumber=number, Body=body, ChecksumSHA256=digest
            )
        self._sent.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": digest})

    def _complete(self) -> None:
        self._send(bytes(self._part))
        parts = {"Parts": self._sent}
        with service_errors(self._breaker):
            self._s3.complete_multipart_upload(
                **self._target, UploadId=self._upload, MultipartUpload=parts, IfNoneMatch="*"
            )

    def _refuse_ended(self) -> None:
        if self._ended:
            raise ValueError("This object is already committed or aborted.")


class S3Object(io.RawIOBase):
    """Each ``readinto`` is one ranged request, so ask for a segment at a time, as the sealed reader does.

    Reading on from where the last read ended asks for 16 MiB and takes them as they come, without holding them.
    """

    def __init__(self, ranges: "S3Ranges", size: int) -> None:
        super().__init__()
        self._ranges, self._size = ranges, size
        self._position, self._read_up_to = 0, -1

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._position = max(0, (0, self._position, self._size)[whence] + offset)
        return self._position

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # any writable buffer
        """As much as fits, or all up to the end; never less without an error."""
        start = self._position
        target = memoryview(buffer).cast("B")[: max(0, self._size - start)]
        if not target:
            return 0
        stop = start + len(target)
        window = min(start + WINDOW, self._size) if start == self._read_up_to else stop
        self._ranges.fill(target, start, max(stop, window))
        self._position = self._read_up_to = stop
        return len(target)

    def readall(self) -> bytes:
        data = bytearray(max(0, self._size - self._position))
        self.readinto(data)
        return bytes(data)

    def close(self) -> None:
        self._ranges.close()
        super().close()


class S3Ranges:
    """Ranges of one object in one state, named by its ETag; an answer under way is kept for reading on."""

    def __init__(
        self,
        s3: Any,
        target: dict[str, str],
        etag: str,
        breaker: Breaker,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._s3, self._target, self._etag, self._breaker, self._clock = s3, target, etag, breaker, clock
        self._body: Any = None
        self._at = self._left = 0

    def fill(self, target: memoryview, start: int, stop: int) -> None:
        """Fill ``target`` from ``start`` on, asking, where nothing is under way, for all up to ``stop``.

        ``Tampered`` when the object is another by now, ``Unavailable`` when the answer is not the range asked for.
        """
        if self._body is not None and self._at == start and self._left >= len(target):
            with contextlib.suppress(
                Unavailable
            ):  # the service may have ended it while nobody read: ask again
                return self._take(target)
        self.close()
        self._body, self._at, self._left = self._asked(start, stop), start, stop - start
        self._take(target)
        return None

    def close(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            body.close()

    def _asked(self, start: int, stop: int) -> Any:
        wanted = f"bytes={start}-{stop - 1}"
        try:
            with service_errors(self._breaker):
                answer = self._s3.get_object(**self._target, Range=wanted, IfMatch=self._etag)
        except AlreadyExists:  # "precondition failed", here of IfMatch
            raise Tampered(_CHANGED) from None
        try:
            self._check(answer, start, stop)
        except BaseException:
            answer["Body"].close()
            raise
        return answer["Body"]

    def _check(self, answer: dict[str, Any], start: int, stop: int) -> None:
        if answer.get("ETag") != self._etag:
            raise Tampered(_CHANGED)
        said = str(answer.get("ContentRange", ""))
        if not said.startswith(f"bytes {start}-{stop - 1}/") or answer.get("ContentLength") != stop - start:
            raise Unavailable("The store did not answer with the range that was asked for.")

    def _take(self, target: memoryview) -> None:
        try:
            with service_errors(self._breaker):
                self._read(target)
        except BaseException:
            self.close()
            raise
        self._at += len(target)
        self._left -= len(target)
        if not self._left:
            self.close()

    def _read(self, target: memoryview) -> None:
        deadline, done = self._clock() + READ_LIMIT_SECONDS, 0
        while done < len(target):
            piece = self._body.read(min(PIECE, len(target) - done))
            if not piece or self._clock() > deadline:
                raise Unavailable("The store sent less than it had said, or too slowly.")
            target[done : done + len(piece)] = piece
            done += len(piece)


def _sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode("ascii")
