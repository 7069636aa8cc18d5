"""A throw-away OpenStack Swift with its S3 API, gone with the process that started it."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

PROGRAM = Path(__file__).with_name("serve.py")
PATIENCE = 120
"""Seconds that starting or stopping may take; it starts in 2, and took 30 on an overloaded machine."""
BUCKET = "fenmarch"
REGION = "eu-west-2"


class SwiftServer:
    """`with SwiftServer() as server: server.client()`; `environ` is what another process needs to find it."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="hubswift"))
        self._process = None

    def __enter__(self):
        command = [sys.executable, "-W", "ignore", str(PROGRAM), str(self.folder)]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        """It ends when its standard input does: here, or because this process died, however it did."""
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def environ(self):
        return {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{(self.folder / 'port').read_text()}",
            "AWS_ACCESS_KEY_ID": "test:tester",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": REGION,
        }

    def make_bucket(self, name=BUCKET):
        told = self.environ
        client = boto3.client(
            "s3", endpoint_url=told["AWS_ENDPOINT_URL_S3"], region_name=REGION,
            aws_access_key_id=told["AWS_ACCESS_KEY_ID"], aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
            config=Config(connect_timeout=2, read_timeout=30),
        )  # fmt: skip
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return client

    def _wait(self):
        until = time.monotonic() + PATIENCE
        while not (self.folder / "port").exists():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(
                    f"Swift did not start: {(self.folder / 'log').read_text(errors='replace')}"
                )
            time.sleep(0.05)


def can_serve():
    """Swift keeps what it knows of an object in extended attributes, which not every file system has."""
    with tempfile.NamedTemporaryFile(prefix="hubswift") as file, contextlib.suppress(OSError):
        os.setxattr(file.name, "user.swift", b"1")
        return True
    return False


def insist():
    """Skip the test that wants it where it cannot run; on CI that is a failure."""
    if can_serve():
        return
    if os.environ.get("CI"):
        pytest.fail("no extended attributes in the temporary folder, and on CI Swift is not left out")
    pytest.skip("the temporary folder's file system has no extended attributes, which Swift needs")
