"""Root keys as shares on paper: what is split, how a share is written down so that it can be typed in again, and joined.

A share in text is lines of five groups of four letters, each line with its number and two letters that check it, so that a slip
of the pen is told by its line. Around them stand words for people, which the program does not read.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from hub.errors import Refused
from storage import shares
from storage.keys import RootKeys
from storage.wraps import KEY_SIZE

FORMAT = 1
FINGERPRINT = 8
_HEAD = 3 + FINGERPRINT
_CHECK = 4
_GROUP, _GROUPS = 4, 5
_LINE = re.compile(r"\s*([0-9]{1,2})[ .:]+([A-Za-z0-9 ]+?) *- *([A-Za-z0-9]{2})\s*")
_TYPED = str.maketrans({"0": "O", "1": "I", "8": "B"})


class BadShares(Refused):
    """The sentence says which share or line, and nothing of what is in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    number: int
    threshold: int
    fingerprint: bytes
    data: bytes

    def __repr__(self) -> str:
        return f"Share(number={self.number}, threshold={self.threshold})"


def packed(roots: RootKeys) -> bytes:
    """`01 | current (4) | for each version, rising: version (4) | key (32)`."""
    listed = b"".join(version.to_bytes(4, "big") + key for version, key in sorted(roots.keys.items()))
    return bytes([FORMAT]) + roots.current.to_bytes(4, "big") + listed


def unpacked(data: bytes) -> RootKeys:
    step = 4 + KEY_SIZE
    body = data[5:]
    if data[:1] != bytes([FORMAT]) or not body or len(body) % step:
        raise BadShares("What these shares give is not root keys.")
    pieces = [body[start : start + step] for start in range(0, len(body), step)]
    keys = {int.from_bytes(piece[:4], "big"): piece[4:] for piece in pieces}
    return RootKeys(keys=keys, current=int.from_bytes(data[1:5], "big"), made={})


def fingerprint_of(roots: RootKeys) -> str:
    return _fingerprint(packed(roots)).hex()


def _fingerprint(secret: bytes) -> bytes:
    """Of 256 random bits at least: it tells which keys, and helps nobody to guess them."""
    return hashlib.sha256(b"mappa-hub/escrow/1\x00" + secret).digest()[:FINGERPRINT]


def split(roots: RootKeys, count: int, threshold: int) -> list[Share]:
    secret = packed(roots)
    made = shares.split(secret, count, threshold)
    return [
        Share(number=number, threshold=threshold, fingerprint=_fingerprint(secret), data=data)
        for number, data in made.items()
    ]


def join(given: Iterable[Share]) -> RootKeys:
    """Raises BadShares: too few, of different sets, or not giving the keys that their fingerprint names."""
    found = {share.number: share for share in given}
    if not found:
        raise BadShares("No share was given.")
    marks = {(share.fingerprint, share.threshold, len(share.data)) for share in found.values()}
    if len(marks) > 1:
        raise BadShares("These shares are of different sets: take those with one fingerprint.")
    fingerprint, threshold, _ = marks.pop()
    if len(found) < threshold:
        raise BadShares(f"{threshold} different shares are needed, and {len(found)} given.")
    secret = shares.join({number: share.data for number, share in found.items()})
    if not hmac.compare_digest(_fingerprint(secret), fingerprint):
        raise BadShares("These shares do not give the keys that they name: one of them is not true.")
    return unpacked(secret)


# --- on paper ------------------------------------------------------------------------------------


def lines(share: Share) -> list[str]:
    """`01  ABCD EFGH IJKL MNOP QRST - XY`: base32 of `01 | threshold | number | fingerprint (8) | data | check (4)`."""
    body = bytes([FORMAT, share.threshold, share.number]) + share.fingerprint + share.data
    letters = base64.b32encode(body + hashlib.sha256(body).digest()[:_CHECK]).decode().rstrip("=")
    width = _GROUP * _GROUPS
    rows = [letters[start : start + width] for start in range(0, len(letters), width)]
    return [
        f"{number:02d}  {_grouped(row)} - {_line_check(number, row)}" for number, row in enumerate(rows, 1)
    ]


def read(text: str) -> Share:
    """A share from its lines, wherever they stand in the text; raises BadShares naming the line that is wrong."""
    rows = [match.groups() for line in text.splitlines() if (match := _LINE.fullmatch(line))]
    letters = ""
    for expected, (number, groups, check) in enumerate(rows, 1):
        row = groups.replace(" ", "").upper().translate(_TYPED)
        if int(number) != expected:
            raise BadShares(f"Line {expected} of a share is missing or out of its place.")
        if check.upper().translate(_TYPED) != _line_check(expected, row):
            raise BadShares(f"Line {expected} of a share has a slip in it: compare it with the paper.")
        letters += row
    return _parsed(letters)


def _parsed(letters: str) -> Share:
    try:
        body = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except ValueError:
        raise BadShares("A share is not whole.") from None
    body, check = body[:-_CHECK], body[-_CHECK:]
    sound = len(body) > _HEAD and body[0] == FORMAT and hashlib.sha256(body).digest()[:_CHECK] == check
    if not sound:
        raise BadShares("A share is not whole.")
    return Share(threshold=body[1], number=body[2], fingerprint=body[3:_HEAD], data=body[_HEAD:])


def _grouped(row: str) -> str:
    return " ".join(row[start : start + _GROUP] for start in range(0, len(row), _GROUP))


def _line_check(number: int, row: str) -> str:
    return base64.b32encode(hashlib.sha256(f"{number}:{row}".encode()).digest()).decode()[:2]


def page(share: Share, *, hub: str, count: int, made: date) -> str:
    """One share for one holder: a page of A4 in any fixed-width print."""
    return "\n".join(
        [
            "MAPPA DOCUMENT HUB: A SHARE OF THE ROOT KEYS",
            "",
            f"Share        {share.number} of {count}; any {share.threshold} together give the keys, fewer give nothing",
            f"Hub          {hub}",
            f"Keys         {share.fingerprint.hex()} (the same on every share of this set)",
            f"Made         {made.isoformat()}",
            "",
            *(f"    {line}" for line in lines(share)),
            "",
            "Keep this page where only you can reach it: not in a photograph, not in e-mail, not on a computer.",
            "It does not stop being good when the hub's keys are rotated: what is older than the rotation, in",
            "backups, still opens with it. Hand it back or destroy it only when information governance says so.",
            "To use it: python3 -m hub keys recover, on the machine that is to hold the keys.",
            "",
        ]
    )
