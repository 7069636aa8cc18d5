"""One question, answered as a person would want it: first as typed, then also by names that sound or look alike.

Everything comes from the documents that the index allows: what is unknown there is unknown, and no word of any other
document is offered.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hub.search import engine, suggest
from hub.search.engine import Filters, Index, Parts, Results, Window
from hub.search.query import Term, Understood, by_filters, resembled, resembling_asked

FEW_WORDS = 6
"""A longer query is no name, and one word more or less says little in it."""
MOST_CORRECTED = 3
NOT_ALL = f"names that sound alike were looked for of the first {FEW_WORDS} words only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`sounds`: whether names that sound alike were asked for whatever was found. `text`: as typed."""

    text: str
    understood: Understood
    filters: Filters
    window: Window
    sounds: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """`understood`: how it was answered in the end. `instead`: the text with words that are known, or empty."""

    results: Results
    understood: Understood
    instead: str = ""


def answer(question: Question, index: Index, parts: Parts) -> Answered:
    """Raises as `engine.search` does."""
    understood = question.understood
    if understood.empty and question.filters != Filters():
        understood = by_filters(understood)
    known = engine.Known()

    def ask(asked: Understood) -> Results:
        return engine.search(asked, index, question.filters, parts, question.window, known)

    words, asked = _may_be_names(question)
    many = len(words) > FEW_WORDS
    plain = None if many and asked else ask(understood)
    unsure = asked if plain is None or plain.complete or many else words
    if plain is not None and not unsure:
        return Answered(results=plain, understood=understood)
    names = suggest.known_names(parts.vocabulary())
    unsure, left_out = unsure[:FEW_WORDS], unsure[FEW_WORDS:]
    found = {term.shown: like for term in unsure if (like := suggest.alike(term.shown, names))}
    wider = resembled(understood, found, said=(NOT_ALL,) if left_out else ())
    results = plain if plain is not None and wider == understood else ask(wider)
    unknown = [term.shown for term in unsure if term.term in results.unknown and term.shown not in found]
    return Answered(results=results, understood=wider, instead=_instead(question.text, unknown, parts))


def _may_be_names(question: Question) -> tuple[list[Term], list[Term]]:
    """The words that may be misspelt names: all, looked at if they are few and never stand together; and those asked for as such."""
    words = list(dict.fromkeys(resembling_asked(question.understood.tree)))
    return words, [term for term in words if question.sounds or term.shown in question.understood.sounds]


def _instead(text: str, unknown: Sequence[str], parts: Parts) -> str:
    wanted = [word for word in unknown[:MOST_CORRECTED] if suggest.may_be_a_slip(word)]
    if not wanted:
        return ""
    known = parts.vocabulary()
    meant = {word: near for word in wanted if (near := suggest.near(word, known))}
    changed = text
    for word, near in meant.items():
        changed = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", near, changed)
    return changed if changed != text else ""
