"""Nothing that someone typed is lost, nothing of it can be read by others or at rest, and no password is kept."""

import pytest
from sqlalchemy import select

from hub.people.model import HeldForm
from tests.world import csrf

WORDS = "Quetzalcanary took an hour to type"


def close(world, client, **more):
    fields = {"reason": WORDS, "password": "Secretcanary", "code": "123456"} | more
    return world.post(client, f"/cases/{world.case}/close", fields)


def held_of(world, who="coordinator"):
    return world.hub.people.unsent(world.actor(who))


def nothing_readable(world):
    with world.hub.db.reading() as session:
        rows = session.scalars(select(HeldForm)).all()
    stored = b"".join(row.sealed_fields + row.path.encode() for row in rows)
    files = b"".join(path.read_bytes() for path in world.config.home.rglob("*") if path.is_file())
    return not any(word in stored + files for word in (b"Quetzalcanary", b"Secretcanary"))


def test_a_form_sent_after_the_session_ended_waits_for_its_owner(world):
    client = world.client("coordinator")
    client.get("/")
    world.clock.forward(minutes=30)
    answer = close(world, client)
    assert answer.location == "/sign-in"
    assert b"Quetzalcanary" not in answer.data
    assert nothing_readable(world)
    world.tokens.clear()
    (held,) = held_of(world)
    page = world.client("coordinator").get(f"/unsent/{held}").get_data(as_text=True)
    assert WORDS in page
    assert "Secretcanary" not in page
    assert "123456" not in page
    for who in ("other coordinator", "police", "governance", "administrator"):
        assert world.client(who).get(f"/unsent/{held}").status_code == 404
        assert world.post(world.client(who), f"/unsent/{held}/discard").status_code == 404
    assert held_of(world) == [held]


def test_a_form_with_a_stale_token_is_kept_and_nothing_is_done(world):
    client = world.client("coordinator")
    csrf(client)
    answer = client.post(f"/cases/{world.case}/close", data={"csrf_token": "stale", "reason": WORDS})
    (held,) = held_of(world)
    assert (answer.status_code, answer.location) == (303, f"/unsent/{held}")
    assert nothing_readable(world)
    assert world.events("case.changed") == []


def test_a_kept_form_is_sent_once_and_then_gone(world):
    client, fields = world.client("coordinator"), {"confidentiality": WORDS, "equality": "b", "seen": "0"}
    client.post("/statement/edit", data=fields | {"csrf_token": "stale"})
    (held,) = held_of(world)
    sent = world.post(client, "/statement/edit", fields | {"unsent": held})
    assert (sent.status_code, sent.location) == (303, "/statement/preview")
    assert held_of(world) == []
    assert client.get(f"/unsent/{held}").status_code == 404


def test_a_kept_form_that_is_refused_again_stays(world):
    client = world.client("coordinator")
    client.post("/statement/edit", data={"csrf_token": "stale", "confidentiality": WORDS})
    (held,) = held_of(world)
    assert (
        world.post(client, "/statement/edit", {"confidentiality": WORDS, "unsent": held}).status_code == 400
    )
    assert held_of(world) == [held]


def test_a_kept_form_is_discarded_by_its_owner(world):
    client = world.client("coordinator")
    client.post("/statement/edit", data={"csrf_token": "stale", "confidentiality": WORDS})
    (held,) = held_of(world)
    assert world.post(client, f"/unsent/{held}/discard").status_code == 303
    assert held_of(world) == []


def test_naming_somebody_elses_kept_form_erases_nothing(world):
    theirs = world.hub.people.hold_form(world.people["police"], path="/x", fields=[("a", "b")])
    client = world.client("coordinator")
    answer = world.post(
        client, "/statement/edit", {"confidentiality": "a", "equality": "b", "seen": "0", "unsent": theirs}
    )
    assert answer.status_code == 303
    assert held_of(world, "police") == [theirs]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_site_sends_is_neither_done_nor_kept(world, site):
    client = world.client("coordinator")
    fields = {"csrf_token": csrf(client), "reason": WORDS}
    answer = client.post(f"/cases/{world.case}/close", data=fields, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 400
    assert held_of(world) == []


def test_a_stranger_without_any_session_leaves_nothing_behind(world):
    assert close(world, world.client()).location == "/sign-in"
    forged = world.app.test_client()
    forged.set_cookie("hub_session", "x" * 43)
    close(world, forged)
    with world.hub.db.reading() as session:
        assert session.scalars(select(HeldForm)).all() == []


def test_an_endless_form_is_refused_not_kept(world):
    client = world.client("coordinator")
    answer = client.post("/statement/edit", data={"csrf_token": "stale", "confidentiality": "x" * 200_001})
    assert answer.status_code == 400
    assert held_of(world) == []


def test_a_kept_form_cannot_be_moved_to_another_owner(world):
    """The seal is bound to row and owner: whoever edits the table gets nothing out."""
    held = world.hub.people.hold_form(world.people["coordinator"], path="/x", fields=[("reason", WORDS)])
    with world.hub.db.work() as work:
        work.session.get_one(HeldForm, held).account_id = world.people["police"]
        work.commit()
    answer = world.client("police").get(f"/unsent/{held}")
    assert answer.status_code == 503
    assert b"Quetzalcanary" not in answer.data


def test_only_so_many_forms_are_kept_and_only_so_long(world):
    people, account = world.hub.people, world.people["police"]
    for number in range(25):
        people.hold_form(account, path="/cases/", fields=[("text", str(number))])
    actor = world.actor("police")
    kept = [people.unsent_form(actor, held).fields[0][1] for held in people.unsent(actor)]
    assert kept == [str(number) for number in range(24, 4, -1)]
    world.clock.forward(days=8)
    last = people.hold_form(account, path="/cases/", fields=[("text", "last")])
    world.tokens.clear()
    assert people.unsent(world.actor("police")) == [last]
