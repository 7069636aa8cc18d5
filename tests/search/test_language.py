import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.search import language


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
    st.text(max_size=100)
    | st.lists(st.sampled_from(["risk", "O'Brien", "the", "AB/1-2", "3 May 2026", "\u00e9"])).map(" ".join)
)
def test_the_quick_way_gives_the_codes_of_the_tokens(text: str) -> None:
    cleaned = language.clean(text)
    found = list(language.tokens(cleaned))
    assert language.codes(cleaned) == (
        [language.hash_of(token.term) for token in found],
        [token.position for token in found],
    )
