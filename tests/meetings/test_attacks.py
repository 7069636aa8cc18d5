"""Attacks through what is read of a meeting."""

import json

from hub.meetings.rules import Issue


def test_a_title_read_with_a_meeting_is_on_record_for_its_case(table):
    """Affirmed for one meeting, a title is handed out with another; nothing in the log said of which case."""
    world, coordinator = table.world, table.world.actor("coordinator")
    second = table.service.arrange(coordinator, table.new())
    document = table.document(kind="risk-assessment")
    for meeting in (table.meeting, second):
        table.service.issue(coordinator, meeting, Issue.PAPERS, frozenset({document}))
    table.affirm("attendee")
    found = table.service.show(world.actor("attendee"), second)
    assert [one.title for one in found.issued] == ["Zebrafinch minutes"]
    assert [case.name for case in found.cases] == [None]
    viewed, listed = world.events()[-2:]
    assert (viewed.event, listed.event) == ("meeting.viewed", "case.listed")
    assert json.loads(listed.leaf)["fields"]["cases"] == [world.case]
