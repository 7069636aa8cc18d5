"""Every word and name of what one person may read, each once: what prefixes, suggestions and names that sound alike ask."""

import re
from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Sorted lines, each ended by a line feed: folded words; names, each with tabs and how it sounds."""

    words: bytes
    names: bytes

    @property
    def nbytes(self) -> int:
        return len(self.words) + len(self.names)


def distinct(text: bytes) -> bytes:
    """The lines of a text in order, each once."""
    lines = sorted(set(text.split(b"\n")) - {b""})
    return b"".join([line + b"\n" for line in lines])


def starting(text: bytes, start: str) -> list[bytes]:
    """The lines of a sorted text that start so, where they stand together."""
    wanted = start.encode("utf-8", "replace")
    at = 0 if text.startswith(wanted) else text.find(b"\n" + wanted)
    if at < 0:
        return []
    together = re.compile(rb"\n?(?:%s[^\n]*\n)+" % re.escape(wanted))
    return cast("re.Match[bytes]", together.match(text, at))[0].split()
