import pytest
from hypothesis import given
from hypothesis import strategies as st
from whoosh.lang.snowball.english import EnglishStemmer

from hub.search import language

# Every ending that Whoosh's stemmer may change, and a few that it leaves alone.
ENDINGS = """
sses ied ies us ss s eedly ingly edly eed ing ed ization ational fulness ousness iveness tional biliti lessli entli ation alism
aliti ousli iviti fulli enci anci abli izer ator alli bli ogi li alize icate iciti ative ical ness ful ement ance ence able ible
ment ant ent ism ate iti ous ive ize ion al er ic e l y ly logy a an st k o um x
"""


def terms(text: str) -> list[str]:
    return [token.term for token in language.tokens(language.clean(text))]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("planning", "plans"),
        ("Café", "CAFE"),
        ("cafe\u0301", "caf\u00e9"),
        ("ﬁre", "fire"),
        ("Zoë", "zoe"),
        ("Łukasz", "lukasz"),
        ("super\u00advised", "supervised"),
        ("Smith's", "Smith"),
    ],
)
def test_writings_of_one_word_become_one_term(one: str, other: str) -> None:
    assert terms(one) == terms(other) != []


@pytest.mark.parametrize("text", ["AB/123-45", "ab.123.45", "AB-123/45"])
def test_a_reference_is_found_with_and_without_its_separators(text: str) -> None:
    assert "ab12345" in terms(text)
    assert terms("AB12345") == ["ab12345"]


@pytest.mark.parametrize(
    "text", ["2026-03-12", "12/03/2026", "12.3.26", "12 March 2026", "12th of March 2026", "12 Mar 2026"]
)
def test_a_day_is_one_term_in_every_writing(text: str) -> None:
    assert "date:2026-03-12" in terms(text)


@pytest.mark.parametrize("text", ["31/02/2026", "45/45/2026", "0000-00-00", "32 March 2026"])
def test_a_day_that_does_not_exist_is_only_numbers(text: str) -> None:
    assert not [term for term in terms(text) if term.startswith("date:")]


def test_names_that_are_common_words_are_kept() -> None:
    assert terms("Will and May") == ["will", "may"]


def test_a_common_word_keeps_its_place() -> None:
    assert [(token.term, token.position) for token in language.tokens("duty of care")] == [
        ("duti", 0),
        ("care", 2),
    ]


def test_a_double_name_is_found_by_either_part_and_joined() -> None:
    found = {token.term: token.position for token in language.tokens("Mr O'Brien-Smith called")}
    assert found == {"mr": 0, "obriensmith": 1, "o": 1, "brien": 2, "smith": 3, "call": 4}


def test_a_word_broken_at_the_end_of_a_line_is_whole_again() -> None:
    assert "assess" in terms("the assess-\nment of")


@given(st.text(max_size=200))
def test_any_text_gives_tokens_in_order_inside_the_text(text: str) -> None:
    cleaned = language.clean(text)
    found = list(language.tokens(cleaned))
    assert all(0 <= token.start < token.end <= len(cleaned) and token.term for token in found)
    assert [token.position for token in found] == sorted(token.position for token in found)


@given(st.text(max_size=200))
def test_the_word_list_holds_no_line_feed_and_no_empty_word(text: str) -> None:
    assert all(word and "\n" not in word for word in language.words(language.clean(text)))


def test_a_word_of_a_million_letters_is_cut() -> None:
    assert terms("x" * 1_000_000) == ["x" * language.LONGEST_WORD]


@given(
    st.text("abcdefghijklmnopqrstuvwxyz", max_size=8), st.lists(st.sampled_from(ENDINGS.split()), max_size=2)
)
def test_a_word_that_the_stemmer_is_not_asked_for_is_one_it_would_leave_alone(
    start: str, ends: list[str]
) -> None:
    word = start + "".join(ends)
    assert language.term_of(word) == ("" if word in language.COMMON else EnglishStemmer().stem(word))


@pytest.mark.parametrize("word", ["skies", "dying", "idly", "news", "sky", "succeeded", "herrings", "early"])
def test_the_exceptions_of_the_stemmer_stand(word: str) -> None:
    assert language.term_of(word) == EnglishStemmer().stem(word)


@given(
    st.text(max_size=100)
    | st.lists(
        st.sampled_from(
            [
                "risk",
                "O'Brien",
                "the",
                "AB/1-2",
                "3 May 2026",
                "\u00e9",
                "FEN 2026 1",
                "(1 May 2026)",
                "x-",
                "-\n1",
            ]
        )
    ).map(" ".join)
)
def test_the_quick_way_gives_the_codes_of_the_tokens(text: str) -> None:
    cleaned = language.clean(text)
    found = list(language.tokens(cleaned))
    assert language.codes(cleaned) == (
        [language.hash_of(token.term) for token in found],
        [token.position for token in found],
    )
