from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.search import shard
from hub.search.shard import BadShard, Document, Parts


def document(key: str, *pages: str, title: str = "Minutes", day: int = 739_000) -> Document:
    return Document(key=key, title=title, pages=pages, day=day, type_code="minutes", agency="probation")


ONE = document("one", "The risk plan was agreed", "Housing for Mr Teasel-Moss")
TWO = document("two", "No plan for housing, no risk", title="Referral AB/12")
THREE = document("three")


def parts_of(*documents: Document) -> Parts:
    return shard.encode(shard.build(documents))


def test_adding_one_by_one_gives_the_bytes_of_building_at_once() -> None:
    added = None
    for one in (ONE, TWO, THREE):
        added = shard.add(added, one)
    assert added == parts_of(ONE, TWO, THREE)


def test_removing_gives_the_bytes_of_never_having_added() -> None:
    assert shard.remove(parts_of(ONE, TWO, THREE), "two") == parts_of(ONE, THREE)
    assert shard.remove(parts_of(ONE), "one") == parts_of()


def test_removing_what_is_not_there_changes_nothing() -> None:
    assert shard.remove(parts_of(ONE), "other") == parts_of(ONE)


def test_adding_a_key_again_replaces_its_document() -> None:
    changed = replace(ONE, pages=("Something else",))
    assert shard.add(parts_of(ONE, TWO), changed) == parts_of(TWO, changed)


def test_reading_back_gives_the_same_bytes() -> None:
    parts = parts_of(ONE, TWO, THREE)
    assert shard.encode(shard.decode(parts)) == parts


def test_a_shard_beyond_two_byte_numbers_reads_back() -> None:
    long = document("long", " ".join(f"w{number}" for number in range(70_000)))
    parts = shard.add(parts_of(ONE), long)
    assert shard.Header.of(parts.scan).flags == shard.WIDE
    assert shard.encode(shard.decode(parts)) == parts
    assert shard.remove(parts, "long") == parts_of(ONE)


def test_a_word_often_repeated_counts_no_more_than_a_byte_holds() -> None:
    built = shard.decode(parts_of(document("one", "risk " * 1000, title="")))
    assert built.frequencies.tolist() == [255, 255], "the word, and the word beside itself"
    assert built.rows["length"].tolist() == [1000]


def test_sizes_are_rounded_so_that_a_word_more_cannot_be_seen() -> None:
    few, more = parts_of(document("one", "risk")), parts_of(document("one", "risk plan"))
    assert [len(part) for part in few] == [len(part) for part in more]


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 10_000, 1_000_001])
def test_the_grid_adds_at_most_an_eighth_beyond_the_smallest_step(size: int) -> None:
    assert size <= shard.grid(size) <= max(size * 1.125, size + shard.SMALLEST_GRID)


@pytest.mark.parametrize("which", ["scan", "positions", "words"])
def test_every_changed_byte_is_noticed(which: str) -> None:
    parts = parts_of(ONE, TWO)
    whole = getattr(parts, which)
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 0x55
        with pytest.raises(BadShard):
            shard.decode(parts._replace(**{which: bytes(changed)}))


@pytest.mark.parametrize("which", ["scan", "positions", "words"])
def test_a_part_of_another_shard_is_refused(which: str) -> None:
    with pytest.raises(BadShard):
        shard.decode(parts_of(ONE, TWO)._replace(**{which: getattr(parts_of(TWO, ONE), which)}))


@pytest.mark.parametrize("which", ["scan", "positions", "words"])
def test_a_part_cut_short_or_made_longer_is_refused(which: str) -> None:
    parts = parts_of(ONE, TWO)
    whole = getattr(parts, which)
    for changed in (b"", whole[:10], whole[:-1], whole + b"\0", whole + bytes(512)):
        with pytest.raises(BadShard):
            shard.decode(parts._replace(**{which: changed}))


@settings(max_examples=200)
@given(st.binary(max_size=600), st.booleans())
def test_random_bytes_are_refused(noise: bytes, with_magic: bool) -> None:
    start = parts_of(ONE).scan[:8] if with_magic else b""
    with pytest.raises(BadShard):
        shard.decode(parts_of(ONE)._replace(scan=start + noise))


@pytest.mark.parametrize(
    "change",
    [
        {"documents": np.array([9] * 200)},
        {"frequencies": np.zeros(200, dtype=np.int64)},
        {"hashes": np.zeros(200, dtype=np.uint64)},
        {"starts": np.arange(200)[::-1]},
        {"place_starts": np.zeros(201, dtype=np.int64)},
        {"places": np.zeros(200, dtype=np.int64)},
        {"page_starts": np.array([90, 1, 0, 0])},
    ],
)
def test_a_well_formed_shard_that_contradicts_itself_is_refused(change: dict[str, np.ndarray]) -> None:
    built = shard.build([ONE, TWO])
    cut = {name: values[: len(getattr(built, name))] for name, values in change.items()}
    with pytest.raises(BadShard):
        shard.decode(shard.encode(replace(built, **cut)))


def test_ids_that_do_not_fit_are_refused_when_written() -> None:
    for wrong in ("", "x" * 33, "a\0b"):
        with pytest.raises(ValueError, match="plain characters"):
            shard.build([document(wrong)])
