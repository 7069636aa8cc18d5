"""What is done beside the sealing is done once, in order, and its failures are not lost."""

import hashlib
import random
import threading

import pytest

from storage.beside import WORTH, Beside
from storage.errors import Full
from storage.sealed import SEGMENT, new_object_key, seal

LARGE = memoryview(bytes(WORTH))


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("storage")]


def test_calls_are_made_in_order_small_and_large():
    done = []
    with Beside() as beside:
        for number in range(20):
            beside.start(lambda data, number=number: done.append(number), LARGE if number % 3 else LARGE[:5])
    assert done == list(range(20))
    assert threads() == []


def test_a_failure_is_raised_by_the_next_call_or_the_end_and_the_thread_ends():
    def fails(_data):
        raise Full("There is no room left.")

    with pytest.raises(Full), Beside() as beside:
        beside.start(fails, LARGE)
        beside.start(lambda data: None, LARGE)
    with pytest.raises(Full), Beside() as beside:
        beside.start(fails, LARGE)
    assert threads() == []


def test_small_data_starts_no_thread():
    beside = Beside()
    beside.start(len, LARGE[:-1])
    assert threads() == []


def test_a_sink_that_fails_in_the_middle_is_not_taken_for_success():
    class Filling:
        left = 2

        def write(self, data):
            if len(data) > WORTH:
                self.left -= 1
            if self.left < 0:
                raise Full("There is no room left.")

    for segments in (3, 4, 5):
        with pytest.raises(Full):
            seal([bytes(segments * SEGMENT - 999)], Filling(), new_object_key(), b"here")


def test_both_digests_are_right_whatever_the_pieces(house):
    vault, chance = house.vault(), random.Random(4)
    data = chance.randbytes(5 * SEGMENT + 77)
    pieces, at = [], 0
    while at < len(data):
        size = chance.choice([1, 5000, WORTH - 1, WORTH, 2 * SEGMENT + 3])
        pieces.append(data[at : at + size])
        at += size
    record = vault.put("document", pieces)
    assert record.sha256 == hashlib.sha256(data).hexdigest()
    assert record.sealed_sha256 == hashlib.sha256(house.path(record).read_bytes()).hexdigest()
    assert house.read(vault, record) == data
    assert threads() == []


def test_a_buffer_may_be_used_again_as_soon_as_write_returns(house):
    vault, buffer, whole = house.vault(), bytearray(SEGMENT), hashlib.sha256()
    with vault.start("document") as pending:
        for number in range(6):
            buffer[:] = bytes([number]) * SEGMENT
            whole.update(buffer)
            pending.write(buffer)
            buffer[:] = bytes(SEGMENT)
        record = pending.finish()
    assert record.sha256 == whole.hexdigest()


def test_an_aborted_object_leaves_no_thread(house):
    with house.vault().start("document") as pending:
        pending.write(bytes(3 * SEGMENT))
    assert threads() == []
