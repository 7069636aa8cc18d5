"""Words a person may have meant: those of documents they may read that sound or look like one they typed.

Names are compared by double metaphone and by slips of the pen, other words by slips alone. Worth asking only where a
query found little: the first to ask after a change reads the word list of every shard in reach.
"""

from collections.abc import Iterable
from typing import NamedTuple

from whoosh.support.levenshtein import damerau_levenshtein

from hub.search import language
from hub.search.vocabulary import Vocabulary, starting

MOST_FOR_A_WORD = 8
SHORTEST = 3
LONG = 7  # from so many letters on, two slips are allowed instead of one
ALIKE_PART = 0.45  # how much of a name may be written otherwise if it sounds the same: Yusuf, Youssef


class Name(NamedTuple):
    word: str
    sounds: frozenset[str]


class Heard(NamedTuple):
    """A typed word, folded, with what a name must have to be compared with it at all."""

    word: str
    sounds: frozenset[str]
    slips: int


def known_names(vocabulary: Vocabulary) -> list[Name]:
    """Every name in the documents that may be read."""
    found = (line.decode("utf-8", "replace").split("\t") for line in vocabulary.names.splitlines())
    return [Name(word, frozenset(codes)) for word, *codes in found]


def alike(typed: str, names: Iterable[Name]) -> tuple[str, ...]:
    """Names that sound like the typed word or are a slip away from it, the nearest first; without the word itself."""
    heard = _heard(typed)
    if len(heard.word) < SHORTEST:
        return ()
    ranked = sorted(
        (distance, name.word) for name in names if (distance := _distance(heard, name)) is not None
    )
    return tuple(word for _, word in ranked[:MOST_FOR_A_WORD])


def _heard(typed: str) -> Heard:
    word = language.fold(typed)
    return Heard(word, frozenset(language.sounds(word)), slips(word))


def slips(word: str) -> int:
    return 2 if len(word) >= LONG else 1


def _distance(heard: Heard, name: Name) -> int | None:
    """How many letters differ, if few enough: in more of a name that sounds the same, in one if it begins otherwise."""
    word = name.word
    if word == heard.word or len(word) < SHORTEST:
        return None
    longer = max(len(word), len(heard.word))
    same = not heard.sounds.isdisjoint(name.sounds)
    begins_so = word[0] == heard.word[0] or word[:2] == heard.word[1::-1]
    unlike = heard.slips if begins_so else 1
    limit = max(heard.slips, int(longer * ALIKE_PART)) if same else unlike
    if abs(len(word) - len(heard.word)) > limit or len(set(heard.word) ^ set(word)) > 2 * limit:
        return None
    distance = int(damerau_levenshtein(heard.word, word, limit=limit))
    return 2 * distance - same if distance <= limit else None


def may_be_a_slip(typed: str) -> bool:
    """Whether it is worth the word lists: of a short word or a number anything is near."""
    folded = language.fold(typed)
    return len(folded) > SHORTEST and folded.isalpha()


def near(typed: str, known: Vocabulary) -> str | None:
    """The known word that is nearest to what `may_be_a_slip`; None if none is a slip or two away."""
    folded = language.fold(typed)
    most = slips(folded)
    ranked = sorted(
        (distance, word)
        for word in _candidates(folded, most, known)
        if (distance := int(damerau_levenshtein(folded, word, limit=most))) <= most
    )
    return ranked[0][1] if ranked else None


def _candidates(folded: str, most: int, known: Vocabulary) -> set[str]:
    """Words of about the same length that begin as this one does, its first two letters perhaps exchanged."""
    low, high = max(len(folded) - most, 2), len(folded) + most
    found = {word for letter in set(folded[:2]) for word in starting(known.words, letter)}
    words = {word.decode("utf-8", "replace") for word in found if len(word) >= low}
    return {word for word in words if low <= len(word) <= high} - {folded}
