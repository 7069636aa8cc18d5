"""With a key service: the chain rotated, and area keys wrapped again under the key that the setting names now."""

import boto3
import pytest
from moto import mock_aws

from config import Config
from hub.commands.keys import service
from hub.errors import Invalid
from hub.people.model import Area
from storage.errors import WrongKey
from storage.keys import Keyring, WrappedKey, key_provider_from_url
from storage.receipts import ReceiptBook
from tests.world import build, open_world


@pytest.fixture
def aws(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "fictional")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "fictional")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
    with mock_aws():
        yield boto3.client("kms")


def new_key(aws, alias):
    made = aws.create_key()["KeyMetadata"]["KeyId"]
    aws.create_alias(AliasName=alias, TargetKeyId=made)
    return made


def test_area_keys_move_to_another_key_of_the_service(aws):
    context = {"hub": "h", "area": "a"}
    first, second = new_key(aws, "alias/first"), new_key(aws, "alias/second")
    old = key_provider_from_url("aws-kms:alias/first", None)
    both = key_provider_from_url("aws-kms:alias/second,alias/first", None)
    key, wrapped = old.generate(context)
    assert both.unwrap(wrapped, context) == key
    again = both.wrap(key, context)
    asked = []
    both._kms.meta.events.register(
        "provide-client-params.kms.Decrypt", lambda params, **_: asked.append(params["KeyId"])
    )
    assert both.unwrap(again, context) == key
    assert asked == ["alias/second"]
    assert first != second
    with pytest.raises(ValueError, match="aws-kms"):
        key_provider_from_url("aws-kms:alias/x,", None)


@pytest.fixture
def hosted(aws, tmp_path, monkeypatch):
    """A whole hub whose root key is in the service."""
    new_key(aws, "alias/first")
    monkeypatch.setenv("HUB_KEYS_URL", "aws-kms:alias/first")
    real = Config.from_env
    monkeypatch.setattr(
        "tests.world.Config.from_env", lambda env: real({**env, "HUB_KEYS_URL": "aws-kms:alias/first"})
    )
    build(tmp_path / "home")
    world = open_world(tmp_path / "home")
    monkeypatch.setenv("HUB_HOME", str(world.config.home))
    monkeypatch.setenv("HUB_SECRET", world.config.secret)
    yield world
    world.hub.documents.close()
    world.hub.db.engine.dispose()


def test_every_level_is_rotated_and_escrow_says_what_to_do_instead(hosted, aws):
    keys = service("a drill")
    with hosted.hub.db.reading() as session:
        before = session.get_one(Area, hosted.area).key_wrapped
    assert keys.rotate_all_cases() == 1
    assert keys.rotate_area(hosted.area) == 2
    assert keys.rotate_root() == 0
    status = keys.status()
    assert (status.provider, status.roots, status.escrow, status.under_way) == (
        "key service",
        (),
        "not here",
        False,
    )
    with hosted.hub.db.reading() as session:
        row = session.get_one(Area, hosted.area)
        assert row.key_wrapped != before
    ring = Keyring(
        key_provider_from_url("aws-kms:alias/first", None),
        hub=hosted.area, store=hosted.hub.vaults.store, receipts=ReceiptBook(),
    )  # fmt: skip
    with pytest.raises(WrongKey):
        ring.purpose_key(WrappedKey(version=2, data=before), hosted.area, "totp")
    with pytest.raises(Invalid, match="key service keeps the root key"):
        keys.escrow(3, 2, print)
