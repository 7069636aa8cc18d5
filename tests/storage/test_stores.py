"""One contract for every store; each test runs on each of them."""

import contextlib
import errno
import os
import random
import resource
import stat

import pytest

from storage.errors import AlreadyExists, BadName, Full, NotFound, Unavailable
from storage.names import new_id
from storage.stores import FolderStore, MemoryStore, store_from_url
from storage.stores.s3 import PART

NEVER = 3e9  # seconds; moto dates every unfinished upload 2010
BIG = random.Random(2).randbytes(2 * PART + 12_345)


@pytest.fixture(params=["folder", "memory", "s3", "swift"])
def store(request, tmp_path):
    """`s3` is moto's, which is lenient; `swift` a real server's."""
    if request.param in ("s3", "swift"):
        return request.getfixturevalue(request.param)
    return store_from_url("" if request.param == "folder" else "memory:", tmp_path)


def a_name(area=None, case=None, version=1):
    return f"{area or new_id()}/{case or new_id()}/{new_id()}.{version}"


def kept(store, data=b"sealed", name=None):
    name = name or a_name()
    writer = store.create(name)
    writer.write(data)
    writer.commit()
    return name


@pytest.mark.parametrize("data", [b"", b"x", BIG], ids=["empty", "small", "large"])
def test_what_was_committed_is_read_back(store, data):
    name = kept(store, data)
    assert store.size(name) == len(data)
    with contextlib.closing(store.open(name)) as stored:
        assert stored.read() == data


def test_an_object_is_read_anywhere(store):
    with contextlib.closing(store.open(kept(store, BIG))) as stored:
        assert stored.seek(0, os.SEEK_END) == len(BIG)
        for at in (PART - 3, 0, len(BIG) - 5, len(BIG), len(BIG) + 9):
            buffer = memoryview(bytearray(10))
            stored.seek(at)
            got = stored.readinto(buffer)
            assert bytes(buffer[:got]) == BIG[at : at + 10]


def test_nothing_is_there_before_commit(store):
    name = a_name()
    writer = store.create(name)
    writer.write(BIG)
    assert list(store.names()) == []
    with pytest.raises(NotFound):
        store.open(name)
    writer.commit()
    assert list(store.names()) == [name]


def test_an_aborted_object_never_was(store):
    name = a_name()
    writer = store.create(name)
    writer.write(BIG)
    writer.abort()
    writer.abort()
    assert list(store.names()) == []
    assert store.sweep(-60) == 0
    with pytest.raises(ValueError, match="already"):
        writer.write(b"more")
    with pytest.raises(ValueError, match="already"):
        writer.commit()


def test_abort_after_commit_takes_nothing_back(store):
    name = a_name()
    writer = store.create(name)
    writer.commit()
    writer.abort()
    assert store.size(name) == 0


def test_nothing_is_overwritten(store):
    name = kept(store, b"first")
    with pytest.raises(AlreadyExists):
        store.create(name)
    with contextlib.closing(store.open(name)) as stored:
        assert stored.read() == b"first"


@pytest.mark.parametrize("size", [3, len(BIG)])
def test_of_two_writers_at_once_the_first_to_commit_wins(store, size):
    name = a_name()
    one, other = store.create(name), store.create(name)
    one.write(BIG[:size])
    other.write(b"other")
    one.commit()
    with pytest.raises(AlreadyExists):
        other.commit()
    assert store.size(name) == size


def test_deleted_is_gone(store):
    name = kept(store)
    store.delete(name)
    for asked in (store.open, store.size, store.delete):
        with pytest.raises(NotFound):
            asked(name)
    assert list(store.names()) == []


def test_names_are_listed_by_area_and_case(store):
    area, case = new_id(), new_id()
    mine = {kept(store, name=a_name(area, case, version)) for version in (1, 2)}
    beside = kept(store, name=a_name(area))
    elsewhere = kept(store)
    assert set(store.names(f"{area}/{case}/")) == mine
    assert set(store.names(f"{area}/")) == mine | {beside}
    assert set(store.names()) == mine | {beside, elsewhere}
    assert list(store.names(f"{new_id()}/")) == []


@pytest.mark.parametrize(
    "name",
    ["", "x", "../../etc/passwd", "/etc/passwd", "a/b/c.1", f"{'A' * 26}/{'a' * 26}/{'a' * 26}.1"]
    + [f"{'a' * 26}/{'a' * 26}/{'a' * 26}{end}" for end in ("", ".", ".0", ".01", ".1\n", ".1/x", ".-1")],
)
def test_a_name_it_would_never_give_is_refused(store, name):
    for asked in (store.create, store.open, store.size, store.delete):
        with pytest.raises(BadName):
            asked(name)


@pytest.mark.parametrize("prefix", ["..", "/", "a/", f"{'a' * 26}", f"{'a' * 26}/../"])
def test_a_prefix_that_is_no_area_or_case_is_refused(store, prefix):
    with pytest.raises(BadName):
        list(store.names(prefix))


def test_what_a_dead_writer_left_is_swept_when_old_enough(store):
    store.create(a_name()).write(BIG)
    left = 0 if isinstance(store, MemoryStore) else 1
    assert store.sweep(NEVER) == 0
    assert store.sweep(-60) == left
    assert store.sweep(-60) == 0
    assert list(store.names()) == []


def test_a_working_store_says_so(store):
    assert store.healthy() is True


# The folder alone: what disks do.


@pytest.fixture
def folder(tmp_path):
    return FolderStore(tmp_path / "objects")


def files(store):
    return [path for path in store._root.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("code", "error"),
    [(errno.ENOSPC, Full), (errno.EDQUOT, Full), (errno.EIO, Unavailable), (errno.EROFS, Unavailable)],
)
@pytest.mark.parametrize("call", ["write", "fsync", "link"])
def test_a_failing_disk_gives_one_clear_error_and_nothing_half_visible(
    folder, monkeypatch, code, error, call
):
    calls = []

    def fails(*args):
        calls.append(args)
        raise OSError(code, os.strerror(code))

    writer = folder.create(a_name())
    with monkeypatch.context() as patched:
        patched.setattr(os, call, fails)
        with pytest.raises(error):
            finish(writer)
    writer.abort()
    assert len(calls) == 1
    assert files(folder) == []
    assert folder.size(kept(folder)) == 6


def test_an_object_is_synced_before_it_has_its_name_and_its_folder_after(folder, monkeypatch):
    steps, sync, link = [], os.fsync, os.link

    def synced(descriptor):
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def linked(*args):
        steps.append("name")
        link(*args)

    writer = folder.create(a_name())
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "link", linked)
    finish(writer)
    assert steps == ["file", "name", "folder"]


def test_a_folder_that_cannot_be_synced_takes_the_name_back(folder, monkeypatch):
    real, calls = os.fsync, []

    def second_fails(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.EIO, "Input/output error")
        real(descriptor)

    writer = folder.create(a_name())
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", second_fails)
        with pytest.raises(Unavailable):
            finish(writer)
    assert len(calls) == 2
    assert files(folder) == []


def finish(writer, data=b"data"):
    writer.write(data)
    writer.commit()


def test_a_real_limit_of_file_size_is_full(folder):
    writer = folder.create(a_name())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(Full):
            writer.write(bytes(300_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files(folder) == []
    with pytest.raises(ValueError, match="already"):
        writer.commit()


def test_a_stray_file_is_no_object(folder):
    name = kept(folder)
    (folder._root / "notes.txt").write_text("left by hand")
    (folder._root / name.split("/")[0] / "x").write_text("left by hand")
    assert list(folder.names()) == [name]


def test_a_link_in_place_of_an_object_is_not_followed(folder, tmp_path):
    name = kept(folder)
    path = folder._path(name)
    path.unlink()
    (tmp_path / "outside").write_bytes(b"outside")
    path.symlink_to(tmp_path / "outside")
    with pytest.raises(Unavailable):
        folder.open(name)


def test_a_missing_folder_is_not_healthy(folder):
    folder._root.rmdir()
    assert folder.healthy() is False
