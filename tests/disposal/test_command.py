"""`python3 -m hub case shred`, as an operator types it."""

import io

import pytest

from hub.commands.case import case as command
from hub.commands.registry import COMMANDS
from hub.errors import Invalid, Refused


@pytest.fixture
def run(world, monkeypatch):
    """Run the command on this world; `typed` is what the operator types."""
    monkeypatch.setattr("hub.commands.case.services", lambda: world.hub)

    def typed_run(*argv, typed=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        return COMMANDS["case"][1](["shred", *argv])

    return typed_run


def reference(world):
    return world.hub.shredding.find(world.case).reference


def test_it_asks_for_the_reference_prints_the_certificate_and_writes_it(
    world, registry, run, capsys, tmp_path
):
    registry.ready()
    file = tmp_path / "certificate.pdf"
    with pytest.raises(Refused, match="Nothing was destroyed"):
        run("--case", reference(world), typed="yes\n")
    assert registry.names() != []
    assert (
        run("--case", reference(world).lower(), "--certificate", str(file), typed=f"{reference(world)}\n")
        == 0
    )
    told = capsys.readouterr().out
    assert "Disposal certificate: FEN-2026-0001" in told
    made = world.hub.shredding.certificate(world.case)
    assert made.sha256 in told
    assert file.read_bytes() == made.pdf
    assert [entry.event for entry in world.events("service.command_run")] == ["service.command_run"]


def test_run_again_it_prints_the_same_certificate_and_asks_nothing(world, registry, run, capsys):
    registry.ready()
    run("--case", world.case, "--yes")
    first = capsys.readouterr().out
    run("--case", world.case)
    assert capsys.readouterr().out == first


def test_it_says_who_must_still_speak_and_what_is_unknown(world, registry, run):
    registry.fill()
    with pytest.raises(Refused, match="Nobody has asked"):
        run("--case", world.case, "--yes")
    registry.close()
    registry.ask()
    with pytest.raises(Refused, match="nobody of information governance has approved"):
        run("--case", world.case, "--yes")
    with pytest.raises(Invalid, match="There is no case FEN-1999-0001"):
        run("--case", "FEN-1999-0001", "--yes")
    assert world.events("service.command_run") == []


def test_the_command_is_listed():
    assert COMMANDS["case"][1] is command
