"""What an entry says and how it is hashed, written out by hand; what cannot be recorded raises."""

import hashlib
import json
import random
from datetime import UTC, datetime

import pytest

from hub.access.actor import Actor, program
from hub.access.permissions import Role
from hub.ledger.entries import GENESIS, Place, first_break, leaf, leaf_hash, link
from hub.ledger.events import REGISTRY, AccessRefused, CasesListed, CaseViewed, SearchRun, SignedIn

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


def test_the_leaf_of_a_case_viewed_is_exactly_this_text():
    text = leaf(ACTOR, CaseViewed(case="case1"), Place(sequence=7, case_sequence=3, at=AT), b"sealed")
    assert text == (
        '{"actor":"acc1","agency":"agency1","area":"area1","at":"2026-03-02T09:00:00.000005+00:00","case_seq":3,'
        '"event":"case.viewed","fields":{"case":"case1"},"operation":"consultation","outcome":"done","role":"chair",'
        '"sealed":"b0e1f40b8fd36ecfbbc7c60dd6c4a39e6d7a5e7b8a6b1d9b0000000000000000","seq":7,"session":"sess1","v":1}'
    ).replace(
        "b0e1f40b8fd36ecfbbc7c60dd6c4a39e6d7a5e7b8a6b1d9b0000000000000000",
        hashlib.sha256(b"sealed").hexdigest(),
    )


def test_the_leaf_of_the_programs_own_entry_names_nobody():
    text = leaf(program("area1"), SignedIn(), Place(sequence=1, case_sequence=None, at=AT), None)
    assert text == (
        '{"actor":null,"agency":null,"area":"area1","at":"2026-03-02T09:00:00.000005+00:00","case_seq":null,'
        '"event":"session.signed_in","fields":{},"operation":null,"outcome":"done","role":null,"sealed":null,"seq":1,'
        '"session":null,"v":1}'
    )


def test_the_hash_of_a_leaf_is_rfc_6962s_and_the_chain_begins_with_zeros():
    assert leaf_hash("").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert bytes(32) == GENESIS
    assert link(GENESIS, leaf_hash("")) == hashlib.sha256(bytes(32) + leaf_hash("")).digest()


def test_names_addresses_and_queries_are_not_in_the_leaf():
    event = SearchRun(query="Norman Nominal", documents=("d1",), total=1)
    text = leaf(ACTOR, event, Place(sequence=1, case_sequence=None, at=AT), b"x")
    assert "Norman" not in text
    assert "192.0.2.1" not in text
    assert event.private() == {"query": "Norman Nominal"}


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


def chain(count):
    entries, last = [], GENESIS
    for sequence in range(1, count + 1):
        text = leaf(
            ACTOR,
            CasesListed(cases=(f"c{sequence}",)),
            Place(sequence=sequence, case_sequence=None, at=AT),
            None,
        )
        last = link(last, leaf_hash(text))
        entries.append((sequence, text, last))
    return entries


def test_a_sound_chain_has_no_break():
    assert first_break(chain(50)) is None
    assert first_break([]) is None


@pytest.mark.parametrize("seed", range(300))
def test_any_edit_deletion_insertion_or_reorder_is_found_at_its_place(seed):
    dice = random.Random(seed)
    entries = chain(20)
    at = dice.randrange(len(entries) - 1)
    kind = dice.choice(["edit", "delete", "insert", "swap", "chain"])
    sequence, text, claimed = entries[at]
    if kind == "edit":
        body = json.loads(text)
        body["actor"] = "somebody else"
        entries[at] = (sequence, json.dumps(body), claimed)
    elif kind == "delete":
        del entries[at]
    elif kind == "insert":
        entries.insert(at, (sequence, text.replace("acc1", "acc2"), claimed))
    elif kind == "swap":
        entries[at], entries[at + 1] = entries[at + 1], entries[at]
    else:
        entries[at] = (sequence, text, bytes(reversed(claimed)))
    assert first_break(entries) == at + 1, kind
