"""Receipts: the proof, carried into a vault, that the log already says what is about to be read.

A receipt is made by the hub's unit of work, after its log entry is durably committed, and nowhere else.
The secret lives in this process only, so a receipt cannot be kept, sent, or made by reading the database.
"""

import hashlib
import hmac
import os
from dataclasses import dataclass

from storage.binding import canonical
from storage.errors import NoReceipt

PERSON = "person"
PROGRAM = frozenset({"indexing", "rendering", "rewrap", "check"})
RECOVERY = "recovery"
"""One object's own key is handed out: `Vault.recovery` alone asks for it."""
PURPOSES = PROGRAM | {PERSON, RECOVERY}

_REFUSED = "Nothing was opened, because no entry in the access log allows it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """``entry`` is the number of the log entry; ``objects`` are the stored objects' ids it speaks of."""

    entry: int
    area: str
    case: str
    objects: frozenset[str]
    purpose: str
    tag: bytes


class ReceiptBook:
    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = os.urandom(32) if secret is None else secret

    def mint(self, *, entry: int, area: str, case: str, objects: frozenset[str], purpose: str) -> Receipt:
        """Only for the unit of work, and only after its commit."""
        if purpose not in PURPOSES:
            raise ValueError("A receipt is for a person or for one of the program's own purposes.")
        if entry < 0 or not objects:
            raise ValueError("A receipt names a log entry and at least one object.")
        named = frozenset(objects)
        tag = self._tag(entry, area, case, named, purpose)
        return Receipt(entry=entry, area=area, case=case, objects=named, purpose=purpose, tag=tag)

    def check(self, receipt: object, area: str, case: str, object_id: str) -> Receipt:
        """Return the receipt when it is this process's own and covers the object; else ``NoReceipt``."""
        if not isinstance(receipt, Receipt) or not self._genuine(receipt):
            raise NoReceipt(_REFUSED)
        if (receipt.area, receipt.case) != (area, case) or object_id not in receipt.objects:
            raise NoReceipt(_REFUSED)
        return receipt

    def _genuine(self, receipt: Receipt) -> bool:
        wanted = self._tag(receipt.entry, receipt.area, receipt.case, receipt.objects, receipt.purpose)
        return hmac.compare_digest(wanted, receipt.tag)

    def _tag(self, entry: int, area: str, case: str, objects: frozenset[str], purpose: str) -> bytes:
        said = canonical("mappa-hub/receipt/1", entry, area, case, purpose, *sorted(objects))
        return hmac.digest(self._secret, said, hashlib.sha256)
