"""Odd input costs little: counted in what is made and read, not in time."""

import tracemalloc

import pytest

from tests.search.test_names import shelf
from tests.search.test_query import HOSTILE

PAGES = tuple(f"Mr Smith{number} had risk plan housing {'word ' * 20}" for number in range(40))


@pytest.fixture(scope="module")
def ask():
    return shelf(*PAGES)


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_input_takes_little_memory(ask, number):
    ask("risk")
    tracemalloc.start()
    answered = ask(HOSTILE[number])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answered.understood.sentence.endswith(".")
    assert most < 4_000_000


def test_what_is_beyond_the_limit_is_not_read(ask):
    few, many = ask("risk " * 10_000), ask("risk " * 100_000)
    assert (few.understood, few.results.hits) == (many.understood, many.results.hits)
