"""What a person typed, as a tree of conditions and one sentence that says how it was understood.

Words, AND, OR, NOT, brackets, "phrases", prefix*, ~name and field:value. Nothing typed is an error: what cannot be used is
left out and the sentence says so. Each character is read once, whatever it is: Whoosh's parser, which grows faster than
what it reads and raises on odd input, is not used.
"""

import re
from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias

from hub.search import language

LONGEST_QUERY = 2_000
MOST_WORDS = 128
MOST_PHRASES = 8
MOST_COMPOUNDS = 16
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
    """The same thing in several writings: scores as the best of them. Each of `parts` that is there counts besides."""

    writings: "tuple[Term | Phrase, ...]"
    shown: str
    parts: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Alike:
    """A word, or else what resembles it: `others` are terms, `names` what was found to resemble it, as written in the list."""

    exact: Term
    others: tuple[str, ...]
    names: tuple[str, ...]
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


Tree: TypeAlias = Term | Phrase | Prefix | Either | Alike | All | Some


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
    `sounds`: words for which names that sound alike were asked for. `said`: what was left out.
    """

    tree: Tree | None
    words: tuple[str, ...]
    sentence: str
    asked: Asked
    sounds: frozenset[str] = frozenset()
    said: tuple[str, ...] = ()

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
        self.compounds = 0
        self.prefixes = 0
        self.sounds = set[str]()

    def say(self, sentence: str) -> None:
        if sentence not in self.said:
            self.said.append(sentence)


def understand(text: str) -> Understood:
    """Never fails. At most LONGEST_QUERY characters and MOST_WORDS words of the text are used."""
    notes = _Notes()
    reader = _Reader(_prepare(text, notes), notes)
    tree = reader.tree()
    if isinstance(tree, Some) and not reader.operators:
        tree = _plain(tree, notes, asks=text.rstrip().endswith("?"))
    return _understood(tree, notes.asked, tuple(notes.said), frozenset(notes.sounds))


def _plain(tree: Some, notes: _Notes, *, asks: bool) -> Tree:
    """A list without operators: of a question, the words that only make it one are left out, and the words of a compound count alone too."""
    long = sum(len(child.terms) if isinstance(child, Phrase) else 1 for child in tree.wanted) > FEW_QUOTED
    wanted = tuple(_in_part(child, long=long) for child in tree.wanted)
    if not asks and _as_typed(wanted[0]).partition("'")[0] not in _ASKING:
        return Some(wanted)
    little = [_is_little(child, first=number == 0) for number, child in enumerate(wanted)]
    kept = tuple(child for child, is_little in zip(wanted, little, strict=True) if not is_little)
    if not kept or len(kept) == len(wanted):
        return Some(wanted)
    left_out = [_as_typed(child) for child, is_little in zip(wanted, little, strict=True) if is_little]
    notes.say(f"“{' '.join(left_out[:_SHOWN_WORDS])}” left out as words of the question")
    return kept[0] if len(kept) == 1 else Some(kept)


FEW_QUOTED = 6
"""In a list of more words, those of phrases counted in, quotation marks are taken as a writer's."""
_ASKING = frozenset({"what", "which", "who", "whom", "whose", "how", "why", "where", "when"})
_OF_A_QUESTION = """
what's who's where's how's it's i'm i'd i've don't doesn't didn't isn't aren't wasn't can't couldn't shouldn't
i me my he she his her they them their its there those than then such about into am is are was were be been being
has had having have do does did can could would should
"""
_LITTLE = _ASKING | set(_OF_A_QUESTION.split())


def _as_typed(tree: Tree) -> str:
    return tree.shown.lower().replace("\u2019", "'") if isinstance(tree, Term | Either) else ""


def _is_little(tree: Tree, *, first: bool) -> bool:
    """Whether it says nothing of what is asked for. With a capital inside the text it may be a name or an abbreviation."""
    typed = _as_typed(tree)
    if typed not in _LITTLE or not isinstance(tree, Term | Either):
        return False
    return first or tree.shown[0].islower() or typed[:2] in {"i", "i'"}


def _in_part(tree: Tree, *, long: bool) -> Tree:
    """A reference is found whole or not at all; of a compound of words, or a quotation in a long text, each word says something."""
    if isinstance(tree, Phrase) and long:
        words = dict.fromkeys(term for term in tree.terms if term not in _LITTLE)
        return Either((tree,), tree.shown, tuple(Term(term, term) for term in words))
    if not isinstance(tree, Either) or any(letter.isdigit() for letter in tree.shown):
        return tree
    return replace(tree, parts=tuple(part for part in parts_of(tree) if len(part.shown) > 1))


def _understood(tree: Tree | None, asked: Asked, said: tuple[str, ...], sounds: frozenset[str]) -> Understood:
    return Understood(
        tree=tree,
        words=tuple(_words(tree)),
        sentence=_sentence(tree, asked, said),
        asked=asked,
        sounds=sounds,
        said=said,
    )


def by_filters(understood: Understood) -> Understood:
    """Where nothing that was typed can be searched for, and what was chosen beside it can."""
    said = "; ".join(("Everything that the chosen filters let through", *understood.said))
    return replace(understood, sentence=f"{said}.")


def also_said(understood: Understood, said: tuple[str, ...]) -> Understood:
    """The same, with more to tell the person in its sentence."""
    if not said:
        return understood
    return _understood(understood.tree, understood.asked, (*understood.said, *said), understood.sounds)


def resembled(
    understood: Understood, found: Mapping[str, tuple[str, ...]], *, said: tuple[str, ...] = ()
) -> Understood:
    """The same question, in which some words (by what was typed) may also be those that resemble them; `said`: also left out."""
    if understood.tree is None or not (found or said):
        return understood
    tree = _resembled(understood.tree, found)
    return _understood(tree, understood.asked, (*understood.said, *said), understood.sounds)


def _resembled(tree: Tree, found: Mapping[str, tuple[str, ...]]) -> Tree:
    if isinstance(tree, All | Some):
        return replace(tree, wanted=tuple(_resembled(child, found) for child in tree.wanted))
    if isinstance(tree, Either) and any(part.shown in found for part in parts_of(tree)):
        return Some(tuple(_resembled(part, found) for part in parts_of(tree)))
    if isinstance(tree, Term) and tree.shown in found:
        names = found[tree.shown]
        others = dict.fromkeys(language.term_of(name) for name in names)
        return Alike(tree, tuple(term for term in others if term not in {"", tree.term}), names, tree.shown)
    return tree


def names_added(tree: Tree | None) -> tuple[str, ...]:
    """What was looked for beside what was typed, as it resembles that; each once."""
    match tree:
        case Alike():
            return tree.names
        case All() | Some():
            return tuple(dict.fromkeys(name for child in tree.wanted for name in names_added(child)))
    return ()


def parts_of(tree: Either) -> tuple[Term, ...]:
    """The words of a compound, each as one to look for."""
    for writing in tree.writings:
        if isinstance(writing, Phrase):
            shown = re.findall(r"[^\W_]+", writing.shown)
            if len(shown) == len(writing.terms):
                return tuple(Term(term, word) for term, word in zip(writing.terms, shown, strict=True))
    return ()


def resembling_asked(tree: Tree | None) -> list[Term]:
    """The single words of a query that may stand for a name, those of compounds too."""
    match tree:
        case Term() if tree.shown.isalpha():
            return [tree]
        case Either():
            return [part for part in parts_of(tree) if part.shown.isalpha()]
        case All() | Some():
            return [term for child in tree.wanted for term in resembling_asked(child)]
    return []


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


_OPERATORS = frozenset({"AND", "OR", "NOT"})
FEW_CAPITALS = 6
"""A longer text all in capitals is prose: AND, OR and NOT are words of it."""
_FIELDS = frozenset({"type", "agency", "from", "to", "date"})
_PIECE = re.compile(
    r'(?P<field>[a-zA-Z]+):(?=["\[])|"(?P<phrase>[^"]*)"|\[(?P<range>[^\]"]*)\]|(?P<bracket>[()])|(?P<word>[^\s()"]+)'
)
_BETWEEN = re.compile(r"\bTO\b|\.\.", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Unwanted:
    tree: Tree


_Found: TypeAlias = Tree | _Unwanted | None


@dataclass(slots=True)
class _Level:
    """What stands between two brackets: sets of things that must come together, and the operators that wait for a next one."""

    groups: list[list[Tree | _Unwanted]]
    joins: bool = False
    negates: bool = False

    def take(self, found: _Found) -> None:
        joins, negates = self.joins, self.negates
        self.joins = self.negates = False
        if found is None:
            return
        if negates:
            found = found.tree if isinstance(found, _Unwanted) else _Unwanted(found)
        if joins and self.groups:
            self.groups[-1].append(found)
        else:
            self.groups.append([found])

    def tree(self) -> _Found:
        return _one_or(Some, [_one_or(All, group) for group in self.groups])


def _one_or(kind: type[All] | type[Some], found: Sequence[_Found]) -> _Found:
    """What is asked for together; a single thing stands for itself."""
    if len(found) == 1:
        return found[0]
    wanted = tuple(dict.fromkeys(one for one in found if one is not None and not isinstance(one, _Unwanted)))
    unwanted = tuple(dict.fromkeys(one.tree for one in found if isinstance(one, _Unwanted)))
    if not wanted:
        return _Unwanted(unwanted[0] if len(unwanted) == 1 else Some(unwanted)) if unwanted else None
    return wanted[0] if len(wanted) == 1 and not unwanted else kind(wanted, unwanted)


class _Reader:
    """Reads a prepared text once, from left to right: NOT binds closest, then AND, then everything else."""

    def __init__(self, text: str, notes: _Notes) -> None:
        self._pieces, self._notes = _PIECE.finditer(text), notes
        self._known = frozenset[str]() if _in_capitals(text) else _OPERATORS
        self.operators = False

    def tree(self) -> Tree | None:
        found = self._level()
        return All((), (found.tree,)) if isinstance(found, _Unwanted) else found

    def _level(self) -> _Found:
        level, field = _Level([]), ""
        waiting = ""
        for piece in self._pieces:
            kind, text = piece.lastgroup, str(piece[piece.lastgroup or 0])
            if kind == "bracket" and text == ")":
                break
            if kind == "word" and text in self._known:
                self.operators = True
                waiting = self._operator(level, text, waiting)
                continue
            waiting = ""
            if kind == "field":
                field = text
                continue
            level.take(self._level() if kind == "bracket" else self._one(str(kind), field, text))
            field = ""
        if waiting:
            self._notes.say(f"{waiting} without words on both sides was left out")
        return level.tree()

    def _operator(self, level: _Level, text: str, waiting: str) -> str:
        """Which operator waits for what comes next."""
        if waiting and (text != "NOT" or waiting == "NOT"):
            self._notes.say(f"{waiting} without words on both sides was left out")
        if text != "NOT" and not level.groups:
            self._notes.say(f"{text} without words on both sides was left out")
            return ""
        level.joins = text == "AND" or (text == "NOT" and level.joins)
        level.negates = text == "NOT"
        return text

    def _one(self, kind: str, field: str, text: str) -> _Found:
        if field.lower() in _FIELDS:
            _take_field(field.lower(), text, self._notes)
            return None
        if kind == "phrase":
            return _from_phrase(text, self._notes)
        if kind == "range":
            return _some([tree for word in text.split() if (tree := _from_word(word, self._notes))])
        return _from_word(text, self._notes)


def _in_capitals(text: str) -> bool:
    return text.isupper() and len(text.split()) > FEW_CAPITALS


def _some(found: list[Tree]) -> Tree | None:
    distinct = tuple(dict.fromkeys(found))
    return distinct[0] if len(distinct) == 1 else Some(distinct) if distinct else None


def _from_phrase(text: str, notes: _Notes) -> Tree | None:
    if notes.phrases >= MOST_PHRASES:
        notes.say(f"only the first {MOST_PHRASES} phrases were used")
        return None
    notes.phrases += 1
    return _phrase(text, notes)


def _phrase(text: str, notes: _Notes) -> Tree | None:
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


def _from_word(text: str, notes: _Notes) -> Tree | None:
    name, colon, value = text.partition(":")
    if colon and name.lower() in _FIELDS:
        _take_field(name.lower(), value, notes)
        return None
    if text.endswith("*") and not text.strip("*").count("*") and "?" not in text:
        return _prefix(text.rstrip("*"), notes)
    if "*" in text or "?" in text.rstrip("?"):
        if text.strip("*?"):
            notes.say("* is only understood at the end of a word")
        text = text.replace("*", " ").replace("?", " ")
    found = [_word(piece, notes) for piece in language.pieces(text)]
    if not found:
        _say_common(text, notes)
    if text.startswith("~"):
        notes.sounds |= {part for piece in language.pieces(text) for part in re.findall(r"[^\W_]+", piece)}
    return _some([tree for tree in found if tree])


def _prefix(text: str, notes: _Notes) -> Tree | None:
    start = language.fold(re.sub(r"[\W_]", "", text))
    if not start:
        return None
    if len(start) < SHORTEST_PREFIX:
        notes.say(f"“{text[:40]}*” needs at least {SHORTEST_PREFIX} letters before the *")
        return None
    if notes.prefixes >= MOST_PREFIXES:
        notes.say(f"only the first {MOST_PREFIXES} words with * were used")
        return None
    notes.prefixes += 1
    return Prefix(start, f"{text}*")


def _word(text: str, notes: _Notes) -> Tree | None:
    """One word as typed, which may be a compound or a date."""
    found = list(language.tokens(text))
    kept = [token for token in found if not token.extra]
    if not found:
        _say_common(text, notes)
        return None
    if len(kept) > language.MOST_PARTS or not _as_written(found, kept, notes):
        terms = dict.fromkeys(token.term for token in kept)
        return Some(tuple(Term(term, term) for term in terms if _room(1, notes)))
    return _writings(text, found, kept) if _room(len(kept), notes) else None


def _as_written(found: list[language.Token], kept: list[language.Token], notes: _Notes) -> bool:
    """Whether a compound is looked for as a whole: its parts in a row cost as much as a phrase. A day is one term."""
    if len(kept) < 2 or any(token.term.startswith("date:") for token in found):  # noqa: PLR2004 - one word is no compound
        return True
    notes.compounds += 1
    if notes.compounds > MOST_COMPOUNDS:
        notes.say(f"only the first {MOST_COMPOUNDS} compounds were looked for as they are written")
    return notes.compounds <= MOST_COMPOUNDS


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


def _take_field(name: str, text: str, notes: _Notes) -> None:
    if name == "date":
        between = [day.strip() for day in _BETWEEN.split(text, maxsplit=1)]
        first, last = between[0], between[-1]
        if first or not last:
            _take_day("from", first, notes)
        if last or not first:
            _take_day("to", last, notes)
    elif name in {"from", "to"}:
        _take_day(name, text, notes)
    elif name == "type":
        notes.asked = replace(notes.asked, types=_with(notes.asked.types, text))
    else:
        notes.asked = replace(notes.asked, agencies=_with(notes.asked.agencies, text))


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
        case Alike():
            yield tree.exact.term
            yield from tree.others
        case All() | Some():
            for child in tree.wanted:
                yield from _wanted_words(child)


def _sentence(tree: Tree | None, asked: Asked, left_out: tuple[str, ...]) -> str:
    said = [_describe(tree), *_describe_fields(asked)]
    start = "; ".join(part for part in said if part) or "Nothing to search for"
    sentence = "; ".join((start, *left_out)) + "."
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
    if isinstance(tree, Alike) and tree.names:
        like = ", ".join(name.title() for name in tree.names[:_SHOWN_WORDS])
        return f"“{tree.shown[:40]}” or what sounds or looks like it ({like})"
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
