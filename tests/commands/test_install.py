"""A home made ready to serve, production's refusals each by name, and the operator's commands."""

import re
from pathlib import Path

import pytest
from sqlalchemy import text

from config import Config, ConfigError
from hub.app import build_services
from hub.commands import COMMANDS, main, prepare
from hub.commands.install import areas, record_start, record_stop
from tests.world import SECRET

SAFE = {
    "HUB_ENV": "production",
    "HUB_SECRET": SECRET,
    "HUB_PUBLIC_URL": "https://hub.fenmarch.example",
    "HUB_TRUSTED_PROXIES": "10.0.0.0/8",
}
FOUND = (
    "area", "--name", "Fenmarch", "--localities", "Northfen, Southmarch", "--agency", "Fenmarch Council",
    "--admin", "sid@fenmarch.example", "--admin-name", "Sid Adminson-Fable",
)  # fmt: skip


def settings(home: Path, **more: str) -> Config:
    return Config.from_env({"HUB_HOME": str(home), **more})


def silent(_line: str) -> None:
    pass


def test_an_empty_home_is_made_ready_and_a_second_time_changes_nothing(tmp_path):
    config = settings(tmp_path / "home")
    prepare(config, demo=False, progress=silent)
    key = (config.home / "keys" / "root.json").read_bytes()
    prepare(config, demo=False, progress=silent)
    assert (config.home / "keys" / "root.json").read_bytes() == key
    assert areas(build_services(config).db) == []


def test_production_starts_where_everything_is_safe(tmp_path):
    prepare(settings(tmp_path / "home", **SAFE), demo=True, progress=silent)
    assert areas(build_services(settings(tmp_path / "home", **SAFE)).db) == [], "and never loads the demo"


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ("HUB_SECRET", "HUB_SECRET"),
        ("HUB_PUBLIC_URL", "HUB_PUBLIC_URL"),
        ("HUB_TRUSTED_PROXIES", "HUB_TRUSTED_PROXIES"),
    ],
)
def test_production_names_what_is_missing(tmp_path, missing, named):
    unsafe = {name: value for name, value in SAFE.items() if name != missing}
    with pytest.raises(ConfigError, match=named):
        prepare(settings(tmp_path / "home", **unsafe), demo=False, progress=silent)


def test_production_refuses_a_home_with_demo_data(world):
    with world.hub.db.work() as work:
        work.session.execute(text("UPDATE area SET demo = true"))
        work.commit()
    environ = {"HUB_DATABASE_URL": world.config.database_url} | SAFE
    with pytest.raises(ConfigError, match="demo data"):
        prepare(settings(world.config.home, **environ), demo=False, progress=silent)


def test_a_log_that_cannot_be_written_is_named(tmp_path):
    nowhere = f"sqlite:///{tmp_path / 'no' / 'such' / 'folder' / 'hub.sqlite'}"
    with pytest.raises(ConfigError, match="access log cannot be written"):
        prepare(settings(tmp_path / "home", HUB_DATABASE_URL=nowhere, **SAFE), demo=False, progress=silent)


def test_the_start_and_the_stop_are_on_record(world):
    record_start(world.config)
    record_stop(world.config)
    assert [entry.event for entry in world.events()][-2:] == ["service.started", "service.stopped"]


def test_an_area_is_founded_its_administrator_enrols_and_the_log_verifies(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HUB_HOME", str(tmp_path / "home"))
    assert main(FOUND) == 0
    token = re.search(r"/enrol/([\w-]+) ", capsys.readouterr().out)
    assert token is not None
    enrolment = build_services(settings(tmp_path / "home")).people.enrolment(token.group(1))
    assert enrolment.email == "sid@fenmarch.example"
    assert main(["log", "verify"]) == 0
    assert "Fenmarch: 2 entries, the log verifies." in capsys.readouterr().out


def test_a_log_that_was_changed_is_told_and_the_exit_code_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HUB_HOME", str(tmp_path / "home"))
    main(FOUND)
    engine = build_services(settings(tmp_path / "home")).db.engine
    with engine.execution_options(hub_writes=True).begin() as connection:
        connection.execute(text("DROP TRIGGER log_entry_no_update"))
        connection.execute(
            text("UPDATE log_entry SET leaf = replace(leaf, 'area', 'aera') WHERE sequence = 2")
        )
    engine.dispose()
    assert main(["log", "verify"]) == 1
    assert "is not as written from entry 2 on" in capsys.readouterr().out


def test_an_unknown_command_is_said_to_be_none(capsys):
    assert main(["nonsense"]) == 2
    assert "no command 'nonsense'" in capsys.readouterr().err
    assert set(COMMANDS) >= {"area", "log"}
