"""The store in any S3 service, through boto3: what goes there is ciphertext under names that say nothing.

Small objects go in one request and larger ones in parts of 8 MiB as they come, each with its SHA-256 for
the service to check; ``IfNoneMatch='*'`` at the end refuses to overwrite.
"""

import base64
import contextlib
import hashlib
import io
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from storage.aws import client, service_errors
from storage.errors import AlreadyExists, BadName, StorageError
from storage.names import check_name, check_prefix
from storage.sealed import Bytes

PART = 8 << 20


def s3_store_from_url(url: str) -> "S3Store":
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError("HUB_STORE_URL must look like s3://bucket/prefix.")
    return S3Store(client("s3"), parts.netloc, parts.path.strip("/"))


class S3Store:
    def __init__(self, s3: Any, bucket: str, prefix: str = "") -> None:
        self._s3, self._bucket = s3, bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def create(self, name: str) -> "S3Writer":
        target = self._target(name)
        if self._exists(target):
            raise AlreadyExists("The store already holds an object of this name.")
        return S3Writer(self._s3, target)

    def open(self, name: str) -> "S3Object":
        target = self._target(name)
        with service_errors():
            head = self._s3.head_object(**target)
        return S3Object(self._s3, target, head["ContentLength"], head["ETag"])

    def size(self, name: str) -> int:
        target = self._target(name)
        with service_errors():
            return int(self._s3.head_object(**target)["ContentLength"])

    def delete(self, name: str) -> None:
        self.size(name)
        with service_errors():
            self._s3.delete_object(**self._target(name))

    def names(self, prefix: str = "") -> Iterator[str]:
        wanted = self._prefix + check_prefix(prefix)
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=wanted)
        with service_errors():
            for page in pages:
                for item in page.get("Contents", []):
                    with contextlib.suppress(BadName):
                        yield check_name(item["Key"].removeprefix(self._prefix))

    def sweep(self, older_than: float) -> int:
        limit, swept = time.time() - older_than, 0
        pages = self._s3.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._bucket, Prefix=self._prefix
        )
        with service_errors():
            for upload in [item for page in pages for item in page.get("Uploads", [])]:
                if upload["Initiated"].timestamp() < limit:
                    self._s3.abort_multipart_upload(
                        Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                    )
                    swept += 1
        return swept

    def healthy(self) -> bool:
        try:
            with service_errors():
                self._s3.head_bucket(Bucket=self._bucket)
        except StorageError:
            return False
        return True

    def _target(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + check_name(name)}

    def _exists(self, target: dict[str, str]) -> bool:
        with service_errors():
            listed = self._s3.list_objects_v2(Bucket=target["Bucket"], Prefix=target["Key"])
        return any(item["Key"] == target["Key"] for item in listed.get("Contents", []))


class S3Writer:
    """Holds at most one part in memory."""

    def __init__(self, s3: Any, target: dict[str, str]) -> None:
        self._s3, self._target = s3, target
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
            with contextlib.suppress(StorageError), service_errors():
                self._s3.abort_multipart_upload(**self._target, UploadId=self._upload)
        self._ended = True
        self._part = bytearray()

    def _send_full_parts(self) -> None:
        while len(self._part) > PART:
            self._send(bytes(self._part[:PART]))
            del self._part[:PART]

    def _put(self) -> None:
        body = bytes(self._part)
        with service_errors():
            self._s3.put_object(**self._target, Body=body, IfNoneMatch="*", ChecksumSHA256=_sha256(body))

    def _send(self, body: bytes) -> None:
        number, digest = len(self._sent) + 1, _sha256(body)
        with service_errors():
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
        with service_errors():
            self._s3.complete_multipart_upload(
                **self._target, UploadId=self._upload, MultipartUpload=parts, IfNoneMatch="*"
            )

    def _refuse_ended(self) -> None:
        if self._ended:
            raise ValueError("This object is already committed or aborted.")


class S3Object(io.RawIOBase):
    """Each ``readinto`` is one ranged request, so ask for a segment at a time, as the sealed reader does."""

    def __init__(self, s3: Any, target: dict[str, str], size: int, etag: str) -> None:
        super().__init__()
        self._s3, self._target, self._size, self._etag = s3, target, size, etag
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._position = max(0, (0, self._position, self._size)[whence] + offset)
        return self._position

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # any writable buffer
        target = memoryview(buffer).cast("B")
        stop = min(self._position + len(target), self._size)
        if stop <= self._position:
            return 0
        body = self._range(self._position, stop)
        got = min(len(body), len(target))
        target[:got] = body[:got]
        self._position += got
        return got

    def readall(self) -> bytes:
        data = self.read(max(0, self._size - self._position))
        return data or b""

    def _range(self, start: int, stop: int) -> bytes:
        with service_errors():
            answer = self._s3.get_object(
                **self._target, Range=f"bytes={start}-{stop - 1}", IfMatch=self._etag
            )
            with contextlib.closing(answer["Body"]) as body:
                return bytes(body.read(stop - start))


def _sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode("ascii")
