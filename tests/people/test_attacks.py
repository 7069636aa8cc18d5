"""Attacks through what an account says of itself."""

import pytest

from tests.world import World

ADDRESSES = [
    "one@a.example,two@b.example",
    "group:one@a.example;",
    "a@[",
    "\\@",
    "a\0@b.example",
    "ü@a.example",
    "a@b@c.example",
    "<a@b.example>",
    "a@b.example\rBcc",
]


def invite(world: World, **fields: str):
    values = {
        "name": "Nora Newcome-Fable",
        "email": "nora@fenmarch.example",
        "role": "practitioner",
        "agency": world.agencies["police"],
    }
    return world.post(world.client("administrator"), "/accounts", values | fields)


@pytest.mark.parametrize("email", ADDRESSES)
def test_an_address_that_would_break_or_redirect_notices_is_no_account(world, email):
    """A comma in it sent each notice to two people; others failed the notices of everybody invited."""
    assert invite(world, email=email).status_code == 400


@pytest.mark.parametrize("name", ["Nora\u202eelbaF", "Nora\0Fable", "Nora\u200bFable"])
def test_a_name_cannot_hide_letters_that_turn_another_into_it(world, name):
    assert invite(world, name=name).status_code == 400


def test_ordinary_addresses_and_names_are_taken(world):
    assert (
        invite(world, name="Nóra Fable-Smith", email="N.O'Fable+mappa@fen-march.example").status_code == 200
    )
