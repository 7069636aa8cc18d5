"""Named files below a prefix in any S3 service; see `storage.places`."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from storage.aws import service_errors
from storage.errors import BadName
from storage.places import CHUNK, check_file, check_folder, is_file
from storage.stores.s3 import S3Writer


class S3Place:
    def __init__(self, s3: Any, bucket: str, prefix: str = "") -> None:
        if not bucket:
            raise BadName("This must look like s3://bucket/prefix.")
        self._s3, self._bucket = s3, bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def write(self, name: str, chunks: Iterable[bytes], *, replace: bool = False) -> None:
        if replace:
            with service_errors():
                self._s3.put_object(**self._target(name), Body=b"".join(chunks))
            return
        writer = S3Writer(self._s3, self._target(name))
        try:
            for chunk in chunks:
                writer.write(chunk)
            writer.commit()
        finally:
            writer.abort()

    def chunks(self, name: str) -> Iterator[bytes]:
        with service_errors():
            answer = self._s3.get_object(**self._target(name))
            with contextlib.closing(answer["Body"]) as body:
                yield from body.iter_chunks(CHUNK)

    def names(self, prefix: str = "") -> Iterator[str]:
        wanted = self._prefix + check_folder(prefix)
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=wanted)
        with service_errors():
            for page in pages:
                for item in page.get("Contents", []):
                    name = str(item["Key"]).removeprefix(self._prefix)
                    if is_file(name):
                        yield name

    def delete(self, name: str) -> None:
        with service_errors():
            self._s3.delete_object(**self._target(name))

    def destroy(self, name: str) -> None:
        """Below a prefix what somebody only marked as deleted goes too: its versions would open still."""
        below = name.endswith("/")
        key = self._prefix + (check_folder(name) if below else check_file(name))
        with service_errors():
            if not self._versioned():
                for one in list(self.names(name)) if below else [name]:
                    self._s3.delete_object(**self._target(one))
                return
            for found, version in self._versions(key):
                if below or found == key:
                    self._s3.delete_object(Bucket=self._bucket, Key=found, VersionId=version)

    def sweep(self, prefix: str) -> None:
        """Parts of an upload that was left are for the service's own rule: another program's may be among them."""

    def _versioned(self) -> bool:
        """Where versions are kept, a delete would only add a marker."""
        told = self._s3.get_bucket_versioning(Bucket=self._bucket)
        return told.get("Status") in ("Enabled", "Suspended")

    def _versions(self, begins: str) -> list[tuple[str, str]]:
        """(key, version) of every one whose key begins so."""
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=begins)
        return [
            (str(one["Key"]), str(one["VersionId"]))
            for page in pages
            for one in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
        ]

    def _target(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + check_file(name)}
