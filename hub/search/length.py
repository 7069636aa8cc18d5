"""How many words of one document are found: a file of nothing but short words would cost minutes to take apart.

The document says where there are more, and stands in the coordinator's list of what search misses.
"""

import re
from collections.abc import Sequence
from itertools import islice

MOST_WORDS = 400_000
"""A thousand pages of 400 words."""
_WORD = re.compile(r"[^\W_]+")


def is_whole(pages: Sequence[str]) -> bool:
    """Whether every word is found."""
    return _fits(pages) or sum(1 for page in pages for _ in _WORD.finditer(page)) <= MOST_WORDS


def bounded(pages: tuple[str, ...]) -> tuple[str, ...]:
    """As many pages, the later ones empty where the words before them are as many as are found."""
    if _fits(pages):
        return pages
    left, kept = MOST_WORDS, []
    for page in pages:
        ends = [found.end() for found in islice(_WORD.finditer(page), left + 1)]
        kept.append(page if len(ends) <= left else page[: ends[left - 1] if left else 0])
        left = max(0, left - len(ends))
    return tuple(kept)


def _fits(pages: Sequence[str]) -> bool:
    """Without counting: a word is a letter and what parts it from the next."""
    return sum(len(page) + 1 for page in pages) // 2 <= MOST_WORDS
