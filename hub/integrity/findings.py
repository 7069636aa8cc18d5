"""What a check can find, a sentence each, by id: names and titles stay sealed."""

from dataclasses import dataclass
from enum import StrEnum


class Depth(StrEnum):
    """QUICK: sizes. SHALLOW: also the SHA-256 of all sealed bytes. DEEP: also every segment opened, on record first."""

    QUICK = "quick"
    SHALLOW = "shallow"
    DEEP = "deep"


class Fault(StrEnum):
    MISSING = "missing"
    WRONG_SIZE = "wrong size"
    ALTERED = "altered"
    WRONG_KEY = "wrong key"
    UNREADABLE = "unreadable"
    CASE_KEY = "case key"
    STAGED_NAME = "staged name"
    SHARD = "shard"
    NOT_INDEXED = "not indexed"
    UNUSED = "unused"
    REMAINS = "remains"
    ORPHAN = "orphan"
    LEFT_OVER = "left over"


SENTENCES = {
    Fault.MISSING: "is not in the store: restore it from a backup",
    Fault.WRONG_SIZE: "has another size than its row says: restore it from a backup",
    Fault.ALTERED: "is not as it was sealed: restore it from a backup",
    Fault.WRONG_KEY: "has a wrapped key that does not open: restore the database's row from a backup",
    Fault.UNREADABLE: "could not be read; look at the store, then check again",
    Fault.CASE_KEY: "has a wrapped key that does not open, so nothing of the case can be read",
    Fault.STAGED_NAME: "is a received file whose name does not open",
    Fault.SHARD: "has a search shard that does not open, or holds what is not the case's",
    Fault.NOT_INDEXED: "is ready and not in its case's search shard",
    Fault.UNUSED: "has a row that no document and no received file uses; it is never removed by this command",
    Fault.REMAINS: "is still in the store, and the case was destroyed: run `case shred` for it again",
    Fault.ORPHAN: "is in the store and no row names it",
    Fault.LEFT_OVER: "was left behind by a writer that did not end",
}
HARMLESS = frozenset({Fault.ORPHAN, Fault.LEFT_OVER})
"""What a crash may leave: nothing is lost and nothing can be read. Listed, and no reason for an exit status of 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`what`: the id of an object, case, document or received file, or the name of a file. `done`: what --repair did."""

    fault: Fault
    what: str
    case: str | None = None
    done: str = ""

    @property
    def sentence(self) -> str:
        place = f" of case {self.case}" if self.case else ""
        return f"{self.what}{place} {SENTENCES[self.fault]}{f': {self.done}' if self.done else ''}."

    @property
    def bad(self) -> bool:
        return self.fault not in HARMLESS
