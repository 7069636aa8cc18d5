"""Keys of all three levels rotated in a loop while people read and write: nothing fails, and nothing is lost."""

import os
import threading
from datetime import date

import pytest

from hub.cases.model import Case
from hub.cases.service import Decision
from tests.documents.conftest import Desk
from tests.keys.conftest import TITLE

LONG = os.environ.get("HUB_TEST_FAULTS") == "long"
ROUNDS = 50 if LONG else 3


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Longer waits for the log than the hub's, made before it opens its database.

    That a log which cannot be had is told in 2 s is shown elsewhere. Here a slow machine shall not pass for a rotation's fault.
    With HUB_TEST_FAULTS=long, on a machine that has nothing else to do, the hub's own waits stand.
    """
    if LONG:
        return
    monkeypatch.setattr("hub.engine.LOCK_WAIT_MS", 30_000)
    monkeypatch.setattr("hub.db.PATIENCE_SECONDS", 30.0)


class Person(threading.Thread):
    """Does one thing again and again until told to stop, and keeps whatever went wrong."""

    def __init__(self, act, over):
        super().__init__()
        self.act, self.over, self.done, self.failed = act, over, 0, []

    def run(self):
        while not self.over.is_set():
            try:
                self.act(self.done)
            except Exception as error:  # noqa: BLE001 - whatever goes wrong is what the test is about
                self.failed.append(error)
            self.done += 1


@pytest.mark.timeout(0 if LONG else 300)
def test_people_notice_nothing_of_rotations(keys):  # noqa: C901 - six people, each a few lines
    world, desk = keys.world, Desk(keys.world)
    for who in ("coordinator", "police", "probation", "excluded"):
        world.actor(who)
    keys.hub.documents.give_reason(world.actor("police"), keys.document, "casework")
    objects, before = keys.objects(world.case), keys.read(world.case)
    contents = {one: keys.content(world.case, one) for one in objects}
    changed, sent = [], []

    def look_at_the_case(_):
        keys.hub.cases.show(world.actor("police"), world.case)

    def read_a_page(_):
        page = keys.hub.documents.read(world.actor("police"), keys.document)
        assert "quayside" in page.text

    def search(_):
        assert TITLE in keys.found()

    def read_the_bytes(number):
        one = objects[number % len(objects)]
        assert keys.content(world.case, one) == contents[one]

    def move_the_review(number):
        with keys.db.reading() as session:
            seen = session.get_one(Case, world.case).row_version
        decision = Decision(reason=f"Fictional reason {number}.", seen=seen)
        keys.hub.cases.change_review(
            world.actor("coordinator"), world.case, date(2026, 4, 2 + number % 20), decision
        )
        changed.append(number)

    def send_a_file(number):
        staged = desk.stage(f"Fictional file {number}.\n".encode(), f"{number}.txt", "probation")
        keys.hub.documents.discard(world.actor("probation"), world.case, staged)
        sent.append(number)

    over = threading.Event()
    people = [
        Person(act, over)
        for act in (look_at_the_case, read_a_page, search, read_the_bytes, move_the_review, send_a_file)
    ]
    for one in people:
        one.start()
    try:
        for _ in range(ROUNDS):
            assert keys.service.rotate_all_cases() == 1
            keys.service.rotate_area(world.area)
            keys.service.rotate_root()
    finally:
        over.set()
        for one in people:
            one.join()
    assert [one.failed for one in people] == [[]] * len(people)
    assert all(one.done > ROUNDS for one in people), [one.done for one in people]
    row = keys.row(world.case)
    assert (row.key_version, row.key_spare_version) == (1 + ROUNDS, None)
    after = keys.read(world.case)
    assert {name: after[name] for name in before} == before
    assert sum(name[:2] == ("case_change", "sealed_reason") for name in after) >= len(changed)
    assert {one: keys.content(world.case, one) for one in objects} == contents
