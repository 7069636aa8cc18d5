"""Shares: any m of n give the secret, m-1 tell nothing of it."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.shares import inverse, join, multiply, split


def test_the_field_is_that_of_aes():
    assert multiply(0x57, 0x83) == 0xC1
    assert multiply(0x57, 0x13) == 0xFE
    assert inverse(0x53) == 0xCA
    assert all(multiply(value, inverse(value)) == 1 for value in range(1, 256))
    assert all(
        multiply(left, right) == multiply(right, left) for left in range(0, 256, 7) for right in range(256)
    )


def test_a_vector_worked_by_hand():
    """f(x) = 0x42 + 0x01 x + 0x02 x^2: f(1) = 41, f(2) = 42+02+08, f(3) = 42+03+0a."""
    rows = iter([b"\x01", b"\x02"])
    made = split(b"\x42", 3, 3, lambda size: next(rows))
    assert made == {1: b"\x41", 2: b"\x48", 3: b"\x4b"}
    assert join(made) == b"\x42"


@settings(max_examples=60, deadline=None)
@given(secret=st.binary(min_size=1, max_size=80), data=st.data())
def test_any_threshold_of_the_shares_gives_the_secret(secret, data):
    count = data.draw(st.integers(2, 8))
    threshold = data.draw(st.integers(2, count))
    made = split(secret, count, threshold)
    for some in itertools.combinations(made.items(), threshold):
        assert join(dict(some)) == secret
    assert join(made) == secret


@pytest.mark.parametrize("threshold", [2, 3])
def test_one_share_too_few_fits_every_secret_equally(threshold):
    """With one more point, whatever byte one supposes at 0, there is exactly one share that would give it."""
    made = split(b"\x99", 5, threshold)
    known = dict(list(made.items())[: threshold - 1])
    supposed = [join({**known, 5: bytes([value])}) for value in range(256)]
    assert sorted(supposed) == [bytes([value]) for value in range(256)]


@pytest.mark.parametrize(("count", "threshold"), [(1, 1), (3, 1), (3, 4), (256, 2)])
def test_a_split_that_protects_nothing_is_refused(count, threshold):
    with pytest.raises(ValueError, match="threshold"):
        split(b"secret", count, threshold)


def test_shares_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match="one length"):
        join({1: b"ab", 2: b"c"})
    with pytest.raises(ValueError, match="numbers"):
        join({0: b"a", 2: b"c"})
