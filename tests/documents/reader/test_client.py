"""The reader's own life: threads, forks, sudden ends, descriptors."""

import contextlib
import gc
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub.documents.reader import Kind, Reader, ReaderUnavailable, Reason, Refused, Rendered, TooCostly
from tests.documents.reader import made


def process_of(reader) -> int:
    reader.guards()
    return reader._started[False]._popen.pid


def descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def test_nothing_is_started_before_the_first_document():
    with Reader() as reader:
        assert reader._started == {}


def test_killed_between_two_jobs_it_starts_anew(reader):
    first = process_of(reader)
    os.kill(first, signal.SIGKILL)
    assert reader.examine(Kind.PDF, made.pdf("after")).pages == ("after",)
    assert process_of(reader) != first


def test_killed_in_the_middle_of_a_job_the_job_is_run_again(confined):
    done = []

    def run():
        with pytest.raises(TooCostly) as refusal:
            confined.run("sleep", b"", {})
        done.append(refusal.value.code)

    job = threading.Thread(target=run)
    first = process_of(confined)
    job.start()
    while not Path(f"/proc/{first}/task/{first}/children").read_text().strip():
        time.sleep(0.01)
    os.kill(first, signal.SIGKILL)
    job.join(20)
    assert done == [Reason.TIME]
    assert process_of(confined) != first


def test_a_reader_that_cannot_start_says_so_in_one_sentence(tmp_path, capfd):
    broken = tmp_path / "jobs.py"
    broken.write_text("raise SystemExit(3)")
    with Reader(extra_jobs=broken) as reader, pytest.raises(ReaderUnavailable) as error:
        reader.examine(Kind.PDF, made.pdf("x"))
    assert (
        error.value.sentence == "Documents cannot be read just now. Nothing is lost: try again in a minute."
    )


def test_threads_work_side_by_side_and_each_gets_its_own_answer(reader):
    texts = [f"document {number}" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: reader.examine(Kind.PDF, made.pdf(text)).pages, texts))
    assert found == [(text,) for text in texts]


def test_no_descriptor_is_left_open_by_jobs_that_work_or_fail(confined):
    confined.run("nothing", b"", {})
    before = descriptors()
    for job in ("nothing", "crash", "allocate", "nothing"):
        with contextlib.suppress(Refused):
            confined.run(job, b"x", {})
    assert descriptors() == before


def test_no_process_or_descriptor_is_left_after_close():
    before = descriptors()
    reader = Reader()
    pid = process_of(reader)
    reader.close()
    assert descriptors() == before
    assert not Path(f"/proc/{pid}").exists()
    assert reader.examine(Kind.PDF, made.pdf("again")).pages == ("again",)
    reader.close()


def test_a_reader_that_nobody_closed_takes_its_process_with_it():
    before = descriptors()
    pid = process_of(Reader())
    gc.collect()
    assert not Path(f"/proc/{pid}").exists()
    assert descriptors() == before


def test_a_forked_worker_has_a_reader_of_its_own(reader):
    original = process_of(reader)
    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            reader.examine(Kind.PDF, made.pdf("in the fork"))
            os.write(told, b"own" if process_of(reader) != original else b"shared")
            reader.close()
        finally:
            os._exit(0)
    os.close(told)
    assert os.read(heard, 10) == b"own"
    os.close(heard)
    os.waitpid(child, 0)
    assert process_of(reader) == original
    assert reader.examine(Kind.PDF, made.pdf("here")).pages == ("here",)


def test_the_process_ends_when_its_client_is_gone(tmp_path):
    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(told, str(process_of(Reader())).encode())
        os._exit(0)
    os.close(told)
    pid = int(os.read(heard, 20))
    os.close(heard)
    os.waitpid(child, 0)
    for _ in range(200):
        if not _alive(pid):
            break
        time.sleep(0.02)
    assert not _alive(pid)


def test_without_documents_it_ends_and_the_next_one_starts_it_again(tmp_path):
    jobs = tmp_path / "jobs.py"
    jobs.write_text("from hub.documents.reader import child\nchild.IDLE_SECONDS = 0.05\nJOBS = {}\n")
    with Reader(extra_jobs=jobs) as reader:
        first = process_of(reader)
        for _ in range(500):
            if not _alive(first):
                break
            time.sleep(0.02)
        assert not _alive(first)
        assert reader.examine(Kind.PDF, made.pdf("again")).pages == ("again",)


def _alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_document_can_be_given_as_a_descriptor_whose_position_stays(reader, tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(made.pdf("from a descriptor"))
    with path.open("rb") as file:
        file.seek(7)
        assert reader.examine(Kind.PDF, file.fileno()).pages == ("from a descriptor",)
        assert file.tell() == 7


def test_a_memory_file_that_is_still_written_to_can_be_given(reader):
    fd = os.memfd_create("upload")
    try:
        os.write(fd, made.pdf("sealed as received"))
        assert reader.examine(Kind.PDF, fd).pages == ("sealed as received",)
    finally:
        os.close(fd)


def test_no_file_is_written_anywhere(reader, monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = set(Path("/tmp").iterdir()) | set(Path("/dev/shm").iterdir())
    document = made.docx(made.paragraph("canary-words"))
    found = reader.examine(Kind.DOCX, document)
    assert isinstance(reader.render_page(found.reading_copy, 1, watermark=made.LINES), Rendered)
    after = set(Path("/tmp").iterdir()) | set(Path("/dev/shm").iterdir())
    assert [path for path in after - before if path.is_file() and b"canary-words" in path.read_bytes()] == []
    assert list(tmp_path.iterdir()) == []
