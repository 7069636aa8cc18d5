"""Attacks on the pages of the log."""

import pytest

from hub.governance.service import ASKED_EVERY, ExportCut
from hub.ledger.events import MeetingsListed


def test_the_last_day_there_is_fails_neither_page_nor_export(world):
    client = world.client("governance")
    for path in ("/log/", "/log/export.csv"):
        for which in ("first", "last"):
            query = f"{which}-day=31&{which}-month=12&{which}-year=9999"
            assert client.get(f"{path}?{query}").status_code == 200


@pytest.mark.parametrize("who", ["governance", "other coordinator"])
def test_an_export_stops_when_the_session_is_ended_or_a_statement_published(world, who):
    for _ in range(3 * ASKED_EVERY):
        world.hub.db.record(world.actor("police"), MeetingsListed(meetings=()))
    answer = world.client("governance").get("/log/export.csv", buffered=False)
    lines = iter(answer.response)
    assert b"Entry" in next(lines)
    assert b"police" in next(lines).lower()
    if who == "governance":
        reader = world.actor("governance")
        world.hub.sessions.end(reader, reader.session, "from another session")
    else:
        editor = world.actor(who)
        draft = world.hub.statement.save(editor, confidentiality="Other.", equality="Words.", seen=0)
        world.hub.statement.publish(editor, reason="The words were too few.", seen=draft.row_version)
    left = 0
    with pytest.raises(ExportCut):
        for _ in lines:
            left += 1
    assert left < ASKED_EVERY
    answer.close()


def test_who_saw_a_name_in_a_list_is_found_by_its_case(world):
    """Lists name many cases in one entry, which the log of one of these cases did not show."""
    other = world.make_case(agencies=("housing",))
    world.client("police").get("/cases/")
    client = world.client("governance")
    assert "Polly Sergeant-Fable" in client.get(f"/log/export.csv?case={world.case}").get_data(as_text=True)
    assert "Polly Sergeant-Fable" not in client.get(f"/log/export.csv?case={other}").get_data(as_text=True)
