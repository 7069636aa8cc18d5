from pathlib import Path

import pytest

from hub.documents.reader import Limits, Reader

HOSTILE_JOBS = Path(__file__).parent / "hostile_jobs.py"


@pytest.fixture(scope="session")
def reader():
    with Reader() as reader:
        yield reader


@pytest.fixture(scope="session")
def seeing(reader):
    """The same reader, on a machine where text in pictures is recognised."""
    if not reader.recogniser():
        pytest.skip("Tesseract's library is not installed")
    return reader


@pytest.fixture(scope="session")
def confined():
    """A reader with small limits and jobs that misbehave."""
    limits = Limits(memory=128 * 1024 * 1024, cpu=1, wall=2.5)
    with Reader(limits=limits, extra_jobs=HOSTILE_JOBS) as reader:
        yield reader
