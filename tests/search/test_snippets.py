from hypothesis import given
from hypothesis import strategies as st

from hub.search.query import understand
from hub.search.snippets import LONGEST, snippet


def matches(text: str, typed: str) -> list[str]:
    return [fragment.text for fragment in snippet(text, understand(typed)) if fragment.is_match]


def test_other_endings_of_a_word_are_marked() -> None:
    assert matches("Planning the risks", "risk plan") == ["Planning", "risks"]


def test_a_prefix_and_a_date_in_another_writing_are_marked() -> None:
    assert matches("Housed on 12 March 2026", "hous* 12/03/2026") == ["Housed", "12 March 2026"]


def test_an_unwanted_word_is_not_marked() -> None:
    assert matches("risk and housing", "risk NOT housing") == ["risk"]


def test_the_place_with_most_different_words_is_shown() -> None:
    page = "risk " * 5 + "other " * 200 + "the risk plan " + "other " * 200
    shown = snippet(page, understand("risk plan"))
    assert "plan" in [fragment.text for fragment in shown if fragment.is_match]
    assert shown[0].text == "… "
    assert shown[-1].text == " …"


def test_a_page_without_the_words_shows_its_beginning() -> None:
    shown = snippet("First words. " + "more " * 200, understand("risk"))
    assert shown[0].text.startswith("First words.")
    assert not any(fragment.is_match for fragment in shown)


def shown(page: str, **more: bool) -> str:
    return "".join(fragment.text for fragment in snippet(page, understand("risk"), **more))


def test_an_ellipsis_stands_where_something_is_left_out_and_nowhere_else() -> None:
    assert shown("a risk") == "a risk"
    assert shown("a risk  \n ") == "a risk ", "blanks are nothing"
    assert shown("a risk " + "more " * 100).endswith("more …")
    assert shown("more " * 100 + "a risk").startswith("… more")
    assert shown("more " * 100 + "a risk").endswith("a risk")
    assert shown("a risk of", goes_on=True) == "a risk of …", "the sentence ends on the next page"
    assert shown("a risk.", goes_on=True) == "a risk."
    assert shown("risk" + " " * 250_000 + "risk").endswith(" …"), (
        "a page of which only the beginning is looked at"
    )


def test_markup_is_left_as_text() -> None:
    text = "".join(fragment.text for fragment in snippet("<b>risk</b> & more", understand("risk")))
    assert text == "<b>risk</b> & more"


def test_an_empty_page_has_no_fragments() -> None:
    assert snippet("", understand("risk")) == []


@given(st.text(max_size=2000), st.text(max_size=40))
def test_any_page_and_query_give_a_short_snippet(page: str, typed: str) -> None:
    shown = snippet(page + " risk ", understand(typed + " risk"))
    assert sum(len(fragment.text) for fragment in shown) <= LONGEST + 40
    assert all(fragment.text for fragment in shown)
