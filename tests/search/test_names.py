"""Names as people write them down wrongly: found among the first five, and said to be only alike."""

import random

import pytest

from hub.search import engine, kept, shard, suggest
from hub.search.answer import Answered, Question, answer
from hub.search.engine import Filters, Parts, Window
from hub.search.query import understand
from hub.search.shard import Document
from tests.search.names import MISWRITTEN, PEOPLE

TODAY = 739_940
MANY = [f"smith{letter}" for letter in "bcdefghijk"]


def shelf(*pages: str, allowed: frozenset[str] | None = None, names: tuple[str, ...] = ()):
    """Asks a case in which each page is a document of its own, `d0` and on."""
    documents = [
        Document(
            key=f"d{number}", title="", pages=(page,), day=TODAY, type_code="minutes", agency="a", names=names
        )
        for number, page in enumerate(pages)
    ]
    parts = shard.encode(shard.build(documents))
    index = kept.opened([kept.Access("case", 1, allowed)], lambda cases: dict.fromkeys(cases, parts.scan))

    def ask(typed: str, *, sounds: bool = False) -> Answered:
        question = Question(
            text=typed,
            understood=understand(typed),
            filters=Filters(),
            window=Window(today=TODAY),
            sounds=sounds,
        )
        return answer(
            question,
            index,
            Parts(
                positions=lambda cases: dict.fromkeys(cases, parts.positions),
                vocabulary=lambda: engine.vocabulary(index, lambda cases: dict.fromkeys(cases, parts.words)),
            ),
        )

    return ask


def found(answered: Answered) -> list[str]:
    return [hit.document for hit in answered.results.hits]


@pytest.fixture(scope="module")
def register():
    """Every person of the list in a document of invented prose, with two others mentioned in passing."""
    chance = random.Random(3)
    words = [
        "risk",
        "plan",
        "housing",
        "visit",
        "report",
        "supervision",
        "address",
        "concern",
        "meeting",
        "officer",
        "review",
        "tenancy",
    ]
    pages = [
        f"Notes on {person}. {' '.join(chance.choices(words, k=60))} It was seen that {person} met "
        f"{chance.choice(PEOPLE).split()[0]} {' '.join(chance.choices(words, k=20))}"
        for person in PEOPLE
    ]
    return shelf(*pages)


def test_miswritten_names_are_found_among_the_first_five(register):
    missed, shown, right = [], 0, 0
    for typed, person in MISWRITTEN:
        hits = found(register(typed))[:5]
        shown, right = shown + len(hits), right + (f"d{PEOPLE.index(person)}" in hits)
        if f"d{PEOPLE.index(person)}" not in hits:
            missed.append((typed, person))
    recall = right / len(MISWRITTEN)
    assert recall >= 0.9, missed
    assert shown / len(MISWRITTEN) <= 5


def test_what_only_sounds_alike_is_marked_and_stands_behind(register):
    answered = shelf("seen with Mr Smith today", "seen with Mr Smyth today")("Smith", sounds=True)
    assert [(hit.document, hit.alike) for hit in answered.results.hits] == [("d0", False), ("d1", True)]
    assert "sounds or looks like it (Smyth)" in answered.understood.sentence


def test_a_tilde_asks_for_names_that_sound_alike():
    ask = shelf("seen with Mr Smith today", "seen with Mr Smyth today")
    assert found(ask("Smith")) == ["d0"]
    assert found(ask("~Smith")) == ["d0", "d1"]


@pytest.mark.parametrize(
    ("typed", "meant"), [("houxing", "housing"), ("accomodation", "accommodation"), ("hreon", "heron")]
)
def test_a_misspelt_word_is_offered_as_one_that_is_there(typed, meant):
    assert shelf("housing accommodation heron and other words")(f"{typed} words").instead == f"{meant} words"


def test_nothing_is_offered_from_a_document_that_may_not_be_read():
    pages = ("other words", "then Mr Smith had accommodation")
    for typed in ("Smyth", "accomodation"):
        hidden = shelf(*pages, allowed=frozenset({"d0"}))(typed)
        assert (found(hidden), hidden.instead, hidden.understood.sentence) == (
            [],
            "",
            understand(typed).sentence,
        )
        assert found(shelf(*pages)("Smyth")) == ["d1"]


def test_names_are_looked_for_of_a_few_words_and_the_answer_says_so(monkeypatch):
    """Each costs a comparison with every name that may be read: 256 of them took ten seconds at 2,000 cases."""
    asked, alike = [], suggest.alike
    monkeypatch.setattr(suggest, "alike", lambda typed, names: asked.append(typed) or alike(typed, names))
    ask = shelf("then Mr Smith came")
    for typed, sounds in ((" ".join(f"~{word}" for word in MANY), False), (" ".join(MANY), True)):
        answered = ask(typed, sounds=sounds)
        assert "of the first 6 words only" in answered.understood.sentence
        assert asked == MANY[:6]
        asked.clear()
    assert "words only" not in ask(" ".join(MANY[:6]), sounds=True).understood.sentence


def test_a_plain_word_is_not_taken_for_a_name():
    assert found(shelf("the plan was read", "then Mr Plant came")("plan")) == ["d0"]


@pytest.mark.parametrize(
    "typed", ["", "the", "ab", '"not there"', "NOT smyth", "12345", "(" * 50, "~", "~~~*"]
)
def test_what_cannot_be_misspelt_offers_nothing(typed):
    answered = shelf("then Mr Smith came")(typed)
    assert not answered.instead
    assert not any(hit.alike for hit in answered.results.hits)


def test_a_word_that_begins_and_sounds_otherwise_is_not_taken_for_a_name():
    answered = shelf("for the Education of a person")("medication")
    assert (found(answered), answered.understood.sentence) == ([], understand("medication").sentence)
    assert found(shelf("then Mr Bartholomew came")("Bratolomew")) == ["d0"]
