"""Through the door over HTTP: one answer for everything wrong, a code once, sessions that really end."""

import threading

import pyotp
import pytest
from argon2 import PasswordHasher, Type
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import select

from hub.access.permissions import Role
from hub.app import build_services
from hub.errors import Refused, Throttled
from hub.people.model import Account, SignedInSession
from tests.world import PASSWORD, TOTP_SECRET, csrf

WRONG = "These details are not right"


def code(world, shift=0):
    return pyotp.TOTP(TOTP_SECRET).at(int(world.clock.now.timestamp()) + 30 * shift)


def email(who):
    return f"{who}@fenmarch.example"


def sign_in(world, who="police", *, password=PASSWORD, typed=None, client=None, **environ):
    """Both steps; the answer to the second (or to the first, when that one was refused)."""
    client = client or world.client()
    address = {"REMOTE_ADDR": "192.0.2.50", **environ}
    first = world.post(
        client, "/sign-in", {"email": email(who), "password": password}, environ_overrides=address
    )
    if first.status_code != 303:
        return first
    assert first.location == "/sign-in/code"
    return world.post(client, "/sign-in/code", {"code": typed or code(world)}, environ_overrides=address)


def cookie_of(answer, name="hub_session"):
    found = [line for line in answer.headers.getlist("Set-Cookie") if line.startswith(name + "=")]
    return found[0] if found else None


def test_password_and_code_open_the_door_and_the_log_says_so(world):
    client = world.client()
    answer = sign_in(world, client=client)
    assert (answer.status_code, answer.location) == (303, "/")
    assert client.get("/").status_code == 200
    entry = world.events("session.signed_in")[-1]
    assert entry.actor_id == world.people["police"]
    assert b"192.0.2.50" not in entry.leaf.encode()
    flags = cookie_of(answer)
    assert "HttpOnly" in flags
    assert "SameSite=Lax" in flags
    assert "Path=/" in flags
    assert "Domain" not in flags
    assert "Expires" not in flags
    assert "Max-Age" not in flags


def comparable(answer):
    headers = {name: value for name, value in answer.headers if name not in ("Set-Cookie", "Date")}
    return (
        answer.status_code,
        headers,
        answer.data.replace(email("police").encode(), b"-").replace(email("nobody").encode(), b"-"),
    )


def test_unknown_account_wrong_password_and_wrong_code_get_one_answer_for_the_same_work(world, monkeypatch):
    hashed = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(PasswordHasher, "verify", lambda self, *args: hashed.append(1) or verify(self, *args))
    answers, work = [], []
    for who, password, typed in (
        ("nobody", PASSWORD, None),
        ("police", "wrong pass phrase", None),
        ("police", PASSWORD, "000000"),
        ("police", "wrong pass phrase", "000000"),
    ):
        hashed.clear()
        answers.append(comparable(sign_in(world, who, password=password, typed=typed)))
        work.append(len(hashed))
    assert answers[0][0] == 400
    assert WRONG.encode() in answers[0][2]
    assert all(answer == answers[0] for answer in answers)
    assert work == [1, 1, 1, 1]


def test_the_first_step_says_nothing_of_the_account(world):
    steps = [
        comparable(world.post(world.client(), "/sign-in", {"email": email(who), "password": password}))
        for who, password in (("nobody", PASSWORD), ("police", "wrong pass phrase"), ("police", PASSWORD))
    ]
    assert steps[0] == steps[1] == steps[2]


def test_a_failed_sign_in_is_in_the_log_without_what_was_typed(world):
    sign_in(world, password="wrong pass phrase")
    entry = world.events("session.sign_in_failed")[-1]
    assert entry.outcome == "failed"
    assert world.people["police"] in entry.leaf
    assert "wrong pass phrase" not in entry.leaf


@pytest.mark.parametrize(
    "typed", ["\uff11\uff12\uff13\uff14\uff15\uff16", "12345", "1234567", "abcdef", "é" * 6, "0" * 20]
)
def test_a_strange_code_is_a_wrong_code(world, typed):
    answer = sign_in(world, typed=typed)
    assert answer.status_code == 400
    assert WRONG.encode() in answer.data


def test_a_code_works_once(world):
    assert sign_in(world).status_code == 303
    assert sign_in(world).status_code == 400
    world.clock.forward(seconds=30)
    assert sign_in(world).status_code == 303


def test_an_older_code_is_refused_after_a_newer_one(world):
    assert sign_in(world, typed=code(world, +1)).status_code == 303
    assert sign_in(world, typed=code(world)).status_code == 400


def test_a_code_of_two_steps_ago_is_refused(world):
    assert sign_in(world, typed=code(world, -2)).status_code == 400
    assert sign_in(world, typed=code(world, +2)).status_code == 400
    assert sign_in(world, typed=code(world, -1)).status_code == 303


def test_of_two_sign_ins_at_once_with_one_code_exactly_one_gets_in(world):
    hub, typed = world.hub.people, code(world)
    steps = [
        hub.offer_password(email=email("police"), password=PASSWORD, address="192.0.2.9") for _ in range(6)
    ]
    gate, passed = threading.Barrier(len(steps)), []

    def enter(step):
        gate.wait()
        try:
            passed.append(
                hub.offer_code(token=step, email=email("police"), code=typed, address="192.0.2.9", device="")
            )
        except Refused:
            pass
        except Exception as error:  # noqa: BLE001 - told by the assertion below
            passed.append(error)

    threads = [threading.Thread(target=enter, args=(step,)) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(one) for one in passed] == [str]


def test_one_first_step_serves_one_second_step(world):
    client = world.client()
    world.post(client, "/sign-in", {"email": email("police"), "password": PASSWORD})
    kept = client.get_cookie("hub_form").value
    assert world.post(client, "/sign-in/code", {"code": "000000"}).status_code == 400
    client.set_cookie("hub_form", kept)
    assert world.post(client, "/sign-in/code", {"code": code(world)}).status_code == 400


def test_a_first_step_is_over_after_five_minutes_and_is_for_one_address(world):
    client = world.client()
    world.post(client, "/sign-in", {"email": email("police"), "password": PASSWORD})
    world.clock.forward(minutes=5, seconds=1)
    assert world.post(client, "/sign-in/code", {"code": code(world)}).status_code == 400
    token = world.hub.people.offer_password(email=email("police"), password=PASSWORD, address="192.0.2.9")
    with pytest.raises(Refused):
        world.hub.people.offer_code(
            token=token, email=email("probation"), code=code(world), address="192.0.2.9", device=""
        )


def test_guessing_is_slowed_for_the_guesser_and_not_for_the_owner_at_a_known_address(world):
    home = {"REMOTE_ADDR": "203.0.113.5"}
    assert sign_in(world, **home).status_code == 303
    for n in range(30):
        answer = sign_in(world, password="guess", REMOTE_ADDR=f"198.51.100.{n % 10}")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 900
    assert sign_in(world, password=PASSWORD, REMOTE_ADDR="198.51.100.200").status_code == 429
    world.clock.forward(seconds=60)
    assert sign_in(world, **home).status_code == 303


def test_five_failures_for_one_account_from_one_address_wait_longer_each_time(world):
    for _ in range(5):
        assert sign_in(world, password="guess").status_code == 400
    waits = []
    for _ in range(3):
        answer = sign_in(world, password="guess")
        assert answer.status_code == 429
        waits.append(int(answer.headers["Retry-After"]))
        world.clock.forward(seconds=waits[-1])
        assert sign_in(world, password="guess").status_code == 400
    assert waits == sorted(set(waits))
    assert sign_in(world, "probation").status_code == 303


def test_one_address_that_tries_many_accounts_is_slowed(world):
    statuses = {sign_in(world, f"nobody{n}").status_code for n in range(31)}
    assert statuses == {400, 429}
    assert sign_in(world, REMOTE_ADDR="192.0.2.51").status_code == 303


def test_parallel_failures_are_all_counted(world):
    from hub.people.model import Throttle

    hub = world.hub.people
    steps = [hub.offer_password(email=email("nobody"), password="x", address="192.0.2.9") for _ in range(4)]
    gate, faults = threading.Barrier(len(steps)), []

    def fail(step):
        gate.wait()
        try:
            hub.offer_code(token=step, email=email("nobody"), code="1", address="192.0.2.9", device="")
        except Refused:
            pass
        except Exception as error:  # noqa: BLE001 - told by the assertion below
            faults.append(error)

    threads = [threading.Thread(target=fail, args=(step,)) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    with world.hub.db.reading() as session:
        assert set(session.scalars(select(Throttle.failures))) == {4}


# --- sessions ------------------------------------------------------------------------------------


def test_an_idle_session_ends_and_the_end_is_logged_once(world):
    client = world.client("police")
    world.clock.forward(minutes=19, seconds=50)
    assert client.get("/").status_code == 200
    world.clock.forward(minutes=19, seconds=50)
    assert client.get("/").status_code == 200
    world.clock.forward(minutes=20)
    assert client.get("/").location == "/sign-in"
    assert client.get("/").location == "/sign-in"
    assert len(world.events("session.signed_out")) == 1


def test_no_session_outlives_the_absolute_limit_however_busy(world):
    client = world.client("police")
    for _ in range(39):
        world.clock.forward(minutes=15)
        assert client.get("/").status_code == 200
    world.clock.forward(minutes=15)
    assert client.get("/").location == "/sign-in"


def test_a_suspended_account_has_no_session_on_the_next_request_and_gets_none(world):
    client, admin = world.client("police"), world.client("administrator")
    assert client.get("/").status_code == 200
    assert world.post(admin, f"/accounts/{world.people['police']}/suspend").status_code == 303
    assert client.get("/").location == "/sign-in"
    assert sign_in(world).status_code == 400
    world.post(admin, f"/accounts/{world.people['police']}/restore")
    assert client.get("/").location == "/sign-in", "a restored account begins with no session"
    world.clock.forward(minutes=1)
    assert sign_in(world).status_code == 303


def test_nobody_suspends_themselves_nor_somebody_of_another_role_can(world):
    admin = world.client("administrator")
    assert world.post(admin, f"/accounts/{world.people['administrator']}/suspend").status_code == 403
    assert (
        world.post(world.client("coordinator"), f"/accounts/{world.people['police']}/suspend").status_code
        == 404
    )
    assert world.account("police").state == "active"


def test_signing_out_kills_the_cookie_itself(world):
    client = world.client("police")
    kept = client.get_cookie("hub_session").value
    answer = world.post(client, "/sign-out")
    assert answer.status_code == 303
    assert '"cache"' in answer.headers["Clear-Site-Data"]
    replayed = world.app.test_client()
    replayed.set_cookie("hub_session", kept)
    assert replayed.get("/").location == "/sign-in"


def test_one_ends_ones_own_other_session_and_nobody_elses(world):
    mine, theirs = world.actor("police"), world.actor("probation")
    with world.hub.db.work() as work:
        token, other = world.hub.sessions.start(
            work, work.session.get_one(Account, mine.account), address="192.0.2.8", device="Old phone"
        )
        work.commit()
    client = world.client("police")
    assert b"Old phone" in client.get("/sessions").data
    assert world.post(client, f"/sessions/{theirs.session}/end").status_code == 404
    assert world.client("probation").get("/").status_code == 200
    assert world.post(client, f"/sessions/{other}/end").status_code == 303
    phone = world.app.test_client()
    phone.set_cookie("hub_session", token)
    assert phone.get("/").location == "/sign-in"
    assert client.get("/").status_code == 200
    assert theirs.session.encode() not in client.get("/sessions").data


def test_no_token_is_kept_in_the_database(world):
    token = world.token("police")
    with world.hub.db.reading() as session:
        rows = session.scalars(select(SignedInSession)).all()
    assert token not in {value for row in rows for value in (row.id, row.device, row.address_hash)}


def forged(world, content):
    serializer = SecureCookieSessionInterface().get_signing_serializer(world.app)
    client = world.app.test_client()
    client.set_cookie("hub_form", serializer.dumps(content))
    return client


def test_flasks_own_cookies_sign_nobody_in(world):
    from flask_login import encode_cookie

    account = world.people["coordinator"]
    with world.app.app_context():
        remembered = encode_cookie(account)
    client = forged(world, {"_user_id": account, "_fresh": True, "_id": "x"})
    client.set_cookie("remember_token", remembered)
    for path in ("/", "/sessions", f"/cases/{world.case}"):
        for method in ("GET", "HEAD", "OPTIONS"):
            assert client.open(path, method=method).location == "/sign-in"


def test_a_remember_me_cookie_is_never_given(world):
    client = world.client()
    answer = sign_in(world, client=client)
    assert "remember" not in " ".join(answer.headers.getlist("Set-Cookie"))


@pytest.mark.parametrize("token", ["", "x", "é", "\x00", "0" * 64, "a" * 4000])
def test_a_strange_session_cookie_is_nobody(world, token):
    client = world.app.test_client()
    answer = client.get("/", headers={"Cookie": f"hub_session={token}".encode().decode("latin-1")})
    assert answer.location == "/sign-in"


HOSTILE = (
    "https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "\t//evil.example",
    "https:evil.example", "///evil.example", "/%2f/evil.example",
)  # fmt: skip


@pytest.mark.parametrize("target", HOSTILE)
def test_nothing_a_request_carries_leads_to_another_place_after_signing_in(world, target):
    client = world.client()
    headers = {"Referer": target, "X-Forwarded-Host": "evil.example", "X-Original-URL": target.strip()}
    client.get("/sessions", query_string={"next": target, "return_to": target}, headers=headers)
    client.get("/sign-in", query_string={"next": target}, headers=headers)
    answer = sign_in(world, client=client)
    assert answer.status_code == 303
    assert answer.location.startswith("/sessions?")
    assert world.client().get(target.strip(), headers=headers).location in (None, "/sign-in")


def test_a_hostile_host_is_in_no_redirect_and_production_refuses_it(world):
    for path in ("/", "/cases", "//cases", "/statement", "/accounts/"):
        location = world.client().get(path, headers={"Host": "evil.example"}).location
        assert location is None or location.startswith("/"), path


def test_where_they_were_going_is_kept_through_the_sign_in(world):
    client = world.client()
    client.get("/statement/versions?page=2")
    assert sign_in(world, client=client).location == "/statement/versions?page=2"


def test_an_endless_address_is_not_kept_in_the_cookie(world):
    client = world.client()
    client.get("/search/?q=" + "x" * 5000)
    assert sign_in(world, client=client).location == "/"


def test_signing_in_changes_the_form_token(world):
    client = world.client()
    before = csrf(client)
    assert sign_in(world, client=client).status_code == 303
    with client.session_transaction() as session:
        assert session["csrf_token"] != before
        assert "sign_in_step" not in session


# --- enrolment -------------------------------------------------------------------------------------


def invited(world, who="newcomer"):
    return world.hub.people.invite(
        world.actor("administrator"), email=email(who), name="New Comer-Fable", role=Role.PRACTITIONER,
        agency=world.agencies["police"],
    )  # fmt: skip


def enrol(world, token, *, password="a long pass phrase 99", shift=0, client=None):
    secret = world.hub.people.enrolment(token).secret
    typed = pyotp.TOTP(secret).at(int(world.clock.now.timestamp()) + 30 * shift)
    fields = {"password": password, "again": password, "code": typed}
    return world.post(client or world.client(), f"/enrol/{token}", fields)


def test_an_invitation_opens_an_account_once(world):
    token, client = invited(world), world.client()
    page = client.get(f"/enrol/{token}")
    assert page.status_code == 200
    assert b"<svg" in page.data
    assert enrol(world, token, client=client).status_code == 303
    assert client.get("/").location == "/statement/agree"
    assert world.client().get(f"/enrol/{token}").status_code == 403
    assert (
        world.post(
            world.client(), f"/enrol/{token}", {"password": "x" * 9, "again": "x" * 9, "code": "1"}
        ).status_code
        == 403
    )
    assert token not in str([vars(world.account(who)) for who in ("administrator",)])


def test_the_code_of_the_enrolment_is_used_up_with_it(world):
    token = invited(world)
    secret = world.hub.people.enrolment(token).secret
    assert enrol(world, token, shift=1).status_code == 303
    for shift in (0, 1):
        typed = pyotp.TOTP(secret).at(int(world.clock.now.timestamp()) + 30 * shift)
        assert sign_in(world, "newcomer", password="a long pass phrase 99", typed=typed).status_code == 400


def test_an_invitation_is_over_after_three_days(world):
    token = invited(world)
    world.clock.forward(days=3, seconds=1)
    assert world.client().get(f"/enrol/{token}").status_code == 403


def test_of_two_who_send_one_invitation_at_once_one_is_too_late(world):
    token = invited(world)
    typed = pyotp.TOTP(world.hub.people.enrolment(token).secret).at(int(world.clock.now.timestamp()))
    gate, ends = threading.Barrier(2), []

    def send(password):
        gate.wait()
        try:
            world.hub.people.enrol(token, password=password, code=typed, address="192.0.2.1", device="")
            ends.append("in")
        except Refused:
            ends.append("late")
        except Exception as error:  # noqa: BLE001 - told by the assertion below
            ends.append(error)

    threads = [threading.Thread(target=send, args=(f"a long pass phrase {n}",)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, ends)) == ["in", "late"]


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "x" * 201])
def test_a_weak_password_is_refused_and_the_invitation_still_works(world, password):
    token = invited(world)
    assert enrol(world, token, password=password).status_code == 400
    assert enrol(world, token).status_code == 303


def test_inviting_again_ends_sessions_and_the_old_factor(world):
    client = world.client("police")
    token = world.hub.people.invite_again(world.actor("administrator"), world.people["police"])
    assert client.get("/").location == "/sign-in"
    assert sign_in(world).status_code == 400
    assert enrol(world, token).status_code == 303


def test_an_invitation_of_another_area_or_of_nobody_is_nothing(world):
    admin = world.client("administrator")
    for path in ("invite", "suspend", "restore"):
        assert world.post(admin, f"/accounts/{'a' * 26}/{path}").status_code == 404
    assert world.client().get("/enrol/" + "x" * 43).status_code == 403


def test_one_address_has_only_so_many_passwords_checked(world, monkeypatch):
    monkeypatch.setattr("hub.people.signing_in.MOST_STEPS", 3)
    people = world.hub.people
    for number in range(3):
        people.offer_password(email=f"p{number}@fenmarch.example", password="guess", address="198.51.100.9")
    with pytest.raises(Throttled):
        people.offer_password(email="p4@fenmarch.example", password="guess", address="198.51.100.9")
    assert people.offer_password(email="p4@fenmarch.example", password="guess", address="198.51.100.10")


def test_a_password_costs_who_guesses_64_megabytes_and_three_rounds_each(world):
    """Of the hub's own making: the worlds of the tests hash more quickly."""
    hasher = build_services(world.config).people._hasher
    assert hasher.type is Type.ID
    assert hasher.memory_cost >= 64 * 1024
    assert hasher.time_cost >= 3
