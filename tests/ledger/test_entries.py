"""What an entry says and how it is hashed, written out by hand; what cannot be recorded raises."""

import hashlib
import random
from datetime import UTC, datetime

import pytest
import rfc8785

from hub.access.actor import Actor, program
from hub.access.permissions import Role
from hub.ledger.entries import (
    NO_HEAD,
    Opening,
    Place,
    canonical,
    case_link,
    commitment,
    head_leaf,
    leaf,
    leaf_hash,
    opened_from,
    opened_text,
    openings,
)
from hub.ledger.events import REGISTRY, AccessRefused, CaseViewed, SearchRun, SignedIn

AT = datetime(2026, 3, 2, 9, 0, 0, 5, tzinfo=UTC)
ACTOR = Actor(
    area="area1",
    account="acc1",
    agency="agency1",
    role=Role.CHAIR,
    name="N",
    session="sess1",
    address="192.0.2.1",
)


OPENED = {"address": Opening(bytes(range(16)), "192.0.2.1")}


def test_the_leaf_of_a_case_viewed_is_exactly_this_text():
    place = Place(sequence=7, case="case1", case_sequence=3, at=AT)
    said = hashlib.sha256(
        b"mappa-hub/private/1\x00" + bytes(range(16)) + b'["address","192.0.2.1"]'
    ).hexdigest()
    assert leaf(ACTOR, CaseViewed(case="case1"), place, OPENED) == (
        '{"actor":"acc1","agency":"agency1","area":"area1","at":"2026-03-02T09:00:00.000005+00:00","case":"case1","case_seq":3,'
        '"event":"case.viewed","fields":{"case":"case1"},"operation":"consultation","outcome":"done",'
        f'"private":{{"address":"{said}"}},"role":"chair","seq":7,"session":"sess1","v":2}}'
    )


def test_the_leaf_of_the_programs_own_entry_names_nobody():
    place = Place(sequence=1, case=None, case_sequence=None, at=AT)
    assert leaf(program("area1"), SignedIn(), place, {}) == (
        '{"actor":null,"agency":null,"area":"area1","at":"2026-03-02T09:00:00.000005+00:00","case":null,"case_seq":null,'
        '"event":"session.signed_in","fields":{},"operation":null,"outcome":"done","private":{},"role":null,"seq":1,'
        '"session":null,"v":2}'
    )


def test_the_hash_of_a_leaf_is_rfc_6962s_and_a_case_begins_with_zeros():
    assert leaf_hash("").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert bytes(32) == NO_HEAD
    assert case_link(NO_HEAD, leaf_hash("")) == hashlib.sha256(b"\x02" + bytes(32) + leaf_hash("")).digest()
    assert head_leaf("c1", 2, bytes(32)) == b'{"case":"c1","entries":2,"head":"' + b"00" * 32 + b'"}'


def test_names_addresses_and_queries_are_not_in_the_leaf():
    event = SearchRun(query="Norman Nominal", documents=("d1",), total=1)
    place = Place(sequence=1, case=None, case_sequence=None, at=AT)
    text = leaf(ACTOR, event, place, openings({**event.private(), "address": "192.0.2.1"}))
    assert "Norman" not in text
    assert "192.0.2.1" not in text
    assert event.private() == {"query": "Norman Nominal"}


def test_two_commitments_to_one_value_are_not_alike_and_each_opens_alone():
    first, second = (openings({"query": "Norman"})["query"] for _ in range(2))
    assert commitment("query", first) != commitment("query", second)
    assert commitment("query", first) != commitment("address", first)
    private = openings({"query": "N\u00f6rman", "address": "192.0.2.1"})
    assert opened_from(opened_text(private), version=2) == private
    assert opened_from(b'{"query": "N"}', version=1) == {"query": Opening(None, "N")}


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_an_event_takes_exactly_its_fields(name):
    event = REGISTRY[name]
    wanted = list(event.__dataclass_fields__)
    whole = dict.fromkeys(wanted, "x")
    made = event(**whole)
    assert set(made.public()) | set(made.private()) == set(wanted)
    with pytest.raises(TypeError):
        event(**whole, more="x")
    for missing in wanted:
        with pytest.raises(TypeError):
            event(**{field: "x" for field in wanted if field != missing})


def test_an_event_cannot_be_changed_once_made():
    event = AccessRefused(permission="p", why="w", case=None, document=None)
    with pytest.raises(AttributeError):
        event.why = "other"


def _value(dice, depth=3):
    kind = dice.randrange(8 if depth else 6)
    if kind == 0:
        return "".join(
            chr(dice.choice((dice.randrange(128), 0xE9, 0x2028, 0xFFFF, 0x1F600)))
            for _ in range(dice.randrange(9))
        )
    if kind == 6:
        return [_value(dice, depth - 1) for _ in range(dice.randrange(4))]
    if kind == 7:
        names = ("a", "B", "aa", "case", "é", "\U0001f600", "\uff61")
        return {name: _value(dice, depth - 1) for name in dice.sample(names, dice.randrange(4))}
    return (None, True, False, dice.randrange(-(2**53) + 1, 2**53), dice.random(), 0)[kind]


def test_the_quick_way_of_canonical_json_writes_the_same_bytes_as_the_library_of_rfc_8785():
    dice = random.Random(8785)
    for _ in range(3000):
        value = _value(dice)
        assert canonical(value) == rfc8785.dumps(value), value
    for wrong in (2**53, float("nan"), "\ud800", {1: 2}, {"a": object()}):
        with pytest.raises(ValueError):
            canonical(wrong)
