"""The door: open, signed in, agreed, permitted, with a right token; nothing else gets further."""


def test_nobody_gets_past_the_door_without_signing_in(world):
    answer = world.client().get("/statement/")
    assert answer.status_code == 303
    assert answer.location == "/sign-in"


def test_a_signed_in_person_reads_the_statement(world):
    answer = world.client("police").get("/statement/")
    assert answer.status_code == 200
    assert b"You have agreed both parts" in answer.data


def test_every_answer_carries_the_strict_headers(world):
    for path in ("/sign-in", "/no-such-page", "/", "/healthz"):
        headers = world.client().get(path).headers
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


def test_search_finds_nothing_and_is_logged_for_somebody_with_no_documents(world):
    answer = world.post(world.client("police"), "/search/", {"q": "harm"}, follow_redirects=True)
    assert answer.status_code == 200
    assert [entry.event for entry in world.events()][-1] == "search.run"


def test_a_role_without_the_permission_is_told_that_there_is_nothing_and_it_is_logged(world):
    answer = world.client("police").get("/accounts")
    assert answer.status_code == 404
    refused = world.events("access.refused")
    assert len(refused) == 1
    assert refused[0].actor_id == world.people["police"]
