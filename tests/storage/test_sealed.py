"""The sealed-object format: what goes in comes out, in any order, and nothing else ever does."""

import io
import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import Tampered
from storage.sealed import (
    FIRST_ROOM,
    HEADER,
    ROOM,
    SEGMENT,
    TAG,
    SealedReader,
    Sealer,
    new_object_key,
    seal,
    sealed_length,
    unseal,
)

KEY = bytes(range(32))
AD = b"where it belongs"
BOUNDARIES = [0, 1, FIRST_ROOM - 1, FIRST_ROOM, FIRST_ROOM + 1, FIRST_ROOM + ROOM, FIRST_ROOM + ROOM + 1]


def content(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def sealed(data: bytes, key: bytes = KEY, ad: bytes = AD) -> bytes:
    sink = io.BytesIO()
    seal([data], sink, key, ad)
    return sink.getvalue()


def reader(ciphertext: bytes, key: bytes = KEY, ad: bytes = AD) -> SealedReader:
    return SealedReader(io.BytesIO(ciphertext), key, ad)


@pytest.mark.parametrize("size", BOUNDARIES)
def test_content_comes_back_at_every_segment_boundary(size):
    data = content(size)
    ciphertext = sealed(data)
    assert len(ciphertext) == sealed_length(size)
    assert reader(ciphertext).read() == data


@pytest.mark.parametrize("size", BOUNDARIES)
def test_totals_say_both_lengths(size):
    sink = io.BytesIO()
    totals = seal(io.BytesIO(content(size)), sink, KEY, AD)
    assert (totals.size, totals.sealed_size) == (size, len(sink.getvalue()))


def test_unseal_streams_the_whole_content():
    data, sink = content(FIRST_ROOM + ROOM + 5), io.BytesIO()
    assert unseal(io.BytesIO(sealed(data)), sink, KEY, AD) == len(data)
    assert sink.getvalue() == data


def test_an_upload_sealed_as_it_comes_does_not_depend_on_its_chunks():
    data, sink = content(2 * SEGMENT + 17), io.BytesIO()
    sealer, rest = Sealer(sink, KEY, AD), memoryview(data)
    sizes = random.Random(3)
    while rest:
        rest = rest[sealer.write(rest[: sizes.randrange(1, 400_000)]) :]
    sealer.finish()
    assert reader(sink.getvalue()).read() == data


def test_nothing_can_be_added_to_a_finished_object():
    sealer = Sealer(io.BytesIO(), KEY, AD)
    sealer.finish()
    with pytest.raises(ValueError, match="finished"):
        sealer.write(b"more")
    with pytest.raises(ValueError, match="finished"):
        sealer.finish()


LONG = content(3 * SEGMENT + 1234)
LONG_SEALED = sealed(LONG)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(LONG)), st.integers(0, len(LONG)))
def test_any_range_is_read_as_of_the_content(one, other):
    start, stop = sorted((one, other))
    opened = reader(LONG_SEALED)
    assert opened.read_range(start, stop) == LONG[start:stop]
    assert b"".join(opened.chunks(start, stop, 99_991)) == LONG[start:stop]


def test_it_behaves_as_a_file():
    opened = reader(LONG_SEALED)
    plain = io.BytesIO(LONG)
    moves = random.Random(11)
    for _ in range(60):
        position, size = moves.randrange(len(LONG) + 50), moves.randrange(-1, 1_500_000)
        assert opened.seek(position) == plain.seek(position)
        assert opened.read(size) == plain.read(size)
        assert opened.tell() == plain.tell()
    assert opened.seek(-10, io.SEEK_END) == len(LONG) - 10
    assert io.BufferedReader(opened).read() == LONG[-10:]


@pytest.mark.parametrize("span", [(-1, 5), (5, 4), (0, len(LONG) + 1)])
def test_a_range_outside_is_refused(span):
    with pytest.raises(ValueError, match="outside"):
        reader(LONG_SEALED).read_range(*span)


class Counted(io.BytesIO):
    got = 0

    def readinto(self, buffer):
        done = super().readinto(buffer)
        self.got += done
        return done


def test_one_byte_reads_its_segment_and_the_last_only():
    source = Counted(LONG_SEALED)
    opened = SealedReader(source, KEY, AD)
    assert opened.read_range(SEGMENT + 5, SEGMENT + 6) == LONG[SEGMENT + 5 : SEGMENT + 6]
    last = len(LONG_SEALED) - 3 * SEGMENT
    assert source.got == HEADER + last + SEGMENT


def test_memory_stays_flat_whatever_the_size():
    class Zeros:
        left = 64 * SEGMENT

        def read(self, size):
            size = min(size, self.left)
            self.left -= size
            return bytes(size)

    class Nowhere:
        def write(self, data):
            return len(data)

    tracemalloc.start()
    seal(Zeros(), Nowhere(), KEY, AD)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * SEGMENT


def test_two_sealings_of_the_same_content_share_nothing():
    assert sealed(b"the same")[1:] != sealed(b"the same")[1:]


@pytest.mark.parametrize("key", [b"", bytes(16), bytes(33)])
def test_a_key_of_another_length_is_refused(key):
    with pytest.raises(ValueError, match="32 bytes"):
        sealed(b"x", key=key)


def test_another_key_or_another_place_opens_nothing():
    ciphertext = sealed(b"secret")
    with pytest.raises(Tampered):
        reader(ciphertext, key=new_object_key())
    with pytest.raises(Tampered):
        reader(ciphertext, ad=b"elsewhere")


@pytest.mark.parametrize("length", [0, 1, HEADER, HEADER + TAG - 1, SEGMENT + 1, SEGMENT + TAG])
def test_a_length_that_no_sealing_gives_is_refused(length):
    with pytest.raises(Tampered):
        reader(LONG_SEALED[:length])


def test_a_cut_at_a_segment_is_refused_before_any_byte():
    for segments in (1, 2, 3):
        with pytest.raises(Tampered):
            reader(LONG_SEALED[: segments * SEGMENT])


def test_a_source_that_ends_early_is_refused():
    class Short(io.BytesIO):
        def readinto(self, buffer):
            return 0

    with pytest.raises(Tampered):
        SealedReader(Short(LONG_SEALED), KEY, AD)


def test_a_refused_segment_leaves_nothing_in_memory_and_the_good_ones_still_read():
    changed = bytearray(LONG_SEALED)
    changed[SEGMENT + 10] ^= 1
    opened = reader(bytes(changed))
    for _ in range(2):
        with pytest.raises(Tampered):
            opened.read_range(SEGMENT, SEGMENT + 1)
        assert not any(opened._plain[:ROOM])
    assert opened.read_range(0, 100) == LONG[:100]
