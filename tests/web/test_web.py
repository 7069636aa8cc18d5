"""What holds for every page: tokens, headers, errors through real conditions, the spool, assets, addresses, settings."""

import io
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from config import Config, ConfigError, production_faults
from hub.app import create_app
from hub.errors import Closed, Conflict, HubError, Invalid, LogUnwritable, NotHere, Refused, Throttled
from hub.web.address import client_address
from hub.web.errors import STATUS
from hub.web.spool import IN_MEMORY, Spool, request_class
from storage.errors import Unavailable
from tests.world import SECRET, csrf

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


# --- the form's token -----------------------------------------------------------------------------


def test_a_change_needs_the_right_token_from_our_own_page(world):
    client = world.client("coordinator")
    path, fields = "/statement/edit", {"confidentiality": "a", "equality": "b", "seen": "0"}
    right = csrf(client)
    for data, headers in (
        (fields, {}),
        (fields | {"csrf_token": "wrong"}, {}),
        (fields | {"csrf_token": "é\x00"}, {}),
        (fields | {"csrf_token": right}, {"Sec-Fetch-Site": "cross-site"}),
        (fields | {"csrf_token": right}, {"X-CSRF-Token": "wrong"}),
    ):
        client.post(path, data=data, headers=headers)
        assert world.events("statement.drafted") == []
    assert client.post(path, data=fields, headers={"X-CSRF-Token": right}).status_code == 303
    assert len(world.events("statement.drafted")) == 1


def test_signing_in_needs_a_token_too(world):
    client = world.client()
    answer = client.post("/sign-in", data={"email": "police@fenmarch.example", "password": "x"})
    assert answer.status_code == 400


def test_a_token_of_another_browser_is_worth_nothing(world):
    other, client = world.client(), world.client("coordinator")
    other.get("/sign-in")
    with other.session_transaction() as session:
        token = session["csrf_token"]
    client.post(
        "/statement/edit", data={"csrf_token": token, "confidentiality": "a", "equality": "b", "seen": "0"}
    )
    assert world.events("statement.drafted") == []


# --- errors through real conditions -----------------------------------------------------------------


def test_every_error_is_a_page_with_strict_headers(world, monkeypatch):
    coordinator = world.client("coordinator")
    conditions = {
        400: lambda: world.client().post("/sign-in"),
        403: lambda: world.client().get("/enrol/" + "x" * 40),
        404: lambda: coordinator.get("/cases/" + "a" * 26),
        405: lambda: coordinator.delete("/cases/"),
        409: lambda: world.post(
            coordinator, "/statement/publish", {"reason": "Some reason here.", "seen": "9"}
        ),
        413: lambda: world.client().post(
            "/sign-in", data=b"x" * 70_000, content_type="application/x-www-form-urlencoded"
        ),
    }
    draft = {"confidentiality": "a", "equality": "b", "seen": "0"}
    assert world.post(coordinator, "/statement/edit", draft).status_code == 303
    for status, meet in conditions.items():
        answer = meet()
        assert answer.status_code == status
        assert b"govuk-heading" in answer.data
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert answer.headers["Cache-Control"] == "no-store"
        assert "unsafe" not in answer.headers["Content-Security-Policy"]

    def fail(_self, _actor, *_rest, **_more):
        raise failure

    failures = ((ZeroDivisionError("inner words"), 500), (Unavailable("inner words"), 503))
    for failure, status in failures:  # noqa: B007 - `fail` raises it
        monkeypatch.setattr(type(world.hub.statement), "versions", fail)
        answer = coordinator.get("/statement/versions")
        assert answer.status_code == status
        assert (b"inner words" in answer.data) == (status == 503), "storage's errors are sentences for people"
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_a_script_is_told_in_json(world):
    answer = world.client("police").get("/accounts", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json) == (404, {"error": "There is nothing here for you."})


def test_every_error_of_ours_has_a_status():
    made = [
        NotHere(permission="p", why="w"), Refused("s"), Closed("s"), Invalid("f", "s"), Conflict("s"), Throttled(61),
        LogUnwritable(),
    ]  # fmt: skip

    def below(kind):
        return {kind}.union(*(below(child) for child in kind.__subclasses__())) if kind else set()

    assert below(HubError) - {HubError} >= {type(one) for one in made}
    for kind in below(HubError) - {HubError}:
        assert any(parent in STATUS for parent in kind.__mro__), kind
    assert all(one.sentence.endswith(".") or one.sentence == "s" for one in made)
    assert "2 minutes" in Throttled(61).sentence


# --- the spool ----------------------------------------------------------------------------------------


def test_a_request_closes_the_spools_of_a_body_that_was_refused_half_way(tmp_path):
    request = request_class(tmp_path)({"wsgi.input": io.BytesIO(), "REQUEST_METHOD": "POST"})
    spool = request._get_file_stream(None, None)
    spool.write(bytes(3 * IN_MEMORY))
    file = spool._file
    request.close()
    assert spool.closed
    assert file.closed


def test_a_large_part_is_never_readable_on_disk_and_leaves_nothing(tmp_path):
    spool, data = Spool(tmp_path), b"Quetzalcanary " * 230_000
    assert len(data) > 3 * IN_MEMORY
    for start in range(0, len(data), 65536):
        spool.write(data[start : start + 65536])
    held = Path(f"/proc/self/fd/{spool._file.fileno()}").read_bytes()
    assert len(held) > 2 * IN_MEMORY
    assert b"Quetzalcanary" not in held
    spool.seek(0)
    assert spool.read() == data
    spool.seek(1_400_000)
    assert spool.read(14) == data[1_400_000:1_400_014]
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_an_upload_over_http_leaves_no_word_under_the_home(world):
    data = {"csrf_token": "x", "file": (io.BytesIO(b"Quetzalcanary " * 230_000), "Quetzalcanary.txt")}
    client = world.client("police")
    answer = client.post(
        f"/cases/{world.case}/documents/files", data=data, content_type="multipart/form-data"
    )
    assert answer.status_code < 500
    assert not any(
        b"Quetzalcanary" in path.read_bytes() for path in world.config.home.rglob("*") if path.is_file()
    )
    assert list((world.config.home / "spool").iterdir()) == []


def test_nobody_unknown_sends_more_than_a_form(world):
    for path in ("/sign-in", "/sign-in/code", "/enrol/x"):
        data = {"csrf_token": "x", "file": (io.BytesIO(b"x" * 100_000), "x.txt")}
        answer = world.client().post(path, data=data, content_type="multipart/form-data")
        assert answer.status_code == 413, path


# --- assets -------------------------------------------------------------------------------------------


def test_assets_have_their_types_and_are_kept_only_under_their_own_version(world):
    from hub.web.views import asset_version

    client = world.client()
    for name, kind in (("hub.css", "text/css"), ("init.js", "text/javascript"), ("hub.svg", "image/svg+xml")):
        with world.app.app_context():
            version = asset_version(name)
        fresh = client.get(f"/assets/{name}?v={version}", buffered=True)
        assert fresh.mimetype in (kind, "application/javascript")
        assert fresh.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert fresh.headers["X-Content-Type-Options"] == "nosniff"
        assert client.get(f"/assets/{name}?v=old", buffered=True).headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "name", ["..", "../views.py", "..%2fviews.py", "%2e%2e%2fviews.py", "%00", "no.css", "é", "x" * 999]
)
def test_nothing_but_assets_is_served(world, name):
    answer = world.client().get(f"/assets/{name}")
    assert answer.status_code in (404, 308)
    assert b"import" not in answer.data


# --- addresses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "not an address", ""),
        ("10.0.0.1", "", "10.0.0.1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_a_forwarded_address_is_believed_only_from_a_trusted_proxy(peer, forwarded, address):
    environ = EnvironBuilder(headers={"X-Forwarded-For": forwarded}).get_environ() | {"REMOTE_ADDR": peer}
    assert client_address(Request(environ), (ip_network("10.0.0.0/8"),)) == address


# --- settings -----------------------------------------------------------------------------------------


def settings(tmp_path, **more):
    return Config.from_env({"HUB_HOME": str(tmp_path / "home"), "HUB_SECRET": SECRET} | more)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HUB_ENV", "prod"), ("HUB_ENV", "PRODUCTION"), ("HUB_MAX_UPLOAD", "0"), ("HUB_MAX_UPLOAD", "-1"),
        ("HUB_MAX_UPLOAD", "1.5"), ("HUB_MAX_UPLOAD", "\u0661"), ("HUB_MAX_UPLOAD", "9" * 5000), ("HUB_IDLE_MINUTES", "x"),
        ("HUB_IDLE_MINUTES", "999999"), ("HUB_SESSION_HOURS", "0"), ("HUB_TRUSTED_PROXIES", "proxy.example"),
        ("HUB_TRUSTED_PROXIES", "10.0.0.1/8"), ("HUB_SECRET", "short"), ("HUB_SECRET", "a" * 64), ("HUB_SECRET", "ab" * 32),
        ("HUB_PUBLIC_URL", "hub.example"), ("HUB_PUBLIC_URL", "javascript:alert(1)"), ("HUB_PUBLIC_URL", "https://a/b"),
        ("HUB_HOME", "/dev/null/home"),
    ],
)  # fmt: skip
def test_a_bad_setting_is_named(tmp_path, name, value):
    with pytest.raises(ConfigError, match=name):
        settings(tmp_path, **{name: value})


def test_without_settings_the_hub_is_small_and_closed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Config.from_env({"HUB_HOME": ""})
    assert made.home == tmp_path / "var"
    assert made.home.stat().st_mode & 0o777 == 0o700
    assert (made.home / "secret").stat().st_mode & 0o777 == 0o600
    assert (made.secret_generated, made.production, made.trusted_proxies) == (True, False, ())
    assert made.idle_limit == timedelta(minutes=20)
    assert Config.from_env({}).secret == made.secret
    assert [path.name for path in made.home.iterdir()] == ["secret"]


def test_a_secret_file_that_was_emptied_is_refused(tmp_path):
    (tmp_path / "secret").write_text("")
    with pytest.raises(ConfigError, match="weak"):
        Config.from_env({"HUB_HOME": str(tmp_path)})


def test_production_names_each_thing_that_is_missing(tmp_path):
    bare = Config.from_env({"HUB_HOME": str(tmp_path), "HUB_ENV": "production"})
    assert [fault.split(" ")[0] for fault in production_faults(bare)] == [
        "HUB_SECRET", "HUB_PUBLIC_URL", "HUB_TRUSTED_PROXIES",
    ]  # fmt: skip
    assert not (tmp_path / "secret").exists(), "production never makes a secret of its own"
    http = settings(tmp_path, HUB_ENV="production", HUB_PUBLIC_URL="http://hub.example")
    assert any("https" in fault for fault in production_faults(http))


def test_production_refuses_a_process_that_a_test_may_stop(tmp_path):
    armed = settings(
        tmp_path, HUB_ENV="production", HUB_PUBLIC_URL="https://hub.example", HUB_TRUSTED_PROXIES="10.0.0.0/8",
        HUB_FAILPOINT="committed",
    )  # fmt: skip
    (fault,) = production_faults(armed)
    assert fault.startswith("HUB_FAILPOINT")


def production(tmp_path):
    return settings(
        tmp_path, HUB_ENV="production", HUB_PUBLIC_URL="https://hub.example", HUB_TRUSTED_PROXIES="10.0.0.0/8"
    )


def test_production_binds_its_cookies_to_host_and_tls(tmp_path):
    config = production(tmp_path)
    assert production_faults(config) == []
    app = create_app(config)
    answer = app.test_client().get("/sign-in", base_url="https://hub.example")
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-hub_form=")
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
    assert "Domain" not in cookie
    assert "max-age=63072000" in answer.headers["Strict-Transport-Security"]
    app.extensions["hub"].db.engine.dispose()


def test_production_answers_no_foreign_host(tmp_path):
    app = create_app(production(tmp_path))
    for host in ("evil.example", "hub.example.evil.example", ""):
        answer = app.test_client().get("/sign-in", base_url="https://hub.example", headers={"Host": host})
        assert answer.status_code == 400
        assert "evil" not in answer.get_data(as_text=True)
    assert app.test_client().get("/healthz", base_url="http://127.0.0.1:8080").status_code == 200
    app.extensions["hub"].db.engine.dispose()
