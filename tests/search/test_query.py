import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.search.query import All, Asked, Either, Phrase, Prefix, Some, Term, understand

RISK, PLAN, HOUSE = Term("risk", "risk"), Term("plan", "plan"), Term("hous", "housing")


@pytest.mark.parametrize(
    ("typed", "tree"),
    [
        ("risk", RISK),
        ("risk plan", Some((RISK, PLAN))),
        ("risk OR plan", Some((RISK, PLAN))),
        ("risk AND plan", All((RISK, PLAN))),
        ("risk NOT plan", Some((RISK,), (PLAN,))),
        ("risk AND NOT plan", All((RISK,), (PLAN,))),
        ("NOT plan", All((), (PLAN,))),
        ("(risk plan) AND housing", All((Some((RISK, PLAN)), HOUSE))),
        ('"risk plan"', Phrase(("risk", "plan"), (0, 1), "risk plan")),
        ("\u201crisk plan\u201d", Phrase(("risk", "plan"), (0, 1), "risk plan")),
        ('"duty of care"', Phrase(("duti", "care"), (0, 2), "duty of care")),
        ("Hous*", Prefix("hous", "Hous*")),
        ("12 March 2026", Term("date:2026-03-12", "2026-03-12")),
    ],
)
def test_what_is_typed_becomes_its_tree(typed: str, tree: object) -> None:
    assert understand(typed).tree == tree


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("How do I plan housing?", ["plan", "hous"]),
        ("what's the risk", ["risk"]),
        ("who does what", ["who", "doe", "what"]),
        ("category I plan", ["categori", "i", "plan"]),
        ("Ms Do", ["ms", "do"]),
        ("he can do harm", ["he", "do", "harm"]),
        ("Has the risk plan of WHO and Ms Do been his?", ["risk", "plan", "who", "ms", "do"]),
        ("how AND risk", ["how", "risk"]),
        ('"how is the risk" housing', ["how", "risk", "hous"]),
    ],
)
def test_words_that_only_make_a_question_are_left_out_of_it(typed: str, words: list[str]) -> None:
    assert list(understand(typed).words) == words


def test_what_a_question_loses_is_said() -> None:
    assert "“how do i” left out as words of the question" in understand("How do I plan housing?").sentence


def test_each_word_of_a_compound_counts_in_a_list_and_a_reference_only_whole() -> None:
    smith, plan, reference = Term("smith", "Smith"), Term("plan", "plan"), "AB/12-3"
    tree = understand(f"Orla-Smith plan {reference}").tree
    assert isinstance(tree, Some)
    assert [one.parts for one in tree.wanted if isinstance(one, Either)] == [
        (Term("orla", "Orla"), smith),
        (),
    ]
    for strict in ("Orla-Smith", "Orla-Smith AND plan", "(Orla-Smith OR x) plan NOT level"):
        assert smith not in _parts(understand(strict).tree)
    assert plan in tree.wanted


def _parts(tree: object) -> list[Term]:
    if isinstance(tree, Either):
        return list(tree.parts)
    return [part for child in getattr(tree, "wanted", ()) for part in _parts(child)]


def test_quotation_marks_are_exact_in_a_short_list_and_a_writers_in_a_long_one() -> None:
    assert understand('"duty of care" housing').tree == Some(
        (Phrase(("duti", "care"), (0, 2), "duty of care"), HOUSE)
    )
    long = understand('they said "duty of care" of housing staff, level three').tree
    assert Term("care", "care") in _parts(long)


def test_operators_are_words_in_a_long_text_all_in_capitals() -> None:
    assert isinstance(understand("RISK AND PLAN").tree, All)
    assert isinstance(understand("RISK PLAN OF HOUSING AND HARM OR CARE NOT LEVEL").tree, Some)


def test_days_are_no_compounds_and_a_compound_too_many_is_looked_for_by_its_words() -> None:
    days = understand(" ".join(f"2026-03-{number:02}" for number in range(1, 29)))
    assert "compounds" not in days.sentence
    tree = understand(" ".join(f"ab{number}-risk" for number in range(17))).tree
    assert isinstance(tree, Some)
    assert [type(one) for one in tree.wanted] == [Either] * 16 + [Some]


def test_a_reference_may_stand_joined_or_apart() -> None:
    tree = understand("AB/12").tree
    assert isinstance(tree, Either)
    assert {type(writing) for writing in tree.writings} == {Term, Phrase}


def test_fields_are_taken_out_of_the_words() -> None:
    found = understand('plan type:minutes agency:"Fenmarch Police" from:2026-01 to:31/12/2026')
    assert found.tree == PLAN
    assert found.asked == Asked(
        types=("minutes",), agencies=("fenmarch police",), first_day=739_617, last_day=739_981
    )
    assert "from 1 January 2026" in found.sentence
    assert "to 31 December 2026" in found.sentence


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ('risk "plan', "quotation mark"),
        ("(risk plan", "brackets do not match"),
        ("(" * 40 + "risk" + ")" * 40, "too many brackets"),
        ("risk AND", "AND without words on both sides"),
        ("*risk", "only understood at the end"),
        ("r*", "at least 2 letters"),
        ("from:yesterday", "is not a date"),
        ("the of", "too common"),
        ("risk " * 1000, "only the first"),
        (" ".join(f"ab{number}-risk" for number in range(17)), "only the first 16 compounds"),
    ],
)
def test_what_cannot_be_used_is_said(typed: str, said: str) -> None:
    assert said in understand(typed).sentence


HOSTILE = [
    "",
    " ",
    "\0",
    "AND OR NOT",
    "NOT " * 2500,
    "(" * 5000 + ")" * 5000,
    "(a " * 3000,
    '"' * 10_000,
    '"a" ' * 2500,
    "*" * 10_000,
    "?*" * 5000,
    "x-" * 5000,
    "a" * 10_000,
    "a:" * 5000,
    "from:" * 2000,
    "zz* " * 2500,
    "e\u0301" * 5000,
    "\u202e" * 5000 + "risk",
    "\ud800 risk",
    "(a+)+$" * 1500,
    "x AND " * 1600 + "x",
    "x AND NOT " * 1000,
    " ".join(f"word{number}" for number in range(1000)),
    "1 jan 2026 " * 900,
    "1 \u017fep 2026",
    "date:[" + " " * 660 + ".." + " " * 1320 + "x y]",
    "A " * 1000,
    "\U0001f600" * 5000,
    '"a b"~5 c^2 [a TO b] {a TO b] /regex/',
]


@pytest.mark.parametrize("typed", HOSTILE)
def test_hostile_queries_are_answered_with_a_sentence(typed: str) -> None:
    found = understand(typed)
    assert found.sentence.endswith(".")
    assert len(found.sentence) < 2000
    found.sentence.encode()


@settings(max_examples=300)
@given(st.text(alphabet='ab "()*?:/-.ANDORT\u00e9\u0301\u202e~^[]{}+', max_size=120))
def test_no_query_fails(typed: str) -> None:
    assert understand(typed).sentence


@settings(max_examples=100)
@given(st.text(max_size=120))
def test_no_text_fails(typed: str) -> None:
    understand(typed).sentence.encode()
