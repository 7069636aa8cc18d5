"""An older backup over newer data: what was signed since is known elsewhere, and the hub does not start on it unnoticed."""

import shutil

import pytest

from config import Config, ConfigError
from hub.app import build_services
from hub.commands import main, prepare
from tests.backup.conftest import contents, root, silent
from tests.world import SECRET


def signed(hub, clock, area):
    """A checkpoint of the log as it is, in every place."""
    clock.forward(seconds=61)
    assert hub.checkpoints.make(area)
    assert hub.checkpoints.keep(area)


def settings(config, copy):
    """Of the hub at that home, with a second place for its checkpoints."""
    return {
        "HUB_HOME": str(config.home), "HUB_SECRET": SECRET, "HUB_DATABASE_URL": config.database_url, "HUB_LOG_COPY_URL": copy,
    }  # fmt: skip


@pytest.mark.parametrize("known", ["home", "second"])
def test_an_older_snapshot_over_newer_data_is_refused_at_start_up_until_it_is_accepted(
    full, clean, tmp_path, monkeypatch, capsys, known
):
    area, copy = full.world.area, f"folder:{tmp_path / 'second'}"
    hub = build_services(Config.from_env(settings(full.world.config, copy)), full.world.clock)
    signed(hub, full.world.clock, area)
    made = full.create().manifest
    before = contents(full.hub, area)
    full.upload()
    signed(hub, full.world.clock, area)
    hub.db.engine.dispose()

    machine = clean(full.world)
    if known == "home":
        shutil.copytree(full.world.config.home / "checkpoints", machine.config.home / "checkpoints")
        copy = f"folder:{tmp_path / 'another'}"
    for name, value in settings(machine.config, copy).items():
        monkeypatch.setenv(name, value)
    machine.backup.restore(full.url, made.snapshot, silent)
    here = Config.from_env(settings(machine.config, copy))
    with pytest.raises(ConfigError, match=r"the database is older than what was served.*accept-restore"):
        prepare(here, demo=False, progress=lambda _: None)
    assert main(["backup", "create", "--to", full.url]) == 1
    assert "accept-restore" in capsys.readouterr().err

    assert main(["log", "accept-restore", "--reason", "The disk failed; this is the newest backup."]) == 0
    assert "entries that were signed are not in it" in capsys.readouterr().out
    prepare(here, demo=False, progress=lambda _: None)
    assert main(["log", "verify"]) == 0
    [state] = made.areas
    assert root(machine, area, state.entries) == state.root
    assert contents(machine, area) == before


def test_the_newest_snapshot_over_what_it_was_made_of_starts_without_a_word(full, clean, tmp_path):
    copy = f"folder:{tmp_path / 'second'}"
    hub = build_services(Config.from_env(settings(full.world.config, copy)), full.world.clock)
    signed(hub, full.world.clock, full.world.area)
    hub.db.engine.dispose()
    full.create()
    machine = clean(full.world)
    machine.backup.restore(full.url, None, silent)
    prepare(Config.from_env(settings(machine.config, copy)), demo=False, progress=lambda _: None)
