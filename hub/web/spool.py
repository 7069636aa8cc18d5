"""Where a request's body goes while it is received: never to disk in clear.

A disk that takes no more is told when the file is read, not while the form is still being received: so the fields
that were typed are there to be shown again.

Werkzeug writes a multipart file of more than 500 kB to a temporary file as it is; here the part
stays in memory up to `IN_MEMORY` bytes and beyond that goes to a temporary file sealed under a
key that lives only in this object.
"""

import io
import os
import secrets
import tempfile
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import IO, cast

from flask import Request

from storage.disk import disk_errors
from storage.errors import StorageError
from storage.sealed import SealedReader, Sealer, Source

IN_MEMORY = 1024 * 1024
ASSOCIATED = b"spool"


class Spool(io.RawIOBase):
    """Written once from the start, then read; seeking to the start ends the writing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._memory: io.BytesIO = io.BytesIO()
        self._file: IO[bytes] | None = None
        self._sealer: Sealer | None = None
        self._reader: IO[bytes] | SealedReader | None = None
        self._key = b""
        self._failed: StorageError | None = None

    def writable(self) -> bool:
        return self._reader is None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        if self._failed is None:
            try:
                with disk_errors():
                    self._take(data)
            except StorageError as error:
                self._failed = error
                self._drop()
        return len(data)

    def _take(self, data: bytes) -> None:
        if self._sealer is None and self._memory.tell() + len(data) > IN_MEMORY:
            self._overflow()
        if self._sealer is None:
            self._memory.write(data)
        else:
            self._sealer.write(data)

    def _overflow(self) -> None:
        self._key = secrets.token_bytes(32)
        self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed in close()
        self._sealer = Sealer(self._file, self._key, ASSOCIATED)
        self._sealer.write(self._memory.getbuffer())
        self._memory = io.BytesIO()

    def _reading(self) -> IO[bytes] | SealedReader:
        if self._failed is not None:
            raise self._failed
        if self._reader is None:
            self._reader = self._memory
            if self._sealer is not None and self._file is not None:
                with disk_errors():
                    self._sealer.finish()
                    self._file.flush()
                self._reader = SealedReader(cast("Source", self._file), self._key, ASSOCIATED)
            self._reader.seek(0)
        return self._reader

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if self._failed is not None and (offset, whence) == (0, os.SEEK_SET):
            return 0  # Werkzeug's own, when the part has come in
        return self._reading().seek(offset, whence)

    def tell(self) -> int:
        return self._reading().tell()

    def read(self, size: int | None = -1) -> bytes:
        return self._reading().read(-1 if size is None else size)

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # any writable buffer
        return self._reading().readinto(buffer)  # type: ignore[union-attr] # both kinds have it

    def _drop(self) -> None:
        self._memory = io.BytesIO()
        if self._file is not None:
            with suppress(OSError):  # what is still buffered has no room either
                self._file.close()

    def close(self) -> None:
        self._drop()
        super().close()


def request_class(folder: Path) -> type[Request]:
    """A Flask request whose multipart files are received into spools."""

    class HubRequest(Request):
        def _get_file_stream(
            self,
            total_content_length: int | None,  # noqa: ARG002 - Werkzeug's signature
            content_type: str | None,  # noqa: ARG002
            filename: str | None = None,  # noqa: ARG002
            content_length: int | None = None,  # noqa: ARG002
        ) -> IO[bytes]:
            spool = Spool(folder)
            self.spools.append(spool)
            return spool  # type: ignore[return-value]

        @cached_property
        def spools(self) -> list[Spool]:
            """Every one of this request, those of a body that was refused half way too."""
            return []

        def close(self) -> None:
            super().close()
            for spool in self.spools:
                spool.close()

    return HubRequest
