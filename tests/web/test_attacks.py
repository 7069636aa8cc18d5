"""Attacks on the door that come between its questions: slow bodies, sessions that were ended, forms of others."""

import io

import pytest
from sqlalchemy import select

from hub.documents.model import StagedFile
from hub.people.model import HeldForm
from tests.world import csrf


class Slow(io.RawIOBase):
    """A request's body whose sender waits in its middle while `meanwhile` happens."""

    def __init__(self, data, meanwhile):
        self._rest, self._meanwhile = io.BytesIO(data), meanwhile

    def readable(self):
        return True

    def readinto(self, buffer):
        meanwhile, self._meanwhile = self._meanwhile, lambda: None
        meanwhile()
        data = self._rest.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def send_slowly(world, who, path, meanwhile):
    client = world.client(who)
    data = f"csrf_token={csrf(client)}".encode()
    return client.post(
        path,
        content_type="application/x-www-form-urlencoded",
        environ_overrides={"wsgi.input": Slow(data, meanwhile), "CONTENT_LENGTH": str(len(data))},
    )


def end_session(world, who):
    actor = world.actor(who)
    world.hub.sessions.end(actor, actor.session, "from another session")


def suspend(world, who):
    world.hub.people.suspend(world.actor("administrator"), world.people[who])


def publish(world, _who):
    who = world.actor("other coordinator")
    draft = world.hub.statement.save(who, confidentiality="Other words.", equality="Others.", seen=0)
    world.hub.statement.publish(who, reason="The words were too few.", seen=draft.row_version)


@pytest.mark.parametrize(
    ("meanwhile", "answered"),
    [(end_session, "/sign-in"), (suspend, "/sign-in"), (publish, "/statement/agree")],
)
def test_a_request_whose_body_dawdles_does_not_outlive_the_right_to_send_it(world, meanwhile, answered):
    """Without a reason this form comes back, with the nominal's name at its head."""
    path = f"/cases/{world.case}/change/level"
    answer = send_slowly(world, "coordinator", path, lambda: meanwhile(world, "coordinator"))
    assert b"Nominal-Fable" not in answer.data
    assert (answer.status_code, answer.location) == (303, answered)


def test_a_body_that_dawdles_while_nothing_changes_is_answered(world):
    answer = send_slowly(world, "coordinator", f"/cases/{world.case}/change/level", lambda: None)
    assert answer.status_code == 400


def left_behind(world):
    with world.hub.db.reading() as session:
        return [*session.scalars(select(HeldForm)), *session.scalars(select(StagedFile))]


def signed_out(world, who):
    world.post(world.client(who), "/sign-out")


@pytest.mark.parametrize("ended", [end_session, suspend, signed_out])
def test_a_stolen_session_that_was_ended_leaves_nothing_in_its_owners_name(world, ended):
    client = world.client("police")
    csrf(client)
    ended(world, "police")
    if ended is suspend:
        world.hub.people.restore(world.actor("administrator"), world.people["police"])
    fields = {"reason": "planted words", "files": (io.BytesIO(b"planted"), "planted.txt")}
    answer = world.post(client, f"/cases/{world.case}/documents/new", fields)
    assert answer.location == "/sign-in"
    assert left_behind(world) == []


def test_a_session_that_ran_out_long_ago_keeps_nothing_any_more(world):
    client = world.client("police")
    client.get("/")
    world.clock.forward(days=8)
    answer = world.post(client, f"/cases/{world.case}/documents/new", {"title": "planted"})
    assert answer.location == "/sign-in"
    assert left_behind(world) == []


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("ahead", [{"minutes": 30}, {}], ids=["ran out", "unagreed"])
def test_what_another_site_sends_is_not_kept_where_the_session_or_the_statement_is_wanting(
    world, site, ahead
):
    client = world.client("coordinator")
    client.get("/")
    world.clock.forward(**ahead)
    if not ahead:
        publish(world, "coordinator")
    fields = {"csrf_token": csrf(client), "reason": "planted words"}
    client.post(f"/cases/{world.case}/close", data=fields, headers={"Sec-Fetch-Site": site})
    assert left_behind(world) == []
