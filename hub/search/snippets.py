"""The piece of a page that shows why it was found, as plain fragments: whoever renders them escapes them."""

from typing import NamedTuple

from hub.search import language
from hub.search.query import Understood

LONGEST = 300
LONGEST_PAGE = 200_000
_BEFORE = 60
_ENDS = (".", "!", "?", ":", ";", ".”", ".\u2019", '."', ".)")


class Fragment(NamedTuple):
    text: str
    is_match: bool


class _Mark(NamedTuple):
    start: int
    end: int
    term: str


def snippet(
    page_text: str, understood: Understood, longest: int = LONGEST, *, goes_on: bool = False
) -> list[Fragment]:
    """At most about `longest` characters around the place with the most different words of the query.

    Without any of them, the beginning of the page. White space is collapsed; an ellipsis says that something was left out,
    or that the page `goes_on` in the middle of a sentence.
    """
    text = language.clean(page_text[:LONGEST_PAGE])
    marks = _marks(text, understood.words)
    start, end = _window(text, marks, longest)
    pieces = _pieces(text, [mark for mark in marks if start <= mark.start and mark.end <= end], start, end)
    left_out = len(page_text) > LONGEST_PAGE or bool(text[end:].strip())
    in_the_middle = goes_on and not text.rstrip().endswith(_ENDS)
    return _tidy(pieces, cut_before=bool(text[:start].strip()), cut_after=left_out or in_the_middle)


def _marks(text: str, words: tuple[str, ...]) -> list[_Mark]:
    """Where words of the query stand, in reading order and without overlaps, the longer of two first."""
    wanted = {word for word in words if not word.endswith("*")}
    starts = tuple(word[:-1] for word in words if word.endswith("*"))
    found = [
        _Mark(token.start, token.end, token.term)
        for token in language.tokens(text)
        if token.term in wanted
        or (starts and language.fold(text[token.start : token.end]).startswith(starts))
    ]
    found.sort(key=lambda mark: (mark.start, -mark.end))
    kept: list[_Mark] = []
    for mark in found:
        if not kept or mark.start >= kept[-1].end:
            kept.append(mark)
    return kept


def _window(text: str, marks: list[_Mark], longest: int) -> tuple[int, int]:
    start = _best_start(marks, longest - _BEFORE)
    start = _word_start(text, max(0, min(start - _BEFORE, len(text) - longest)))
    return start, _word_end(text, min(len(text), start + longest))


def _best_start(marks: list[_Mark], reach: int) -> int:
    """The first mark of the stretch with the most different terms, then the most marks, then the earliest."""
    inside: dict[str, int] = {}
    best, best_start, last = (0, 0), 0, 0
    for first, mark in enumerate(marks):
        while last < len(marks) and marks[last].end - mark.start <= reach:
            inside[marks[last].term] = inside.get(marks[last].term, 0) + 1
            last += 1
        worth = (len(inside), last - first)
        if worth > best:
            best, best_start = worth, mark.start
        if last <= first:
            last = first + 1
            continue
        inside[mark.term] -= 1
        if not inside[mark.term]:
            del inside[mark.term]
    return best_start


def _word_start(text: str, at: int) -> int:
    """The next beginning of a word at or after this place, within reason."""
    if at == 0 or text[at - 1].isspace():
        return at
    for place in range(at, min(at + _BEFORE // 2, len(text))):
        if text[place].isspace():
            return place + 1
    return at


def _word_end(text: str, at: int) -> int:
    if at >= len(text) or text[at].isspace():
        return at
    for place in range(at, max(at - _BEFORE // 2, 0), -1):
        if text[place - 1].isspace():
            return place - 1
    return at


def _pieces(text: str, marks: list[_Mark], start: int, end: int) -> list[Fragment]:
    pieces, at = [], start
    for mark in marks:
        pieces.append(Fragment(text[at : mark.start], is_match=False))
        pieces.append(Fragment(text[mark.start : mark.end], is_match=True))
        at = mark.end
    pieces.append(Fragment(text[at:end], is_match=False))
    return pieces


def _tidy(pieces: list[Fragment], *, cut_before: bool, cut_after: bool) -> list[Fragment]:
    tidy = [Fragment(_collapsed(piece.text), piece.is_match) for piece in pieces]
    if cut_before:
        tidy.insert(0, Fragment("… ", is_match=False))
    if cut_after:
        tidy.append(Fragment(" …", is_match=False))
    return [piece for piece in tidy if piece.text]


def _collapsed(text: str) -> str:
    inner = " ".join(text.split())
    if not inner:
        return " " if text else ""
    return (" " if text[0].isspace() else "") + inner + (" " if text[-1].isspace() else "")
