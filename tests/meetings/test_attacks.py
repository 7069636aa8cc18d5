"""Attacks through what the page of a meeting shows."""

import json

from hub.meetings.rules import Issue


def test_a_title_on_a_meetings_page_is_on_record_for_its_case(table):
    """Affirmed for one meeting, its document's title shows at another; nothing in the log said of which case."""
    world, coordinator = table.world, table.world.actor("coordinator")
    second = table.service.arrange(coordinator, table.new())
    document = table.document(kind="risk-assessment")
    for meeting in (table.meeting, second):
        table.service.issue(coordinator, meeting, Issue.PAPERS, frozenset({document}))
    table.affirm("attendee")
    page = world.client("attendee").get(f"/meetings/{second}").get_data(as_text=True)
    assert "Zebrafinch" in page
    assert "Nominal-Fable" not in page
    viewed, listed = world.events()[-2:]
    assert (viewed.event, listed.event) == ("meeting.viewed", "case.listed")
    assert json.loads(listed.leaf)["fields"]["cases"] == [world.case]
