"""Where each role's work begins, and the status page of those who run the service."""

import pytest


@pytest.mark.parametrize("who", ["police", "attendee", "chair", "coordinator", "governance", "administrator"])
def test_home_offers_each_role_its_own_work(world, who):
    page = world.client(who).get("/").get_data(as_text=True)
    assert ("Cases</a></h2>" in page) == (who not in ("governance", "administrator"))
    assert ("Access log</a></h2>" in page) == (who == "governance")
    assert ("Accounts</a></h2>" in page) == (who == "administrator")


def test_home_counts_reviews_that_are_overdue(world):
    world.clock.forward(days=200)
    assert "1 review overdue" in world.client("police").get("/").get_data(as_text=True)
    assert "overdue" not in world.client("outsider").get("/").get_data(as_text=True)


def test_the_status_page_tells_what_guards_the_reader(world):
    page = world.client("administrator").get("/status").get_data(as_text=True)
    assert "Working" in page
    assert "In force" in page
    assert world.client("coordinator").get("/status").status_code == 404
