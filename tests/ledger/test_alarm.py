"""Who runs the hub is told by mail that the log cannot be written, once for each trouble, and that it is over."""

import threading
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from hub.app import build_services
from hub.ledger import guard as guards
from hub.ledger.alarm import Alarm
from hub.proof.duty import LOOK_SECONDS, Duty
from tests.ledger.test_fail_closed import full, gone, read_only, refused_to_sign
from tests.smtp import MailServer
from tests.world import TestClock

WHO = "duty@fenmarch.example"
TROUBLE, OVER = "cannot write its access log", "can write its access log again"
SOON = 30


@pytest.fixture
def server():
    with MailServer() as running:
        yield running


@pytest.fixture
def watched(world, server, monkeypatch):
    """A hub that mails to the server; `look` is what the thread of checkpoints does every now and then."""
    monkeypatch.setattr(guards, "KEPT_SECONDS", 0)
    config = replace(world.config, mail_url=server.url, alert_email=(WHO,))
    made = replace(world, hub=build_services(config, world.clock), config=config)
    made.client("police").get("/")
    yield made
    made.hub.documents.close()
    made.hub.db.engine.dispose()


def looker(world):
    duty, times = Duty(world.hub.checkpoints, world.hub.readiness, world.hub.alarm), iter(range(1, 1000))
    return lambda: duty.run_once(LOOK_SECONDS * next(times))


def mailed():
    """Wait until no mail is on its way any more."""
    for thread in threading.enumerate():
        if thread.name == "hub-alarm":
            thread.join(SOON)


def told(server):
    mailed()
    mails = []
    while not server.mails.empty():
        mails.append(server.mails.get())
    assert all(mail["To"] == WHO for mail in mails)
    return [mail.get_content() for mail in mails]


@pytest.mark.parametrize("way", [gone, read_only, full, refused_to_sign], ids=lambda way: way.__name__)
def test_a_mail_goes_out_once_for_a_trouble_and_once_when_it_is_over(watched, server, way):
    look, client, path = looker(watched), watched.client("police"), f"/cases/{watched.case}"
    look()
    assert told(server) == []
    with way(watched):
        for _ in range(3):
            assert client.get(path).status_code == 503
            look()
        (mail,) = told(server)
        assert TROUBLE in mail
        assert watched.case not in mail
    look()
    assert client.get(path).status_code == 200
    look()
    (mail,) = told(server)
    assert OVER in mail


def test_trouble_that_nobody_meets_is_told_too(watched, server):
    look = looker(watched)
    look()
    with refused_to_sign(watched):
        look()
        (mail,) = told(server)
        assert TROUBLE in mail
    assert watched.hub.alarm.count == 0, "nobody was served nothing"


def test_what_only_signing_finds_is_told(watched, server):
    """The log is written still, but its last signature is not of this log: found by no request, and told."""
    from sqlalchemy import text

    look = looker(watched)
    look()
    with watched.hub.db.engine.execution_options(hub_writes=True).begin() as connection:
        connection.execute(text("UPDATE log_head SET frontier = :f"), {"f": b"\0" * 32})
    watched.clock.forward(minutes=2)
    look()
    look()
    (mail,) = told(server)
    assert TROUBLE in mail


def test_a_mail_server_that_says_nothing_holds_no_request(watched, server, monkeypatch):
    monkeypatch.setattr("hub.mail.SECONDS", 10 * SOON)
    looker(watched)()
    server.silent.set()
    client = watched.client("police")
    with refused_to_sign(watched):
        for _ in range(3):
            assert client.get(f"/cases/{watched.case}").status_code == 503
        server.met.get(timeout=SOON)
        assert [thread.name for thread in threading.enumerate()].count("hub-alarm") == 1, (
            "answered while the mail still waited, and only one mail is tried at a time"
        )
        with capture_logs() as said:
            server.speak.set()
            mailed()
        assert "alarm not mailed" in [one["event"] for one in said]
        assert WHO not in str(said)


def test_what_could_not_be_mailed_is_tried_again_but_not_at_once():
    clock, tries = TestClock(), []

    def send(trouble):
        tries.append(trouble)
        if len(tries) < 3:
            raise ConnectionRefusedError

    alarm = Alarm(clock, send)
    for minutes, expected in ((0, 1), (0, 1), (1, 2), (1, 3), (1, 3)):
        clock.forward(minutes=minutes)
        alarm.ring("why")
        mailed()
        assert tries == [True] * expected
    alarm.over()
    mailed()
    assert tries == [True] * 3 + [False]
    alarm.over()
    mailed()
    assert tries == [True] * 3 + [False]


def test_trouble_that_comes_and_goes_is_mailed_once_an_hour():
    clock, sent = TestClock(), []
    alarm = Alarm(clock, sent.append)
    for _ in range(5):
        alarm.ring("why")
        mailed()
        alarm.over()
        mailed()
        clock.forward(minutes=10)
    assert sent == [True, False]
    clock.forward(minutes=20)
    alarm.ring("why")
    mailed()
    assert sent == [True, False, True]
