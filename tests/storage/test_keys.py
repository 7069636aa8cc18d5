"""Keys: the file they rest in, the chain of wraps, and what is kept in memory for how long."""

import json
import os
import stat
import threading

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from storage.errors import AlreadyExists, NotFound, StorageError, Tampered, Unavailable, WrongKey
from storage.keys import Keyring, LocalKeyFile, WrappedKey, key_file_path, key_provider_from_url
from storage.names import new_id
from storage.receipts import ReceiptBook
from storage.stores import FolderStore, MemoryStore

CONTEXT = {"hub": "h", "area": "a", "kind": "area-key", "version": "1"}
AREA, CASE, HUB = new_id(), new_id(), new_id()


class Counted:
    """A real key file that counts how often it is asked."""

    def __init__(self, inner):
        self.inner, self.calls = inner, 0

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def unwrap(self, wrapped, context):
        self.calls += 1
        return self.inner.unwrap(wrapped, context)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys" / "root.json"


@pytest.fixture
def provider(path):
    return Counted(LocalKeyFile.create(path))


def ring(provider, **changes):
    return Keyring(provider, **{"hub": HUB, "store": MemoryStore(), "receipts": ReceiptBook(), **changes})


# The key file.


def test_a_new_key_file_is_private_from_its_first_moment(path, monkeypatch):
    modes = []
    real = os.open

    def seen(target, *args, **kwargs):
        descriptor = real(target, *args, **kwargs)
        modes.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), os.fstat(descriptor).st_mode & 0o777))
        return descriptor

    old = os.umask(0)
    try:
        monkeypatch.setattr(os, "open", seen)
        LocalKeyFile.create(path)
    finally:
        os.umask(old)
    assert [mode for folder, mode in modes if not folder] == [0o600] * 2
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [p.name for p in path.parent.iterdir()] == ["root.json"]


def test_a_key_file_is_never_replaced(path):
    LocalKeyFile.create(path)
    before = path.read_bytes()
    with pytest.raises(AlreadyExists):
        LocalKeyFile.create(path)
    assert path.read_bytes() == before


def test_of_many_first_starts_at_once_one_makes_the_key(path):
    made, refused = [], []

    def start():
        try:
            made.append(LocalKeyFile.create(path))
        except AlreadyExists as refusal:
            refused.append(refusal)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(refused)) == (1, 7)
    assert len(list(path.parent.iterdir())) == 1
    assert made[0].unwrap(LocalKeyFile(path).wrap(bytes(32), CONTEXT), CONTEXT) == bytes(32)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_key_file_others_may_touch_is_refused(path, mode):
    LocalKeyFile.create(path)
    path.chmod(mode)
    with pytest.raises(WrongKey, match="chmod 600"):
        LocalKeyFile(path)


def test_a_link_to_a_key_file_is_refused(path, tmp_path):
    LocalKeyFile.create(path)
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(WrongKey):
        LocalKeyFile(tmp_path / "link")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": "mappa-hub/root-keys/1", "current": 1, "keys": {}}',
        '{"format": "mappa-hub/root-keys/1", "current": 1, "keys": {"1": "c2hvcnQ="}}',
        '{"format": "other", "current": 1, "keys": {"1": "' + "A" * 43 + '="}}',
    ],
)
def test_a_damaged_key_file_is_said_to_be_so(path, text):
    LocalKeyFile.create(path)
    path.write_text(text)
    with pytest.raises(Tampered):
        LocalKeyFile(path)


def test_a_missing_key_file_is_not_made_unasked(tmp_path):
    with pytest.raises(NotFound):
        key_provider_from_url("", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_key_file_is_made_at_first_run_but_never_beside_sealed_objects(tmp_path):
    first = key_provider_from_url("", tmp_path, create=True)
    assert first.healthy()
    writer = FolderStore(tmp_path / "objects").create(f"{new_id()}/{new_id()}/{new_id()}.1")
    writer.commit()
    assert key_provider_from_url("", tmp_path, create=True).healthy()
    key_file_path("", tmp_path).unlink()
    assert not first.healthy()
    with pytest.raises(NotFound, match="put the key file back"):
        key_provider_from_url("", tmp_path, create=True)


@pytest.mark.parametrize("url", ["https://x", "aws-kms:", "root.json"])
def test_a_url_of_no_known_provider_is_refused(tmp_path, url):
    with pytest.raises(ValueError, match="HUB_KEYS_URL"):
        key_provider_from_url(url, tmp_path)


def test_the_file_can_be_elsewhere(tmp_path):
    key_provider_from_url(f"file:{tmp_path}/deep/er/keys.json", tmp_path, create=True)
    assert json.loads((tmp_path / "deep/er/keys.json").read_text())["current"] == 1


def test_a_new_root_version_wraps_and_the_old_still_opens_until_retired(path):
    first = LocalKeyFile.create(path)
    old = first.wrap(b"k" * 32, CONTEXT)
    second = first.add_version()
    assert (second.versions, second.current) == ((1, 2), 2)
    assert second.unwrap(old, CONTEXT) == b"k" * 32
    new = second.wrap(b"n" * 32, CONTEXT)
    with pytest.raises(WrongKey):
        second.retire(2)
    last = second.retire(1)
    assert last.unwrap(new, CONTEXT) == b"n" * 32
    with pytest.raises(WrongKey, match="not in the key file"):
        last.unwrap(old, CONTEXT)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("field", sorted(CONTEXT))
def test_a_wrap_opens_only_in_its_own_context(path, field):
    provider = LocalKeyFile.create(path)
    wrapped = provider.wrap(bytes(32), CONTEXT)
    with pytest.raises(WrongKey):
        provider.unwrap(wrapped, {**CONTEXT, field: "other"})


@pytest.mark.parametrize("at", [0, 3, 4, 5, 20, 60, -1])
def test_a_changed_wrap_does_not_open(path, at):
    provider = LocalKeyFile.create(path)
    wrapped = bytearray(provider.wrap(bytes(32), CONTEXT))
    wrapped[at] ^= 1
    with pytest.raises(WrongKey):
        provider.unwrap(bytes(wrapped), CONTEXT)
    with pytest.raises(WrongKey):
        provider.unwrap(bytes(wrapped[:at]), CONTEXT)


# The chain.


def test_keys_belong_to_one_hub_area_case_and_version(provider):
    keyring = ring(provider)
    area_key = keyring.new_area_key(AREA)
    case_key = keyring.new_case_key(area_key, AREA, CASE)
    other_area = keyring.new_area_key(new_id())
    later = WrappedKey(version=2, data=case_key.data)
    assert keyring.case_vault(area_key, case_key, AREA, CASE).case == CASE
    for wrong in (
        (area_key, case_key, AREA, new_id()),
        (area_key, case_key, new_id(), CASE),
        (other_area, case_key, AREA, CASE),
        (area_key, later, AREA, CASE),
        (WrappedKey(version=2, data=area_key.data), case_key, AREA, CASE),
    ):
        with pytest.raises(WrongKey):
            keyring.case_vault(*wrong)
    with pytest.raises(WrongKey):
        ring(provider, hub=new_id()).case_vault(area_key, case_key, AREA, CASE)


def test_rewrapped_keys_open_the_same_fields(provider, path):
    keyring = ring(provider)
    old_area = keyring.new_area_key(AREA)
    old_case = keyring.new_case_key(old_area, AREA, CASE)
    sealed = keyring.case_vault(old_area, old_case, AREA, CASE).seal_field("name", "r", b"kept")
    new_area = keyring.new_area_key(AREA, version=2)
    new_case = keyring.rewrap_case_key(old_area, new_area, AREA, CASE, old_case)
    assert keyring.case_vault(new_area, new_case, AREA, CASE).open_field("name", "r", sealed) == b"kept"
    with pytest.raises(WrongKey):
        keyring.case_vault(new_area, old_case, AREA, CASE)
    provider.inner = provider.inner.add_version()
    again = keyring.rewrap_area_key(new_area, AREA)
    provider.inner = provider.inner.retire(1)
    keyring.forget()
    assert keyring.case_vault(again, new_case, AREA, CASE).open_field("name", "r", sealed) == b"kept"
    with pytest.raises(WrongKey):
        keyring.case_vault(new_area, new_case, AREA, CASE)


def test_purposes_of_an_area_have_keys_of_their_own(provider):
    keyring = ring(provider)
    area_key = keyring.new_area_key(AREA)
    totp = keyring.purpose_key(area_key, AREA, "totp")
    assert totp == ring(provider).purpose_key(area_key, AREA, "totp")
    assert len({totp, keyring.purpose_key(area_key, AREA, "log")}) == 2
    box = keyring.area_box(area_key, AREA, "totp")
    sealed = box.seal(b"secret", "person", "row")
    assert box.open(sealed, "person", "row") == b"secret"
    for wrong in (keyring.area_box(area_key, AREA, "log"), box):
        with pytest.raises(Tampered):
            wrong.open(sealed, "person", "other" if wrong is box else "row")


# What is kept.


def test_an_area_is_opened_once_for_many_cases_and_again_after_60_seconds(provider):
    now = [1000.0]
    keyring = ring(provider, clock=lambda: now[0])
    area_key = keyring.new_area_key(AREA)
    cases = [(case, keyring.new_case_key(area_key, AREA, case)) for case in (new_id() for _ in range(50))]
    for case, key in cases:
        keyring.case_vault(area_key, key, AREA, case)
    assert provider.calls == 1
    now[0] += 59.9
    keyring.case_vault(area_key, cases[0][1], AREA, cases[0][0])
    assert provider.calls == 1
    now[0] += 0.2
    keyring.case_vault(area_key, cases[0][1], AREA, cases[0][0])
    assert provider.calls == 2


def test_a_case_opened_late_is_not_kept_longer_than_its_area(provider):
    now = [0.0]
    keyring = ring(provider, clock=lambda: now[0])
    area_key = keyring.new_area_key(AREA)
    case_key = keyring.new_case_key(area_key, AREA, CASE)
    now[0] = 59.0
    keyring.case_vault(area_key, case_key, AREA, CASE)
    now[0] = 61.0
    keyring.case_vault(area_key, case_key, AREA, CASE)
    assert provider.calls == 2


def test_what_is_kept_is_bounded_and_can_be_forgotten(provider, monkeypatch):
    monkeypatch.setattr("storage.keys.KEPT_VAULTS", 3)
    keyring = ring(provider)
    area_key = keyring.new_area_key(AREA)
    for case in [new_id() for _ in range(9)]:
        keyring.case_vault(area_key, keyring.new_case_key(area_key, AREA, case), AREA, case)
    assert len(keyring._vaults._held) == 3
    keyring.forget()
    assert len(keyring._vaults._held) == 0


def test_a_kept_case_is_not_found_with_another_row(provider):
    keyring = ring(provider)
    area_key = keyring.new_area_key(AREA)
    case_key = keyring.new_case_key(area_key, AREA, CASE)
    keyring.case_vault(area_key, case_key, AREA, CASE)
    with pytest.raises(WrongKey):
        keyring.case_vault(area_key, WrappedKey(version=1, data=bytes(61)), AREA, CASE)


def test_keys_do_not_show_in_what_is_printed(provider):
    keyring = ring(provider)
    area_key = keyring.new_area_key(AREA)
    vault = keyring.case_vault(area_key, keyring.new_case_key(area_key, AREA, CASE), AREA, CASE)
    assert str(vault._keys._key) not in repr(vault._keys)


# A key service. moto is lenient, so what it would not refuse is injected.


@pytest.fixture
def kms(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "fictional")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "fictional")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
    with mock_aws():
        key_id = boto3.client("kms").create_key()["KeyMetadata"]["KeyId"]
        boto3.client("kms").create_alias(AliasName="alias/hub", TargetKeyId=key_id)
        yield key_provider_from_url("aws-kms:alias/hub", None)


def test_a_key_service_opens_what_it_made_in_its_context_only(kms):
    key, wrapped = kms.generate(CONTEXT)
    assert kms.unwrap(wrapped, CONTEXT) == key
    assert kms.unwrap(kms.wrap(key, CONTEXT), CONTEXT) == key
    with pytest.raises(WrongKey):
        kms.unwrap(wrapped, {**CONTEXT, "area": "other"})
    assert kms.healthy() is True


def test_a_whole_chain_hangs_on_a_key_service(kms):
    keyring = ring(kms)
    area_key = keyring.new_area_key(AREA)
    case_key = keyring.new_case_key(area_key, AREA, CASE)
    sealed = keyring.case_vault(area_key, case_key, AREA, CASE).seal_field("name", "r", b"kept")
    assert ring(kms).case_vault(area_key, case_key, AREA, CASE).open_field("name", "r", sealed) == b"kept"


def test_a_silent_key_service_opens_nothing_once_the_kept_keys_are_60_seconds_old(kms, monkeypatch):
    now = [0.0]
    keyring = ring(kms, clock=lambda: now[0])
    area_key = keyring.new_area_key(AREA)
    case_key = keyring.new_case_key(area_key, AREA, CASE)
    keyring.case_vault(area_key, case_key, AREA, CASE)

    def silent(**_):
        raise EndpointConnectionError(endpoint_url="https://kms.invalid")

    monkeypatch.setattr(kms._kms, "decrypt", silent)
    monkeypatch.setattr(kms._kms, "describe_key", silent)
    assert keyring.case_vault(area_key, case_key, AREA, CASE).case == CASE
    now[0] += 60.0
    with pytest.raises(Unavailable):
        keyring.case_vault(area_key, case_key, AREA, CASE)
    assert kms.healthy() is False


def test_only_ids_go_to_the_key_service_and_it_is_not_waited_for(kms):
    seen = []
    kms._kms.meta.events.register(
        "provide-client-params.kms.*", lambda params, **_: seen.append(params["EncryptionContext"])
    )
    ring(kms).new_area_key(AREA)
    assert seen == [{"hub": HUB, "area": AREA, "kind": "area-key", "version": "1"}]
    config = kms._kms.meta.config
    assert (config.connect_timeout, config.read_timeout) == (2, 5)


def test_every_error_is_of_one_tree():
    assert all(issubclass(error, StorageError) for error in (AlreadyExists, NotFound, Tampered, WrongKey))
