"""What S3 services do when they fail, on moto with failures put in by botocore's hooks, and on a real server where it can."""

import contextlib
import io
import socket
import threading
from types import SimpleNamespace

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from botocore.response import StreamingBody

from storage import aws
from storage.breaker import Breaker
from storage.errors import NotFound, Tampered, Unavailable
from storage.keys import Keyring, LocalKeyFile
from storage.names import new_id
from storage.receipts import ReceiptBook
from storage.sealed import SEGMENT
from storage.stores.s3 import PART, WINDOW, S3Ranges, S3Store, s3_store_from_url
from tests.realstore.server import BUCKET, REGION

BIG = bytes(range(256)) * (2 * PART // 256) + bytes(12_345)
SMALL = b"sealed bytes"
PARTS = bytes(PART + 77)


@pytest.fixture(params=["s3", "swift"])
def either(request):
    return request.getfixturevalue(request.param)


def a_name():
    return f"{new_id()}/{new_id()}/{new_id()}.1"


def kept(store, data=SMALL, name=None):
    name = name or a_name()
    writer = store.create(name)
    writer.write(data)
    writer.commit()
    return name


def whole(store, name):
    with contextlib.closing(store.open(name)) as stored:
        return stored.read()


@contextlib.contextmanager
def hooked(store, mark, handler):
    events = store._s3.meta.events
    events.register_first(mark, handler)
    try:
        yield
    finally:
        events.unregister(mark, handler)


def saying(status, code):
    parsed = {"Error": {"Code": code, "Message": "injected"}, "ResponseMetadata": {}}
    return lambda **_: (SimpleNamespace(status_code=status), parsed)


def raising(error):
    def handler(**_):
        raise error

    return handler


FAULTS = {
    "500": saying(500, "InternalError"),
    "503": saying(503, "ServiceUnavailable"),
    "slow down": saying(503, "SlowDown"),
    "403": saying(403, "AccessDenied"),
    "connect timeout": raising(ConnectTimeoutError(endpoint_url="injected")),
    "read timeout": raising(ReadTimeoutError(endpoint_url="injected")),
    "no route": raising(EndpointConnectionError(endpoint_url="injected")),
}
STEPS = {
    "ListObjectsV2": lambda store, name: kept(store),
    "PutObject": lambda store, name: kept(store),
    "CreateMultipartUpload": lambda store, name: kept(store, PARTS),
    "UploadPart": lambda store, name: kept(store, PARTS),
    "CompleteMultipartUpload": lambda store, name: kept(store, PARTS),
    "HeadObject": lambda store, name: store.open(name),
    "GetObject": whole,
    "DeleteObject": lambda store, name: store.delete(name),
    "ListMultipartUploads": lambda store, name: store.sweep(-60),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize("step", STEPS)
def test_each_failure_at_each_step_is_one_clear_error_and_leaves_nothing(s3, step, fault):
    name = kept(s3)
    with hooked(s3, f"before-call.s3.{step}", fault), pytest.raises(Unavailable):
        STEPS[step](s3, name)
    assert list(s3.names()) == [name]
    assert s3.sweep(-60) == 0
    assert whole(s3, name) == SMALL
    again = PARTS if "Part" in step or "Multipart" in step else SMALL
    assert whole(s3, kept(s3, again)) == again
    s3.delete(name)


def test_listing_that_fails_in_the_middle_does_not_pass_for_the_end(s3):
    for _ in range(3):
        kept(s3)
    calls, real = [], s3._s3.list_objects_v2
    assert real

    def small_pages(params, **_):
        params["MaxKeys"] = 1
        calls.append(params)

    def second_fails(**_):
        return FAULTS["500"]() if len(calls) > 1 else None

    with hooked(s3, "provide-client-params.s3.ListObjectsV2", small_pages):
        assert len(list(s3.names())) == 3
        calls.clear()
        with hooked(s3, "before-call.s3.ListObjectsV2", second_fails), pytest.raises(Unavailable):
            list(s3.names())


def test_large_objects_are_sent_in_checked_parts_and_never_over_another(s3):
    seen = []
    with hooked(
        s3, "provide-client-params.s3.*", lambda params, model, **_: seen.append((model.name, params))
    ):
        kept(s3, BIG)
        sent = dict(seen)
        kept(s3)
    assert sent["CompleteMultipartUpload"]["IfNoneMatch"] == "*"
    assert all("ChecksumSHA256" in params for name, params in seen if name == "UploadPart")
    assert [p["Body"].getbuffer().nbytes for name, p in seen if name == "UploadPart"] == [PART, PART, 12_345]
    assert seen[-1][0] == "PutObject"
    assert {"IfNoneMatch", "ChecksumSHA256"} <= seen[-1][1].keys()


def test_what_arrives_changed_at_a_real_server_is_not_kept(swift):
    """The checksum is made here, of what was sealed, and compared there."""

    def falsified(params, **_):
        params["Body"] = b"X" + params["Body"][1:]

    with hooked(swift, "provide-client-params.s3.PutObject", falsified), pytest.raises(Unavailable):
        kept(swift)
    with hooked(swift, "provide-client-params.s3.UploadPart", falsified), pytest.raises(Unavailable):
        kept(swift, BIG)
    assert list(swift.names()) == []


# Reading: an answer is the range and the object that were asked for, or an error.


def answers(change):
    """A handler that changes what GetObject answered: its parsed form with the body in full."""

    def handler(parsed, **_):
        said = parsed["Body"].read()
        body = change(parsed, said)
        parsed["Body"] = StreamingBody(io.BytesIO(body), len(said))

    return handler


def swapped(parsed, said):
    parsed["ETag"] = '"ffffffffffffffffffffffffffffffff"'
    return bytes(len(said))


def elsewhere(parsed, said):
    parsed["ContentRange"] = "bytes 3-9/700"
    return said


def everything(parsed, said):
    del parsed["ContentRange"]
    parsed["ContentLength"] = len(said) + 9
    return said + bytes(9)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda parsed, said: said[:-1], Unavailable),
        (lambda parsed, said: b"", Unavailable),
        (swapped, Tampered),
        (elsewhere, Unavailable),
        (everything, Unavailable),
    ],
    ids=["truncated", "empty", "swapped", "another range", "longer"],
)
@pytest.mark.parametrize("data", [SMALL, BIG], ids=["small", "large"])
def test_an_answer_that_is_not_what_was_asked_is_refused(s3, change, error, data):
    name = kept(s3, data)
    with contextlib.closing(s3.open(name)) as stored:
        with hooked(s3, "after-call.s3.GetObject", answers(change)), pytest.raises(error):
            stored.readinto(memoryview(bytearray(5)))
        assert stored.read() == data


def test_swapped_and_older_bytes_that_the_service_passes_off_are_refused_by_the_vault(s3, tmp_path):
    """The service lies in everything, headers too: the ciphertext gives it away."""
    receipts, area, case = ReceiptBook(), new_id(), new_id()
    provider = LocalKeyFile.create(tmp_path / "root.json")
    keyring = Keyring(provider, hub=new_id(), store=s3, receipts=receipts)
    area_key = keyring.new_area_key(area)
    vault = keyring.case_vault(area_key, keyring.new_case_key(area_key, area, case), area, case)
    one = vault.put("document", [b"first" * 400_000])
    other = vault.put("document", [b"other" * 400_000])
    older = vault.put("document", [b"older" * 400_000], object_id=one.object_id, version=2)
    receipt = receipts.mint(
        entry=1, area=area, case=case, objects=frozenset([one.object_id]), purpose="person"
    )
    raw = {record.name: whole(s3, record.name) for record in (other, older)}
    for donor in (other, older):

        def lie(parsed, donor=donor, **_):
            start, stop = parsed["ContentRange"].removeprefix("bytes ").split("/")[0].split("-")
            body = raw[donor.name][int(start) : int(stop) + 1]
            parsed["Body"].close()
            parsed["Body"] = StreamingBody(io.BytesIO(body), len(body))

        with hooked(s3, "after-call.s3.GetObject", lie), pytest.raises(Tampered):
            vault.open(one, receipt)
    with vault.open(one, receipt) as reader:
        assert reader.read() == b"first" * 400_000


def test_an_object_that_was_exchanged_after_opening_is_refused(either):
    name = kept(either, BIG)
    with contextlib.closing(either.open(name)) as stored:
        either._s3.put_object(**either._target(name), Body=bytes(len(BIG)))
        with pytest.raises(Tampered):
            stored.readinto(bytearray(10))


def test_an_object_that_went_after_opening_is_gone(either):
    name = kept(either)
    with contextlib.closing(either.open(name)) as stored:
        either.delete(name)
        with pytest.raises(NotFound):
            stored.readinto(bytearray(10))


def test_reading_on_is_few_requests_and_any_order_is_right(either):
    name = kept(either, BIG)
    asked = []
    with contextlib.closing(either.open(name)) as stored:
        with hooked(
            either, "provide-client-params.s3.GetObject", lambda params, **_: asked.append(params["Range"])
        ):
            got, piece = bytearray(), bytearray(SEGMENT)
            while count := stored.readinto(piece):
                got += piece[:count]
        assert bytes(got) == BIG
        assert len(asked) == 2 + (len(BIG) - SEGMENT - 1) // WINDOW
        for at in (5, 0, SEGMENT, PART + 3, PART + 3 + 2 * SEGMENT, 1):
            stored.seek(at)
            for start in (at, at + SEGMENT):
                count = stored.readinto(piece)
                assert bytes(piece[:count]) == BIG[start : start + SEGMENT]


def test_an_answer_cut_off_while_nobody_read_is_asked_again(s3):
    name = kept(s3, BIG)
    with contextlib.closing(s3.open(name)) as stored:
        piece = bytearray(SEGMENT)
        stored.readinto(piece)
        stored.readinto(piece)
        assert stored._ranges._body is not None
        stored._ranges._body._raw_stream = io.BytesIO(b"cut")
        stored.readinto(piece)
        assert bytes(piece) == BIG[2 * SEGMENT : 3 * SEGMENT]


def test_a_service_that_sends_too_slowly_is_not_waited_for(s3):
    name, now = kept(s3, BIG), [0.0]

    def clock():
        now[0] += 20
        return now[0]

    ranges = S3Ranges(s3._s3, s3._target(name), s3._head(name)["ETag"], Breaker(), clock)
    with pytest.raises(Unavailable, match="too slowly"):
        ranges.fill(memoryview(bytearray(SEGMENT)), 0, SEGMENT)
    ranges.close()


# Listing, sweeping, removing.


def test_more_names_than_a_page_holds_are_all_listed(swift):
    """S3 gives 1,000 in a page; the real server is set to give 20."""
    names = {a_name() for _ in range(45)}
    for name in names:
        swift._s3.put_object(**swift._target(name), Body=b"")
    assert set(swift.names()) == names


def test_more_left_uploads_than_a_page_holds_are_all_swept(swift):
    for _ in range(25):
        swift._s3.create_multipart_upload(**swift._target(a_name()))
    assert swift.sweep(3600) == 0
    assert swift.sweep(-60) == 25
    assert swift.sweep(-60) == 0


def test_a_sweep_leaves_other_prefixes_alone(either):
    other = S3Store(either._s3, BUCKET, new_id())
    other.create(a_name()).write(BIG)
    kept(other)
    assert either.sweep(-60) == 0
    assert list(either.names()) == []
    assert other.sweep(-60) == 1


@pytest.fixture
def versioned(either):
    bucket = "versions-" + new_id()
    either._s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    either._s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return S3Store(either._s3, bucket)


def versions(store):
    listed = store._s3.list_object_versions(Bucket=store._bucket)
    return listed.get("Versions", []) + listed.get("DeleteMarkers", [])


def test_in_a_bucket_that_keeps_versions_all_of_them_go(versioned):
    name, beside = a_name(), a_name()
    for body in (b"older", b"newer"):
        versioned._s3.put_object(**versioned._target(name), Body=body)
    neighbour = kept(versioned, name=beside.removesuffix(".1") + ".1")
    versioned.delete(name)
    assert {item["Key"] for item in versions(versioned)} == {neighbour}
    with pytest.raises(NotFound):
        versioned.delete(name)


def test_versions_that_may_not_be_removed_are_said_to_be_there(versioned):
    name = kept(versioned)
    with (
        hooked(versioned, "before-call.s3.ListObjectVersions", FAULTS["403"]),
        pytest.raises(Unavailable, match="older versions"),
    ):
        versioned.delete(name)
    assert versions(versioned) != []
    versioned.delete(name)
    assert versions(versioned) == []


def test_a_missing_bucket_is_not_taken_for_missing_objects(either):
    nowhere = S3Store(either._s3, "nowhere-at-all")
    assert nowhere.healthy() is False
    for asked in (nowhere.open, nowhere.size, nowhere.delete, nowhere.create):
        with pytest.raises(Unavailable):
            asked(a_name())
    with pytest.raises(Unavailable):
        list(nowhere.names())


# Waiting: bounded for one call, and none once it is known that nobody answers.


def test_its_client_gives_up_soon(s3):
    config = s3._s3.meta.config
    assert (config.connect_timeout, config.read_timeout) == (2, 5)
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}


def test_a_busy_service_is_asked_three_times(s3, monkeypatch):
    monkeypatch.setattr("botocore.retries.standard.time.sleep", lambda _seconds: None)
    name, sent = kept(s3), []

    def busy(request, **_):
        sent.append(request.url)
        return AWSResponse(request.url, 503, {}, SimpleNamespace(stream=lambda: iter([b""])))

    with hooked(s3, "before-send.s3.HeadObject", busy), pytest.raises(Unavailable):
        s3.size(name)
    assert len(sent) == 3
    assert s3.size(name) == len(SMALL)


@pytest.fixture
def silent(monkeypatch):
    """A service that takes connections and never says a word; gives its address and how many it took."""
    taken, listener = [], socket.create_server(("127.0.0.1", 0))

    def take():
        with contextlib.suppress(OSError):
            while True:
                taken.append(listener.accept()[0])

    thread = threading.Thread(target=take)
    thread.start()
    monkeypatch.setattr(aws, "READ_SECONDS", 0.05)
    monkeypatch.setattr("botocore.retries.standard.time.sleep", lambda _seconds: None)
    for name, value in {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{listener.getsockname()[1]}",
        "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": REGION,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    yield taken
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
    for connection in taken:
        connection.close()


def test_a_silent_service_is_left_after_three_tries_and_after_three_calls_not_asked_at_all(silent):
    store = s3_store_from_url(f"s3://{BUCKET}/first")
    try:
        for call in range(1, 4):
            with pytest.raises(Unavailable):
                store.size(a_name())
            assert len(silent) == 3 * call
        for asked in (store.size, store.open, store.create, store.delete):
            with pytest.raises(Unavailable, match="for a moment"):
                asked(a_name())
        assert store.healthy() is False
        assert len(silent) == 9
    finally:
        store._s3.close()


def test_the_store_works_again_when_the_service_does(s3):
    now = [0.0]
    store = S3Store(s3._s3, BUCKET, new_id(), Breaker(clock=lambda: now[0]))
    name = kept(store)
    with hooked(store, "before-call.s3.*", FAULTS["read timeout"]):
        for _ in range(3):
            with pytest.raises(Unavailable):
                store.size(name)
    assert store.healthy() is False
    now[0] = 10
    assert store.healthy() is True
    assert whole(store, name) == SMALL
