"""A child that has been taken over: what it can still do."""

import errno
import os

import pytest

from hub.documents.reader import Reason, Refused, TooCostly


def told(confined, job, **arguments):
    return confined.run(job, b"input", arguments)[0]


def assert_not_permitted(head):
    assert head == {"error": "PermissionError", "errno": errno.EPERM}


def test_every_guard_is_named_and_holds_on_this_machine(confined):
    found = {guard.name: guard for guard in confined.guards()}
    assert {name for name in found if not found[name].active} == set()
    assert "system call filter (seccomp)" in found
    assert len(found) == 9


@pytest.mark.parametrize("job", ["connect", "make_socket_pair", "run_program", "fork"])
def test_network_exec_and_fork_are_refused(confined, job):
    assert_not_permitted(told(confined, job))


def test_its_limits_cannot_be_raised(confined):
    assert told(confined, "raise_limits") == {"error": "not allowed to raise maximum limit"}


def test_starting_a_program_the_usual_way_is_refused(confined):
    assert told(confined, "run_subprocess")["error"] == "PermissionError"


def test_a_file_is_neither_made_nor_read_nor_removed(confined, tmp_path):
    there = tmp_path / "there"
    there.write_text("kept")
    assert_not_permitted(told(confined, "write_file", path=str(tmp_path / "new")))
    assert_not_permitted(told(confined, "write_file", path=str(there)))
    assert_not_permitted(told(confined, "read_file", path=str(there)))
    assert_not_permitted(told(confined, "remove_file", path=str(there)))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"there": "kept"}


def test_no_other_process_can_be_signalled_or_traced(confined):
    assert_not_permitted(told(confined, "kill_parent"))
    assert_not_permitted(told(confined, "kill_given", pid=os.getpid()))
    assert told(confined, "trace", pid=os.getpid()) == {"answer": -1, "errno": errno.EPERM}


def test_no_thread_is_started(confined):
    assert "can't start new thread" in str(told(confined, "start_thread")["error"])


def test_the_environment_and_descriptors_of_the_hub_are_not_there(confined, monkeypatch):
    monkeypatch.setenv("HUB_SECRET", "x" * 40)
    assert "HUB_SECRET" not in told(confined, "environment")["environment"]
    assert told(confined, "open_descriptors") == {"fds": [0, 1, 2, 3, 4]}


def test_the_input_cannot_be_changed(confined, tmp_path):
    document = tmp_path / "document"
    document.write_bytes(b"original")
    with document.open("r+b") as file:
        assert confined.run("change_input", file.fileno(), {})[0]["error"] == "OSError"
    assert document.read_bytes() == b"original"
    assert told(confined, "change_input")["error"] in ("OSError", "PermissionError")


@pytest.mark.parametrize("job", ["spin", "sleep"])
def test_a_child_that_never_ends_is_ended(confined, job):
    with pytest.raises(TooCostly) as refusal:
        told(confined, job)
    assert refusal.value.code is Reason.TIME
    assert "takes too long to read" in refusal.value.sentence


def test_a_child_that_takes_all_memory_is_ended(confined):
    with pytest.raises(TooCostly) as refusal:
        told(confined, "allocate")
    assert refusal.value.code is Reason.MEMORY
    assert "128 MB" in refusal.value.sentence


def test_an_endless_answer_is_cut(confined):
    assert told(confined, "write_too_much") == {"error": "OSError", "errno": errno.EFBIG}


def test_an_answer_too_large_to_hand_over_is_a_refusal(confined):
    with pytest.raises(Refused) as refusal:
        told(confined, "answer_too_much")
    assert refusal.value.code is Reason.TOO_LARGE


@pytest.mark.parametrize("job", ["crash", "abort"])
def test_a_child_that_crashes_is_a_refusal_and_the_next_job_runs(confined, job):
    with pytest.raises(Refused) as refusal:
        told(confined, job)
    assert refusal.value.code is Reason.CRASHED
    assert told(confined, "nothing") == {}


@pytest.mark.parametrize(
    "garbage",
    ["", "\x00\x00", "\xff\xff\xff\xff", "\x00\x00\x00\x09{}", "\x00\x00\x00\x02[]", "\x00\x00\x00\x02{]"],
)
def test_an_answer_of_another_form_is_not_believed(confined, garbage):
    with pytest.raises(Refused) as refusal:
        told(confined, "garble", garbage=garbage)
    assert refusal.value.code is Reason.CRASHED


def test_a_deeply_nested_answer_is_not_believed(confined):
    text = "[" * 50_000
    with pytest.raises(Refused) as refusal:
        told(confined, "garble", garbage=len(text).to_bytes(4, "big").decode("latin-1") + text)
    assert refusal.value.code is Reason.CRASHED


@pytest.mark.parametrize(
    "head", [{"refused": "no-such-code", "sentence": "x"}, {"refused": [], "sentence": {}}]
)
def test_a_refusal_in_other_words_becomes_a_plain_one(confined, head):
    with pytest.raises(Refused) as refusal:
        told(confined, "lie", head=head, body="")
    assert refusal.value.code is Reason.BROKEN
