"""An area's own numbers for reviews, shown and set at the machine."""

import json

import pytest

from hub.commands import review_settings as module
from hub.governance.rules import Settings
from hub.people.model import Area


@pytest.fixture
def command(world, monkeypatch):
    monkeypatch.setattr(module, "services", lambda: world.hub)
    return lambda *words: module.review_settings(["--area", "Fenmarch", *words])


def test_a_setting_is_shown_set_and_on_record(world, command, capsys):
    assert command() == 0
    assert json.loads(capsys.readouterr().out)["glass_hours"] == 4
    assert command("glass_hours", "2") == 0
    assert command("extra_holidays", "2027-05-10,2027-06-03") == 0
    with world.hub.db.reading() as session:
        found = Settings.of(session.get_one(Area, world.area).settings)
    assert (found.glass_hours, len(found.extra_holidays)) == (2, 2)
    assert [json.loads(entry.leaf)["fields"]["command"] for entry in world.events("service.command_run")] == [
        "review-settings glass_hours 2",
        "review-settings extra_holidays 2027-05-10,2027-06-03",
    ]


@pytest.mark.parametrize("words", [("no_such", "1"), ("glass_hours", "0"), ("opens", "noon")])
def test_what_cannot_be_meant_is_refused_and_changes_nothing(world, command, words):
    assert command(*words) == 1
    with world.hub.db.reading() as session:
        assert session.get_one(Area, world.area).settings == {}


def test_an_area_that_is_not_there(world, monkeypatch):
    monkeypatch.setattr(module, "services", lambda: world.hub)
    assert module.review_settings(["--area", "Nowhere"]) == 1
