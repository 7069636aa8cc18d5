"""Words of a text as search sees them: folded, without common words, stemmed, with every writing of a reference or date.

The stemmer, the list of common words and the table of accents are Whoosh's; the tokeniser is this module's own, because
a token object for each word costs more than everything else together.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from whoosh.analysis import STOP_WORDS
from whoosh.lang.dmetaphone import double_metaphone
from whoosh.lang.snowball.english import EnglishStemmer
from whoosh.support.charset import accent_map

# Left out of the common words: "May" and "Will" are names, and a search for either has to find its person.
COMMON = frozenset(STOP_WORDS) - {"may", "will", "tbd", "us"}
# Whoosh's older Porter stemmer keeps "planning" and "plan" apart; this one does not.
_stemmed = EnglishStemmer().stem
_STEMMED = (
    *("s", "ed", "ing", "y", "e", "l", "ci", "li", "ti", "ogi"),
    *("er", "ator", "ion", "ism", "ant", "ent", "ic"),
)
"""How a word ends that the stemmer may change; it leaves all others as they are, after thirty microseconds."""
# The table's entries for bare combining marks would turn "e\u0308" into "et".
_ACCENTS = {code: plain for code, plain in accent_map.items() if chr(code).isalnum()}
LONGEST_WORD = 64
LONGEST_JOINED = 40
MOST_PARTS = 6
_CACHED_WORDS = 1 << 15

# One or more letters or digits, joined to more of them by a sign that names, references and dates are written with.
_JOINS = "-\u2010\u2011/.'\u2019_&"
_WORD = re.compile(rf"[^\W_]+(?:(?:[{_JOINS}]|-\r?\n)[^\W_]+)*")
_PART = re.compile(r"[^\W_]+")
_BROKEN = re.compile(r"-\r?\n")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]{0,6}"
LONG_DATE = re.compile(
    rf"\b(?:(\d{{1,2}})(?:st|nd|rd|th)?[ -](?:of )?{_MONTH},?[ -](\d{{4}})"
    rf"|{_MONTH} (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}}))\b",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")
"""Where there is none there is no date, and no reference."""
# Pieces of a reference or a telephone number with spaces between: capitals or digits, at least one piece with a digit.
_SPACED = re.compile(
    rf"\b(?=[A-Z ]{{0,{LONGEST_JOINED}}}\d)"
    r"(?:[A-Z]{1,5}|\d{1,6})(?: (?:[A-Z]{1,3}\b|\d{2,6}\b|[A-Z]\d{1,6}\b|\d{1,6}[A-Z]\b)){1,4}"
)
# A word with a capital, not at the beginning of a sentence or a page: in running text that is a name, mostly.
# The capital is asked for first, what stands before it then: the other way round every character is asked twice.
_NAME = re.compile(r"(?s:[A-Z\u00c0-\u024f\u0386-\u052f](?:(?<=[^\s.!?]\s.)|(?<=[-'\u2019(].)))[^\W\d_]+")
SHORTEST_NAME = 3
_ISO_DATE = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_SHORT_DATE = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})")


class Token(NamedTuple):
    """`term` is what is indexed; `start` and `end` are offsets into the text as `clean` returns it.

    A token with `extra` is a second writing of the words at its position (a joined compound, a date): it can be found,
    but takes no place of its own in a phrase.
    """

    term: str
    position: int
    start: int
    end: int
    extra: bool


def clean(text: str) -> str:
    """The text composed (NFC) and without invisible characters, which can split a word without being seen."""
    if text.isascii():
        return text
    return _INVISIBLE.sub("", unicodedata.normalize("NFC", text))


@lru_cache(maxsize=_CACHED_WORDS)
def fold(word: str) -> str:
    """Lower case without accents or ligatures; at most LONGEST_WORD characters. May be empty."""
    if not word.isascii():
        split = unicodedata.normalize("NFKD", word.translate(_ACCENTS)).casefold()
        word = "".join(letter for letter in split if letter.isalnum())
    return word[:LONGEST_WORD].lower()


@lru_cache(maxsize=_CACHED_WORDS)
def term_of(word: str) -> str:
    """The indexed form of one word, or "" for a common word."""
    folded = fold(word)
    if folded in COMMON:
        return ""
    if not folded.endswith(_STEMMED) or not (folded.isascii() and folded.isalpha()):
        return folded
    return str(_stemmed(folded))


@lru_cache(maxsize=_CACHED_WORDS)
def hash_of(term: str) -> int:
    """64 bits that stand for a term in a shard. Not keyed: a shard is only ever stored sealed."""
    return int.from_bytes(blake2b(term.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def tokens(text: str) -> Iterator[Token]:
    """Every token of a `clean` text, in reading order. Common words take a position and give no token."""
    extras = _extras(text)
    position = 0
    for match in _WORD.finditer(text):
        word, start = match.group(), match.start()
        if start in extras:
            term, end = extras[start]
            yield Token(term, position, start, end, extra=True)
        if word.isalnum():
            term = term_of(word)
            if term:
                yield Token(term, position, start, match.end(), extra=False)
            position += 1
            continue
        for token in _compound(word, position, start):
            position = token.position
            if token.term:
                yield token
        position += 1


def codes(text: str) -> tuple[list[int], list[int]]:
    """The hashes and positions of `tokens`, several times as fast."""
    extras = _extras(text) if _DIGIT.search(text) else {}
    if _BROKEN.search(text) or not all(_apart(text, start) for start in extras):
        found = list(tokens(text))
        return [hash_of(token.term) for token in found], [token.position for token in found]
    hashes: list[int] = []
    positions: list[int] = []
    position = read = 0
    for start, (term, _) in sorted(extras.items()):
        position, read = _take_codes(text[read:start], position, (hashes, positions)), start
        hashes.append(hash_of(term))
        positions.append(position)
    _take_codes(text[read:], position, (hashes, positions))
    return hashes, positions


def _apart(text: str, start: int) -> bool:
    """Whether no word of a text without broken ones reaches over this place."""
    return not start or not (text[start - 1].isalnum() or text[start - 1] in _JOINS)


def _take_codes(text: str, position: int, into: tuple[list[int], list[int]]) -> int:
    """Add the hashes and positions of words from `position` on; the position after them.

    What has only letters and digits between two spaces is a word; `_WORD` is asked for all others.
    """
    hashes, positions = into
    for piece in text.split():
        for word in (piece,) if piece.isalnum() else _WORD.findall(piece):
            if word.isalnum():
                code = _code_of(word)
                if code is not None:
                    hashes.append(code)
                    positions.append(position)
            else:
                for token in _compound(word, position, 0):
                    position = token.position
                    if token.term:
                        hashes.append(hash_of(token.term))
                        positions.append(position)
            position += 1
    return position


@lru_cache(maxsize=_CACHED_WORDS)
def _code_of(word: str) -> int | None:
    term = term_of(word)
    return hash_of(term) if term else None


def words(text: str) -> set[str]:
    """Every distinct folded word of a `clean` text, unstemmed, common words left out: a shard's own word list."""
    pieces = set(text.split())
    alone = set(filter(str.isalnum, pieces))
    return set(map(fold, alone.union(*map(_PART.findall, pieces - alone)))) - COMMON - {""}


def names(text: str) -> set[str]:
    """The folded words of a `clean` text that are written as names are."""
    found = {fold(word) for word in set(_NAME.findall(text)) if word[0].isupper()}
    return {word for word in found if len(word) >= SHORTEST_NAME and word not in COMMON}


@lru_cache(maxsize=_CACHED_WORDS)
def sounds(word: str) -> tuple[str, ...]:
    """How a folded word sounds, by double metaphone: one or two codes, or none for what is no word of Latin letters."""
    if not (word.isascii() and word.isalpha()):
        return ()
    return tuple(dict.fromkeys(code for code in double_metaphone(word) if code))


@lru_cache(maxsize=_CACHED_WORDS)
def pair_hash(first: int, second: int) -> int:
    """64 bits that stand for two terms side by side, given by their own hashes."""
    both = b"pair" + first.to_bytes(8, "little") + second.to_bytes(8, "little")
    return int.from_bytes(blake2b(both, digest_size=8).digest(), "little")


def pieces(text: str) -> list[str]:
    """The words and compounds of a `clean` text, in order."""
    return _WORD.findall(text)


def date_term(text: str) -> str:
    """The term of a day written in one go (2026-03-12, 12/03/2026, 12.3.26: day first), or "" if it is none."""
    iso = _ISO_DATE.fullmatch(text)
    if iso:
        return _day_term(int(iso[1]), int(iso[2]), int(iso[3]))
    short = _SHORT_DATE.fullmatch(text)
    if not short:
        return ""
    return _day_term(_full_year(short[3]), int(short[2]), int(short[1]))


def long_date(match: re.Match[str]) -> str:
    """The ISO writing of a LONG_DATE match ("12 March 2026"), or "" if there is no such day."""
    day, month, year = match.group(1, 2, 3) if match[1] else match.group(5, 4, 6)
    term = _day_term(int(year), _MONTHS.index(month[:3].casefold()) + 1, int(day))
    return term.removeprefix("date:")


def _extras(text: str) -> dict[int, tuple[str, int]]:
    """Where a date in words or a reference with spaces begins: its term, and where it ends."""
    spaced = (match for match in _SPACED.finditer(text) if len(match[0]) <= LONGEST_JOINED)
    found = {match.start(): (joined(match[0]), match.end()) for match in spaced}
    dates = ((match, long_date(match)) for match in LONG_DATE.finditer(text))
    return found | {match.start(): (f"date:{day}", match.end()) for match, day in dates if day}


def _full_year(digits: str) -> int:
    """Two digits are read as 1951 to 2050."""
    return int(digits) if len(digits) > len("99") else 1951 + (int(digits) - 51) % 100


def _day_term(year: int, month: int, day: int) -> str:
    try:
        return f"date:{date(year, month, day).isoformat()}"
    except ValueError:
        return ""


def _compound(word: str, position: int, start: int) -> Iterator[Token]:
    """The parts of a compound, its joined writing and its date, all from `position`; a common part has no term."""
    end = start + len(word)
    if word[-2:] in {"'s", "\u2019s", "'S", "\u2019S"}:
        word = word[:-2]
    day = date_term(word)
    if day:
        yield Token(day, position, start, end, extra=True)
    parts = list(_PART.finditer(word))
    if 1 < len(parts) <= MOST_PARTS and len(word) <= LONGEST_JOINED:
        yield Token(joined(word), position, start, end, extra=True)
    for place, part in enumerate(parts):
        yield Token(
            term_of(part.group()), position + place, start + part.start(), start + part.end(), extra=False
        )


def joined(word: str) -> str:
    """The term of a compound written without its signs: AB/123-45 and AB12345 are the same."""
    return term_of("".join(_PART.findall(word)))
