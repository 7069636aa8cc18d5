"""What a person typed, as a tree of conditions and one sentence that says how it was understood.

Whoosh's parser reads the words, AND, OR, NOT, brackets, "phrases", prefix* and field:value. Nothing typed is an error:
what cannot be used is left out and the sentence says so.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeAlias

from whoosh import qparser
from whoosh import query as whoosh_query

from hub.search import language

LONGEST_QUERY = 2_000
MOST_WORDS = 256
MOST_PHRASES = 8
MOST_PREFIXES = 8
DEEPEST = 10
SHORTEST_PREFIX = 2
_SHOWN_WORDS = 8
_DECEMBER = 12


@dataclass(frozen=True, slots=True)
class Term:
    """A document with this term; `shown` is what the person wrote."""

    term: str
    shown: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """Terms at exactly these distances (offsets from the first; a common word between them leaves a gap)."""

    terms: tuple[str, ...]
    offsets: tuple[int, ...]
    shown: str


@dataclass(frozen=True, slots=True)
class Prefix:
    """A document with a word that starts so (folded, unstemmed)."""

    start: str
    shown: str


@dataclass(frozen=True, slots=True)
class Either:
    """The same thing in several writings: scores as the best of them."""

    writings: "tuple[Term | Phrase, ...]"
    shown: str


@dataclass(frozen=True, slots=True)
class All:
    """Every one of `wanted` and none of `unwanted`."""

    wanted: "tuple[Tree, ...]"
    unwanted: "tuple[Tree, ...]" = ()


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of `wanted`, ranked, those with all of them first; and none of `unwanted`."""

    wanted: "tuple[Tree, ...]"
    unwanted: "tuple[Tree, ...]" = ()


Tree: TypeAlias = Term | Phrase | Prefix | Either | All | Some


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The fields typed into the query, as typed and folded; days are proleptic ordinals, both included."""

    types: tuple[str, ...] = ()
    agencies: tuple[str, ...] = ()
    first_day: int | None = None
    last_day: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """`tree` is None when no word can be searched for: then fields alone choose, or nothing is found.

    `words` are the folded words and stems to highlight. `empty` is true when there is nothing to search by at all.
    """

    tree: Tree | None
    words: tuple[str, ...]
    sentence: str
    asked: Asked

    @property
    def empty(self) -> bool:
        return self.tree is None and self.asked == Asked()


class _Notes:
    """What was left out, in the order it was noticed, each once."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.asked = Asked()
        self.words = 0
        self.phrases = 0
        self.prefixes = 0

    def say(self, sentence: str) -> None:
        if sentence not in self.said:
            self.said.append(sentence)


def understand(text: str) -> Understood:
    """Never fails. At most LONGEST_QUERY characters and MOST_WORDS words of the text are used."""
    notes = _Notes()
    tree = _convert(_parse(_prepare(text, notes), notes), notes)
    if isinstance(tree, _Unwanted):
        tree = All((), (tree.tree,))
    return Understood(
        tree=tree, words=tuple(_words(tree)), sentence=_sentence(tree, notes), asked=notes.asked
    )


def _prepare(text: str, notes: _Notes) -> str:
    if len(text) > LONGEST_QUERY:
        notes.say(f"only the first {LONGEST_QUERY:,} characters were used")
        text = text[:LONGEST_QUERY]
    text = language.clean(text).translate(_PLAIN_QUOTES)
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    if text.count('"') % 2:
        notes.say("a quotation mark without its pair was left out")
        at = text.rindex('"')
        text = text[:at] + " " + text[at + 1 :]
    return _balanced(_iso_dates(text), notes)


_PLAIN_QUOTES = str.maketrans({"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"'})


def _iso_dates(text: str) -> str:
    """Outside quotation marks, "12 March 2026" becomes the one word 2026-03-12."""
    pieces = text.split('"')
    for number in range(0, len(pieces), 2):
        pieces[number] = language.LONG_DATE.sub(
            lambda found: language.long_date(found) or found[0], pieces[number]
        )
    return '"'.join(pieces)


def _balanced(text: str, notes: _Notes) -> str:
    depth = deepest = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        deepest = max(deepest, depth)
        if depth < 0:
            break
    if depth == 0 and deepest <= DEEPEST:
        return text
    notes.say("the brackets do not match and were left out" if depth else "too many brackets were left out")
    return text.replace("(", " ").replace(")", " ")


def _parse(text: str, notes: _Notes) -> Any:
    try:
        return _parser().parse(text, normalize=False)
    except Exception:  # noqa: BLE001 - Whoosh raises IndexError, AttributeError and others on odd input
        notes.say("it could not be read as a formula, so every word was searched for")
        plain = " ".join(word for word in re.findall(r"[^\s()\":*?]+", text) if word not in _OPERATORS)
        return whoosh_query.Or([whoosh_query.Term(None, word) for word in plain.split()])


_OPERATORS = frozenset({"AND", "OR", "NOT", "ANDNOT", "ANDMAYBE", "REQUIRE"})
_FIELDS = frozenset({"type", "agency", "from", "to"})


def _parser() -> qparser.QueryParser:
    operators = qparser.OperatorsPlugin(AndMaybe=None, Require=None, AndNot=None)
    plugins = [
        qparser.WhitespacePlugin(),
        qparser.PhrasePlugin(),
        qparser.PrefixPlugin(),
        qparser.GroupPlugin(),
        operators,
        qparser.FieldsPlugin(remove_unknown=False),
    ]
    return qparser.QueryParser(None, None, plugins=plugins, group=qparser.OrGroup)


@dataclass(frozen=True, slots=True)
class _Unwanted:
    tree: Tree


_Found: TypeAlias = Tree | _Unwanted | None


def _convert(node: Any, notes: _Notes) -> _Found:
    kinds: tuple[tuple[type, Callable[[Any, _Notes], _Found]], ...] = (
        (whoosh_query.Phrase, _from_phrase),
        (whoosh_query.Prefix, _from_prefix),
        (whoosh_query.Term, _from_term),
        (whoosh_query.Not, _from_not),
        (whoosh_query.And, _from_and),
        (whoosh_query.Or, _from_or),
    )
    for kind, convert in kinds:
        if isinstance(node, kind):
            return convert(node, notes)
    return None


def _from_and(node: Any, notes: _Notes) -> _Found:
    wanted, unwanted = _children(node, notes)
    return _one_or(All, wanted, unwanted)


def _from_or(node: Any, notes: _Notes) -> _Found:
    wanted, unwanted = _children(node, notes)
    return _one_or(Some, wanted, unwanted)


def _one_or(group: type[All] | type[Some], wanted: tuple[Tree, ...], unwanted: tuple[Tree, ...]) -> _Found:
    if not wanted:
        return All((), unwanted) if unwanted else None
    return wanted[0] if len(wanted) == 1 and not unwanted else group(wanted, unwanted)


def _children(node: Any, notes: _Notes) -> tuple[tuple[Tree, ...], tuple[Tree, ...]]:
    found = [_convert(child, notes) for child in node.subqueries]
    wanted = [tree for tree in found if tree is not None and not isinstance(tree, _Unwanted)]
    unwanted = [tree.tree for tree in found if isinstance(tree, _Unwanted)]
    return tuple(dict.fromkeys(wanted)), tuple(dict.fromkeys(unwanted))


def _from_not(node: Any, notes: _Notes) -> _Found:
    inner = _convert(node.query, notes)
    if inner is None:
        return None
    return inner.tree if isinstance(inner, _Unwanted) else _Unwanted(inner)


def _from_phrase(node: Any, notes: _Notes) -> _Found:
    text = " ".join(node.words)
    if node.fieldname is not None:
        return _from_field(node.fieldname, text, notes)
    if notes.phrases >= MOST_PHRASES:
        notes.say(f"only the first {MOST_PHRASES} phrases were used")
        return None
    notes.phrases += 1
    return _phrase(text, notes)


def _phrase(text: str, notes: _Notes) -> _Found:
    kept = [token for token in language.tokens(text) if not token.extra]
    if not _room(len(kept), notes):
        return None
    if not kept:
        notes.say(f"“{text[:40]}” has only common words" if text.strip() else "an empty phrase was left out")
        return None
    if len(kept) == 1:
        return Term(kept[0].term, text)
    first = kept[0].position
    return Phrase(tuple(token.term for token in kept), tuple(token.position - first for token in kept), text)


def _from_prefix(node: Any, notes: _Notes) -> _Found:
    if node.fieldname is not None:
        return _from_field(node.fieldname, node.text, notes)
    start = language.fold(re.sub(r"[\W_]", "", node.text))
    if len(start) < SHORTEST_PREFIX:
        notes.say(f"“{node.text[:40]}*” needs at least {SHORTEST_PREFIX} letters before the *")
        return None
    if notes.prefixes >= MOST_PREFIXES:
        notes.say(f"only the first {MOST_PREFIXES} words with * were used")
        return None
    notes.prefixes += 1
    return Prefix(start, f"{node.text}*")


def _from_term(node: Any, notes: _Notes) -> _Found:
    text = str(node.text)
    if node.fieldname is not None:
        return _from_field(node.fieldname, text, notes)
    if text in _OPERATORS:
        notes.say(f"{text} without words on both sides was left out")
        return None
    if "*" in text or "?" in text:
        if text.strip("*?"):
            notes.say("* is only understood at the end of a word")
        text = text.replace("*", " ").replace("?", " ")
    found = [_word(word, notes) for word in text.split()]
    return _one_or(Some, tuple(tree for tree in found if tree), ())


def _word(text: str, notes: _Notes) -> Tree | None:
    """One word as typed, which may be a compound or a date."""
    found = list(language.tokens(text))
    kept = [token for token in found if not token.extra]
    if not found:
        _say_common(text, notes)
        return None
    if len(kept) > language.MOST_PARTS:
        terms = dict.fromkeys(token.term for token in kept)
        return Some(tuple(Term(term, term) for term in terms if _room(1, notes)))
    return _writings(text, found, kept) if _room(len(kept), notes) else None


def _writings(text: str, found: list[language.Token], kept: list[language.Token]) -> Tree:
    """A date stands for its day; another compound for its joined writing or its parts in a row."""
    day = next((token for token in found if token.term.startswith("date:")), None)
    if day or len(found) == 1:
        return Term((day or found[0]).term, text)
    together = tuple(Term(token.term, text) for token in found if token.extra)
    if len(kept) < 2:  # noqa: PLR2004 - one word is no phrase
        return Either((*together, *(Term(token.term, text) for token in kept)), text)
    first = kept[0].position
    apart = Phrase(tuple(token.term for token in kept), tuple(token.position - first for token in kept), text)
    return Either((*together, apart), text)


def _say_common(text: str, notes: _Notes) -> None:
    if any(letter.isalnum() for letter in text):
        notes.say(f"“{text[:40]}” is too common to search for")


def _room(count: int, notes: _Notes) -> bool:
    if notes.words + count > MOST_WORDS:
        notes.say(f"only the first {MOST_WORDS} words were used")
        return False
    notes.words += count
    return True


def _from_field(name: str, text: str, notes: _Notes) -> _Found:
    if name not in _FIELDS:
        both = [_word(part, notes) for part in (name, text)]
        return _one_or(Some, tuple(tree for tree in both if tree), ())
    if name in {"from", "to"}:
        _take_day(name, text, notes)
    elif name == "type":
        notes.asked = replace(notes.asked, types=_with(notes.asked.types, text))
    else:
        notes.asked = replace(notes.asked, agencies=_with(notes.asked.agencies, text))
    return None


def _with(values: tuple[str, ...], text: str) -> tuple[str, ...]:
    folded = " ".join(text.casefold().split())
    return values if folded in values or not folded else (*values, folded)


def _take_day(name: str, text: str, notes: _Notes) -> None:
    term = language.date_term(_whole_date(text, last=name == "to"))
    if not term:
        notes.say(f"“{name}:{text[:20]}” is not a date such as 2026-03-31 and was left out")
        return
    day = date.fromisoformat(term.removeprefix("date:")).toordinal()
    if name == "from":
        notes.asked = replace(notes.asked, first_day=day)
    else:
        notes.asked = replace(notes.asked, last_day=day)


def _whole_date(text: str, *, last: bool) -> str:
    """A year or a month stands for its first day, or its last."""
    parts = re.fullmatch(r"(\d{4})(?:-(\d{1,2}))?", text)
    if not parts or int(parts[1]) < 1 or not 0 < int(parts[2] or 1) <= _DECEMBER:
        return text
    year, month = int(parts[1]), int(parts[2] or (_DECEMBER if last else 1))
    day = monthrange(year, month)[1] if last else 1
    return f"{year:04}-{month:02}-{day:02}"


def _words(tree: Tree | None) -> Iterable[str]:
    """What to highlight: terms, and starts with a * at the end; each once."""
    return dict.fromkeys(_wanted_words(tree))


def _wanted_words(tree: Tree | None) -> Iterable[str]:
    match tree:
        case Term():
            yield tree.term
        case Phrase():
            yield from tree.terms
        case Prefix():
            yield f"{tree.start}*"
        case Either():
            for writing in tree.writings:
                yield from _wanted_words(writing)
        case All() | Some():
            for child in tree.wanted:
                yield from _wanted_words(child)


def _sentence(tree: Tree | None, notes: _Notes) -> str:
    said = [_describe(tree), *_describe_fields(notes.asked)]
    start = "; ".join(part for part in said if part) or "Nothing to search for"
    sentence = "; ".join((start, *notes.said)) + "."
    return sentence[0].upper() + sentence[1:]


def _describe(tree: Tree | None) -> str:
    if tree is None:
        return ""
    if (
        isinstance(tree, Some)
        and len(tree.wanted) > 1
        and not any(isinstance(child, All | Some) for child in tree.wanted)
    ):
        return (
            f"documents with any of {_listed(tree.wanted, ', ')}, those with all of them first{_except(tree)}"
        )
    if isinstance(tree, All) and not tree.wanted:
        return f"documents{_except(tree)}"
    return f"documents with {_formula(tree)}"


def _formula(tree: Tree) -> str:
    if isinstance(tree, Phrase):
        return f"the phrase “{tree.shown[:80]}”"
    if isinstance(tree, All):
        return _listed(tree.wanted, " and ") + _except(tree)
    if isinstance(tree, Some):
        listed = _listed(tree.wanted, " or ")
        return (f"({listed})" if len(tree.wanted) > 1 else listed) + _except(tree)
    return f"“{tree.shown[:40]}”"


def _listed(trees: tuple[Tree, ...], between: str) -> str:
    shown = [_formula(tree) for tree in trees[:_SHOWN_WORDS]]
    more = len(trees) - len(shown)
    return between.join(shown) + (f" and {more} more" if more else "")


def _except(tree: All | Some) -> str:
    return f" without {_listed(tree.unwanted, ' or ')}" if tree.unwanted else ""


def _describe_fields(asked: Asked) -> list[str]:
    said = []
    if asked.types:
        said.append(f"of type {' or '.join(asked.types)}")
    if asked.agencies:
        said.append(f"of agency {' or '.join(asked.agencies)}")
    if asked.first_day:
        said.append(f"from {_day(asked.first_day)}")
    if asked.last_day:
        said.append(f"to {_day(asked.last_day)}")
    return said


def _day(ordinal: int) -> str:
    day = date.fromordinal(ordinal)
    return f"{day.day} {day:%B %Y}"
