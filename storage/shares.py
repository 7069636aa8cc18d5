"""A secret split so that any m of n shares give it back and fewer tell nothing: Shamir's scheme over GF(2^8).

The field is that of AES: polynomials modulo x^8 + x^4 + x^3 + x + 1. Each byte of the secret is the value at 0 of a random
polynomial of degree m-1; share number x holds its values at x. See docs/sealed-format.md, section 6.

Products of secret bytes are made by shifts and masks: no table is looked up and no branch taken at a place that a secret
decides. Python promises no constant time beyond that; shares are made and joined at the machine, by whoever holds the keys.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence

MOST = 255
RandomBytes = Callable[[int], bytes]


def split(
    secret: bytes, shares: int, threshold: int, random: RandomBytes = secrets.token_bytes
) -> dict[int, bytes]:
    """{number of the share, from 1: as many bytes as the secret has}."""
    if not 2 <= threshold <= shares <= MOST or not secret:  # noqa: PLR2004 - one share of one is a copy
        raise ValueError("a threshold is from 2 to the number of shares, and those are at most 255")
    higher = [random(len(secret)) for _ in range(threshold - 1)]
    return {number: _values([secret, *higher], number) for number in range(1, shares + 1)}


def join(shares: Mapping[int, bytes]) -> bytes:
    """The secret, given as many true shares as its threshold; anything else gives bytes that mean nothing.

    Whether it is the secret the caller must be able to tell.
    """
    lengths = {len(share) for share in shares.values()}
    if len(lengths) != 1 or not all(1 <= number <= MOST for number in shares):
        raise ValueError("shares of one secret have one length, and numbers from 1 to 255")
    secret = bytes(lengths.pop())
    for number, share in shares.items():
        weight = _weight(number, [other for other in shares if other != number])
        secret = bytes(so_far ^ multiply(weight, byte) for so_far, byte in zip(secret, share, strict=True))
    return secret


def _values(coefficients: Sequence[bytes], at: int) -> bytes:
    """Of one polynomial for each byte, lowest coefficient first, by Horner's rule."""
    value = bytes(len(coefficients[0]))
    for coefficient in reversed(coefficients):
        value = bytes(multiply(byte, at) ^ add for byte, add in zip(value, coefficient, strict=True))
    return value


def _weight(number: int, others: Sequence[int]) -> int:
    """Lagrange's, at 0: the product of other / (other - number)."""
    weight = 1
    for other in others:
        weight = multiply(weight, multiply(other, inverse(other ^ number)))
    return weight


def multiply(left: int, right: int) -> int:
    product = 0
    for bit in range(8):
        product ^= left & -((right >> bit) & 1)
        left = (left << 1) ^ (0x11B & -(left >> 7))
    return product


def inverse(value: int) -> int:
    """By Fermat: value^254. That of 0 is 0."""
    result, power = 1, value
    for _ in range(7):
        power = multiply(power, power)
        result = multiply(result, power)
    return result
