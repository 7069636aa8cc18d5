"""Fictional professional prose: sober, without detail of any offence, true to the names and dates it is given.

A document is a list of sections. Each kind of section has a pool of sentences; a document draws some of them in
the pool's order, so that no two read alike and none contradicts itself.
"""

from dataclasses import dataclass
from random import Random

from hub.demo.chance import some
from hub.demo.phrases import OUTLINES, POOLS


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """`table` has its header in the first row, or is empty."""

    heading: str
    paragraphs: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a document says, before it is any kind of file. `facts` are (label, value) lines under the title."""

    title: str
    marking: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]


def write_sections(
    type_: str, rng: Random, slots: dict[str, str], tables: dict[str, tuple[tuple[str, ...], ...]]
) -> tuple[Section, ...]:
    """The sections of a document of this type; `tables` go under the headings they name."""
    return tuple(_section(heading, pools, rng, slots, tables) for heading, pools in OUTLINES[type_])


def _section(
    heading: str,
    pools: tuple[str, ...],
    rng: Random,
    slots: dict[str, str],
    tables: dict[str, tuple[tuple[str, ...], ...]],
) -> Section:
    paragraphs = tuple(_paragraph(POOLS[pool], rng, slots) for pool in pools)
    return Section(heading=heading, paragraphs=paragraphs, table=tables.get(heading, ()))


def _paragraph(pool: tuple[str, ...], rng: Random, slots: dict[str, str]) -> str:
    chosen = some(rng, pool, min(5, len(pool)), min(7, len(pool)))
    return " ".join(sentence.format_map(slots) for sentence in chosen)
