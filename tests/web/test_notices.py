"""After a change the next page says once that it was made, and the cookie carries no word of it."""

from hub.web.notices import Done

BANNER = "govuk-notification-banner--success"


def suspended(world):
    """A client that has just changed something and not yet seen a page."""
    client = world.client("administrator")
    assert world.post(client, f"/accounts/{world.people['police']}/suspend").status_code == 303
    return client


def test_a_change_is_said_once(world):
    client = suspended(world)
    page = client.get("/accounts").get_data(as_text=True)
    assert BANNER in page
    assert Done.ACCOUNT_SUSPENDED.value in page
    assert BANNER not in client.get("/accounts").get_data(as_text=True)


def test_what_a_script_asks_leaves_the_notice_for_the_page(world):
    client = suspended(world)
    assert world.post(client, "/session/extend").get_json()["seconds"] > 0
    assert Done.ACCOUNT_SUSPENDED.value in client.get("/").get_data(as_text=True)


def test_an_unknown_name_in_the_cookie_says_nothing(world):
    client = world.client("administrator")
    with client.session_transaction() as kept:
        kept["done"] = "SOMETHING_ELSE"
    page = client.get("/")
    assert page.status_code == 200
    assert BANNER not in page.get_data(as_text=True)


def test_who_signs_in_next_is_not_told(world):
    client = suspended(world)
    assert world.post(client, "/sign-out").status_code == 303
    assert BANNER not in client.get("/sign-in").get_data(as_text=True)
    with client.session_transaction() as kept:
        assert "done" not in kept


def test_who_was_typing_when_the_statement_changed_is_told_where_it_went(world):
    client = world.client("coordinator")
    client.get("/")
    statement = world.hub.statement
    draft = statement.draft(world.actor("coordinator"))
    statement.save(
        world.actor("coordinator"), confidentiality="New.", equality="New.", seen=draft.row_version
    )
    seen = statement.draft(world.actor("coordinator")).row_version
    statement.publish(world.actor("coordinator"), reason="The text was tested.", seen=seen)
    world.post(client, f"/cases/{world.case}/close", {"reason": "Half a sentence"})
    assert Done.FORM_KEPT.value in client.get("/statement/agree").get_data(as_text=True)


def test_what_was_typed_is_shown_without_ids(world):
    case = world.case
    fields = [("owner", case), ("necessity", "Half a sentence"), ("attested", "y"), ("form_token", case)]
    held = world.hub.people.hold_form(world.people["police"], path="/x", fields=fields)
    page = world.client("police").get(f"/unsent/{held}").get_data(as_text=True)
    shown = page.partition("<dl")[2].partition("</dl>")[0]
    assert case not in shown
    assert "Owning agency" in shown
    assert "Half a sentence" in shown
