"""Words a person may have meant: in documents they may read, and sounding or looking like one that was not found.

Worth asking only when a query found little: it reads the word list of every case in reach.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from whoosh.lang.dmetaphone import double_metaphone
from whoosh.support.levenshtein import damerau_levenshtein

from hub.search import language
from hub.search.engine import Fetch, Index, allowed_words
from hub.search.query import All, Either, Some, Term, Tree, Understood

MOST_WORDS = 3
MOST_FOR_A_WORD = 3
SHORTEST = 4
LONG = 7  # from so many letters on, two slips are allowed instead of one


class Suggestion(NamedTuple):
    """`typed` as the person wrote it; `meant` stands in a document they may read; `sounds` if it sounds the same."""

    typed: str
    meant: str
    sounds: bool


def suggest(understood: Understood, index: Index, words: Fetch) -> tuple[Suggestion, ...]:
    """For the first few words that no allowed document has: at most three each, the nearest first."""
    asked = [leaf for leaf in _terms(understood.tree) if _can_be_misspelt(leaf)]
    if not asked:
        return ()
    known = {
        word.decode("utf-8", "replace") for word in set(allowed_words(index, words).split(b"\n")) if word
    }
    found = {language.term_of(word) for word in known}
    missing = [leaf for leaf in asked if leaf.term not in found][:MOST_WORDS]
    return tuple(suggestion for leaf in missing for suggestion in _nearest(leaf.shown, known))


def _terms(tree: Tree | None) -> Iterable[Term]:
    match tree:
        case Term():
            yield tree
        case Either():
            yield from (writing for writing in tree.writings if isinstance(writing, Term))
        case All() | Some():
            for child in tree.wanted:
                yield from _terms(child)


def _can_be_misspelt(leaf: Term) -> bool:
    return len(leaf.term) >= SHORTEST - 1 and leaf.shown.isalpha() and len(leaf.shown) >= SHORTEST


def _nearest(typed: str, known: set[str]) -> list[Suggestion]:
    folded = language.fold(typed)
    slips = 2 if len(folded) >= LONG else 1
    sound = _sound(folded)
    ranked = []
    for word in known:
        if abs(len(word) - len(folded)) > slips + 1 or len(set(folded) - set(word)) > slips + 1:
            continue
        same = bool(sound & _sound(word))
        distance = damerau_levenshtein(folded, word, limit=slips + same)
        if distance <= slips + same:
            ranked.append((distance - same, word, same))
    return [Suggestion(typed, word, same) for _, word, same in sorted(ranked)[:MOST_FOR_A_WORD]]


@lru_cache(maxsize=1 << 14)
def _sound(word: str) -> frozenset[str]:
    if not (word.isascii() and word.isalpha()):
        return frozenset()
    return frozenset(code for code in double_metaphone(word) if code)
