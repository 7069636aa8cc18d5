"""A key service that fails. moto is lenient (disabled keys decrypt), so failures are put in by botocore's hooks."""

import contextlib
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from moto import mock_aws

from storage.breaker import Breaker
from storage.errors import Unavailable, WrongKey
from storage.keys import Keyring, key_provider_from_url
from storage.kms import KmsProvider
from storage.names import new_id
from storage.receipts import ReceiptBook
from storage.stores import MemoryStore
from tests.realstore.server import REGION

CONTEXT = {"hub": new_id(), "area": new_id(), "kind": "area-key", "version": "1"}
CALLS = {
    "GenerateDataKey": lambda kms, wrapped: kms.generate(CONTEXT),
    "Encrypt": lambda kms, wrapped: kms.wrap(bytes(32), CONTEXT),
    "Decrypt": lambda kms, wrapped: kms.unwrap(wrapped, CONTEXT),
}


@pytest.fixture(scope="module")
def service():
    with pytest.MonkeyPatch.context() as patched, mock_aws():
        patched.setenv("AWS_DEFAULT_REGION", REGION)
        key_id = boto3.client("kms").create_key()["KeyMetadata"]["KeyId"]
        boto3.client("kms").create_alias(AliasName="alias/hub", TargetKeyId=key_id)
        yield key_provider_from_url("aws-kms:alias/hub", None)


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def kms(service, now):
    return KmsProvider(service._kms, "alias/hub", Breaker(clock=lambda: now[0]))


def saying(status, code):
    parsed = {"Error": {"Code": code, "Message": "injected"}, "ResponseMetadata": {}}
    return lambda **_: (SimpleNamespace(status_code=status), parsed)


def raising(error):
    def handler(**_):
        raise error

    return handler


DOWN = raising(ReadTimeoutError(endpoint_url="injected"))


@contextlib.contextmanager
def hooked(kms, mark, handler):
    events = kms._kms.meta.events
    events.register_first(mark, handler)
    try:
        yield
    finally:
        events.unregister(mark, handler)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (saying(400, "DisabledException"), WrongKey),
        (saying(400, "KMSInvalidStateException"), WrongKey),
        (saying(400, "InvalidCiphertextException"), WrongKey),
        (saying(400, "ThrottlingException"), Unavailable),
        (saying(500, "KMSInternalException"), Unavailable),
        (saying(503, "DependencyTimeoutException"), Unavailable),
        (saying(400, "AccessDeniedException"), Unavailable),
        (raising(ConnectTimeoutError(endpoint_url="injected")), Unavailable),
        (raising(EndpointConnectionError(endpoint_url="injected")), Unavailable),
        (DOWN, Unavailable),
    ],
)
@pytest.mark.parametrize("call", CALLS)
def test_each_failure_of_each_call_is_one_clear_error(kms, call, fault, error):
    key, wrapped = kms.generate(CONTEXT)
    with hooked(kms, f"before-call.kms.{call}", fault), pytest.raises(error):
        CALLS[call](kms, wrapped)
    assert kms.unwrap(wrapped, CONTEXT) == key


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
@pytest.mark.parametrize("call", ["GenerateDataKey", "Decrypt"])
def test_a_key_of_another_length_is_no_key(kms, call, length):
    _, wrapped = kms.generate(CONTEXT)

    def other(parsed, **_):
        parsed["Plaintext"] = bytes(length)

    with hooked(kms, f"after-call.kms.{call}", other), pytest.raises(WrongKey):
        CALLS[call](kms, wrapped)


@pytest.mark.parametrize(
    "change", [{"area": "x"}, {"hub": "x"}, {"version": "2"}, {"kind": "x"}, {"more": "x"}]
)
def test_another_context_does_not_open(kms, change):
    _, wrapped = kms.generate(CONTEXT)
    with pytest.raises(WrongKey):
        kms.unwrap(wrapped, {**CONTEXT, **change})


@pytest.mark.parametrize("fault", [DOWN, saying(400, "DisabledException")], ids=["down", "disabled"])
def test_within_60_seconds_of_its_failing_no_area_opens(kms, now, fault):
    """Whatever was opened last, and however often it is used meanwhile."""
    receipts, area, case = ReceiptBook(), new_id(), new_id()
    clock = lambda: now[0]  # noqa: E731
    keyring = Keyring(kms, hub=new_id(), store=MemoryStore(), receipts=receipts, clock=clock)
    area_key = keyring.new_area_key(area)
    case_key = keyring.new_case_key(area_key, area, case)
    asks = [
        lambda: keyring.case_vault(area_key, case_key, area, case),
        lambda: keyring.new_case_key(area_key, area, case),
        lambda: keyring.purpose_key(area_key, area, "log"),
    ]
    with hooked(kms, "before-call.kms.*", fault):
        for second in range(60):
            now[0] = float(second)
            for ask in asks:
                ask()
        now[0] = 60.0
        for ask in asks:
            with pytest.raises((Unavailable, WrongKey)):
                ask()
        assert kms.healthy() is False
    now[0] = 75.0
    assert kms.healthy() is True
    for ask in asks:
        ask()


def test_a_service_that_is_down_is_not_asked_again_at_once(kms, now):
    key, wrapped = kms.generate(CONTEXT)
    asked = []

    def down(**_):
        asked.append(1)
        raise ReadTimeoutError(endpoint_url="injected")

    with hooked(kms, "before-call.kms.Decrypt", down):
        for _ in range(20):
            with pytest.raises(Unavailable):
                kms.unwrap(wrapped, CONTEXT)
    assert len(asked) == 3
    assert kms.healthy() is False
    now[0] = 10.0
    assert kms.unwrap(wrapped, CONTEXT) == key


def test_only_ids_go_to_the_service(kms):
    seen = []
    keyring = Keyring(kms, hub=CONTEXT["hub"], store=MemoryStore(), receipts=ReceiptBook())
    with hooked(kms, "provide-client-params.kms.*", lambda params, **_: seen.append(params)):
        wrapped = keyring.new_area_key(CONTEXT["area"])
        keyring.rewrap_area_key(wrapped, CONTEXT["area"])
    assert len(seen) == 3
    assert all(params["EncryptionContext"] == CONTEXT for params in seen)
