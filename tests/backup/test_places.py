"""A folder and an S3 service hold files alike; what is destroyed there is gone in every version."""

import boto3
import pytest
from moto import mock_aws

from hub.backup.repository import Repository
from storage.errors import AlreadyExists, BadName, NotFound, Tampered, Unavailable
from storage.names import new_id
from storage.places import place_from_url, read
from tests.backup.conftest import ON_SQLITE, contents, silent


@pytest.fixture(scope="module")
def service():
    with pytest.MonkeyPatch.context() as patched, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patched.setenv(name, "testing")
        patched.setenv("AWS_DEFAULT_REGION", "eu-west-2")
        s3 = boto3.client("s3")
        where = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-2"}}
        s3.create_bucket(Bucket="plain", **where)
        s3.create_bucket(Bucket="versioned", **where)
        s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
        yield s3


@pytest.fixture(params=["folder", "plain", "versioned"])
def url(request, tmp_path):
    if request.param == "folder":
        return str(tmp_path / "place")
    request.getfixturevalue("service")
    return f"s3://{request.param}/{new_id()}"


def test_files_are_written_once_listed_replaced_and_removed(url):
    place = place_from_url(url)
    big = bytes(9 << 20)
    place.write("a/one", [b"1", b"2"])
    place.write("a/b/big", (big[at : at + 1000_000] for at in range(0, len(big), 1000_000)))
    with pytest.raises(AlreadyExists):
        place.write("a/one", [b"other"])
    assert read(place, "a/one") == b"12"
    assert read(place, "a/b/big") == big
    assert sorted(place.names()) == ["a/b/big", "a/one"]
    assert list(place.names("a/b/")) == ["a/b/big"]
    place.write("a/one", [b"3"], replace=True)
    assert read(place, "a/one") == b"3"
    place.delete("a/one")
    place.delete("a/one")
    with pytest.raises(NotFound):
        read(place, "a/one")


@pytest.mark.parametrize("name", ["", "/a", "a//b", "../a", "a/.hidden", "a b", "a/" * 9 + "a"])
def test_other_names_are_refused(url, name):
    with pytest.raises(BadName):
        place_from_url(url).write(name, [b""])


def test_what_is_destroyed_is_gone_in_every_version(url, request):
    place = place_from_url(url)
    place.write("keys/one/a", [b"secret"])
    place.write("keys/one/a", [b"secret again"], replace=True)
    place.write("keys/one/b", [b"secret"])
    place.write("keys/two/a", [b"stays"])
    place.destroy("keys/one/")
    place.destroy("keys/one/")
    assert list(place.names()) == ["keys/two/a"]
    if url.startswith("s3://versioned"):
        left = request.getfixturevalue("service").list_object_versions(
            Bucket="versioned", Prefix=url.split("/")[3]
        )
        assert [one["Key"].split("/", 1)[1] for one in left.get("Versions", [])] == ["keys/two/a"]
        assert "DeleteMarkers" not in left


def test_what_was_only_marked_as_deleted_is_destroyed_with_its_folder(service):
    prefix = new_id()
    place = place_from_url(f"s3://versioned/{prefix}")
    place.write("keys/one/a", [b"secret"])
    place.write("keys/one-more/a", [b"stays"])
    place.delete("keys/one/a")
    assert list(place.names("keys/one/")) == []
    place.destroy("keys/one/")
    left = service.list_object_versions(Bucket="versioned", Prefix=prefix)
    assert [one["Key"] for one in left["Versions"]] == [f"{prefix}/keys/one-more/a"]
    assert "DeleteMarkers" not in left


def test_what_a_writer_left_half_way_is_destroyed_too(tmp_path):
    place = place_from_url(str(tmp_path / "place"))
    place.write("keys/one/a", [b"secret"])
    left = tmp_path / "place" / "keys" / "one" / ".new-0123456789abcdef"
    left.write_bytes(b"secret")
    kept = (tmp_path / "copy").resolve()
    kept.hardlink_to(tmp_path / "place" / "keys" / "one" / "a")
    place.destroy("keys/one/")
    assert not left.exists()
    assert kept.read_bytes() == bytes(6), "written over, not only unlinked"


def test_no_link_has_a_file_elsewhere_read_written_over_or_removed(tmp_path):
    place, elsewhere = place_from_url(str(tmp_path / "place")), tmp_path / "elsewhere"
    place.write("keys/one/a", [b"secret"])
    (elsewhere / "hub").mkdir(parents=True)
    own = elsewhere / "hub" / "root.json"
    own.write_bytes(b"root keys")
    (tmp_path / "place" / "keys" / "one" / "b").symlink_to(own)
    (tmp_path / "place" / "snapshots").symlink_to(elsewhere)
    (tmp_path / "place" / "keys" / "two").symlink_to(elsewhere / "hub")
    for ask in (place.names, place.destroy, place.sweep):
        for prefix in ("snapshots/", "snapshots/hub/", "keys/two/"):
            with pytest.raises(Tampered):
                list(ask(prefix) or ())
    for ask in (
        place.delete,
        place.destroy,
        lambda name: place.write(name, [b""]),
        lambda name: read(place, name),
    ):
        with pytest.raises(Tampered):
            ask("snapshots/hub/root.json")
    with pytest.raises(Unavailable):
        read(place, "keys/one/b")
    place.destroy("keys/one/")
    assert own.read_bytes() == b"root keys"
    assert list(place.names()) == []


def test_objects_that_are_a_link_to_the_hubs_own_are_no_backup(tmp_path):
    made = Repository.open_or_make(str(tmp_path / "place"), new_id())
    (tmp_path / "place" / "objects").rmdir()
    (tmp_path / "place" / "objects").symlink_to(tmp_path)
    with pytest.raises(Tampered):
        Repository.open(made.url)


@ON_SQLITE
@pytest.mark.parametrize("bucket", ["plain", "versioned"])
def test_a_repository_in_s3_backs_up_restores_and_forgets(full, clean, service, bucket):
    full.url = f"s3://{bucket}/{new_id()}"
    full.create()
    full.upload()
    full.create()
    before = contents(full.hub, full.world.area)
    assert full.verify(deep=True).checked.faults == ()
    full.erase(full.other)
    assert [one.forgotten for one in full.hub.shredding._backups.forget_case(full.other)] == [True]
    machine = clean(full.world)
    assert machine.backup.restore(full.url, None, silent).shredded == (full.other,)
    after = contents(machine, full.world.area)
    assert after
    assert after.items() < before.items()
    full.hub.backup.prune(full.url, 1)
    assert len(full.repository.snapshots()) == 1
