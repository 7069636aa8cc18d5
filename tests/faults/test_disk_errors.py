"""Disk full and I/O errors at every write, in a real process: a clear error, before or after, and the same process goes on."""

import pytest

from tests.faults.harness import Zygote
from tests.faults.operations import OPERATIONS

pytestmark = pytest.mark.faults
WRITING = sorted(name for name, one in OPERATIONS.items() if not one.old and not one.chatty and one.again)


@pytest.fixture(scope="module")
def zygote():
    made = Zygote()
    yield made
    made.close()


SEALING = ("prepare", "receive-3mb", "receive-small")
"""Which write files of our own; the others write rows, and after the commit alone remove."""
WAYS = [
    (operation, how)
    for operation in WRITING
    for how in ("each_call", "small_files", "few_pages")
    if how != "each_call" or operation in SEALING
]


@pytest.mark.parametrize(("operation", "how"), WAYS)
def test_every_failure_is_told_and_survived(zygote, tmp_path, operation, how):
    home = str(tmp_path / "of" / "home")
    request = {"home": home, "database": "", "operation": operation}
    zygote.run(task="make", **request)
    told = zygote.run(task="starve", how=how, **request).answer["starved"]
    assert told["faults"] == []
    assert told["refused"] > 0, "no failure was met"
    judged = zygote.run(task="look", **request).answer["looked"]
    assert judged == []
