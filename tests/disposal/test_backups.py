"""A destroyed case is gone from the backups within reach, and the certificate names those that were not."""

import pytest

from hub.backup.repository import Repository
from hub.backup.service import BackupService


@pytest.fixture
def backup(world):
    return BackupService(world.hub.db, world.clock, world.hub.vaults, world.config)


def quiet(*_):
    """No progress bar."""


def files(folder):
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


def test_every_repository_within_reach_forgets_it_and_the_others_are_named(world, registry, backup, tmp_path):
    registry.ready()
    near, far = tmp_path / "near", tmp_path / "far"
    for folder in (near, far):
        backup.create(f"folder:{folder}", quiet)
    key = registry.keys()[0]
    assert any(key in data for data in files(near)), "the scan must be able to find it"
    away = far.rename(tmp_path / "taken away")
    certificate = registry.shred()
    assert [key in data for data in files(near)].count(True) == 0
    assert Repository.open(f"folder:{near}").has_forgotten(world.case)
    said = {copy["place"]: copy["forgotten"] for copy in certificate.data["backups"]}
    assert said == {f"folder:{near}": True, f"folder:{far}": False}
    told = " ".join(certificate.text.split())
    assert "its wrapped keys of this case were removed" in told
    assert "not reached: There is no backup repository" in told
    away.rename(far)
    backup.create(f"folder:{far}", quiet)
    assert not any(key in data for data in files(far))


def test_another_repository_at_the_same_place_is_not_taken_for_it(world, registry, backup, tmp_path):
    registry.ready()
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        backup.create(f"folder:{folder}", quiet)
    first.rename(tmp_path / "old")
    second.rename(first)
    certificate = registry.shred()
    assert {copy["place"]: copy["forgotten"] for copy in certificate.data["backups"]} == {
        f"folder:{first}": False,
        f"folder:{second}": False,
    }
    assert "another repository lies there now" in " ".join(certificate.text.split())
