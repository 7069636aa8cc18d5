import pytest

from hub.search import kept, shard
from hub.search.query import understand
from hub.search.shard import Document
from hub.search.suggest import suggest


def suggested(typed: str, *pages: str, allowed: frozenset[str] | None = None) -> list[tuple[str, bool]]:
    documents = [
        Document(key=f"d{number}", title="", pages=(page,), day=739_000, type_code="minutes", agency="police")
        for number, page in enumerate(pages)
    ]
    parts = shard.encode(shard.build(documents))
    index = kept.opened([kept.Access("case", 1, allowed)], lambda cases: dict.fromkeys(cases, parts.scan))
    found = suggest(understand(typed), index, lambda cases: dict.fromkeys(cases, parts.words))
    return [(one.meant, one.sounds) for one in found]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("Smyth", "smith"), ("Katherine", "catherine"), ("Jonh", "john"), ("accomodation", "accommodation")],
)
def test_a_misspelt_word_suggests_the_one_that_is_there(typed: str, meant: str) -> None:
    assert suggested(typed, "smith catherine john accommodation other words")[0][0] == meant


def test_what_only_sounds_alike_is_said_to() -> None:
    assert suggested("Smyth", "Smith") == [("smith", True)]
    assert suggested("houxing", "housing") == [("housing", False)]


def test_a_word_that_is_found_suggests_nothing() -> None:
    assert suggested("smith", "smith smyth") == []


def test_a_word_only_in_a_hidden_document_is_never_suggested() -> None:
    assert suggested("Smyth", "other", "smith", allowed=frozenset({"d0"})) == []
    assert suggested("Smyth", "other", "smith", allowed=frozenset({"d0", "d1"})) == [("smith", True)]


@pytest.mark.parametrize("typed", ["", "the", "abc", "AB/12", '"not there"', "NOT smyth", "12345"])
def test_what_cannot_be_misspelt_suggests_nothing(typed: str) -> None:
    assert suggested(typed, "smith") == []
