"""A rotation waits for whoever began before its step, and for nobody else."""

import threading

import pytest
from sqlalchemy import select, text

from hub.cases.model import Case, CaseChange
from hub.keys.waiting import StillRunning, all_earlier_done
from storage import failpoints
from storage.failpoints import Point


def change_something(world):
    with world.hub.db.work() as work:
        work.session.execute(text("UPDATE case_ SET locality = 'Southmarch'"))
        work.commit()


def test_an_earlier_reader_is_waited_for_and_a_later_one_not(world):
    db = world.hub.db
    with db.reading() as early:
        early.get_one(Case, world.case)
        change_something(world)
        with pytest.raises(StillRunning, match="run the command again"):
            all_earlier_done(db.engine, patience=0.2)
    all_earlier_done(db.engine, patience=30)


def test_nobody_there_is_nobody_to_wait_for(world):
    all_earlier_done(world.hub.db.engine, patience=0)


def test_a_reader_that_knows_only_the_old_key_meets_nothing_sealed_under_the_new(keys, monkeypatch):
    passed = {point: threading.Event() for point in Point}
    monkeypatch.setattr(failpoints, "_armed", failpoints._Watched(lambda point: passed[point].set()))
    case = keys.world.case
    rotating = threading.Thread(target=keys.service.rotate_cases, args=([case],))
    with keys.db.reading() as session:
        vault = keys.vaults.of(session, session.get_one(Case, case))
        rotating.start()
        assert passed[Point.KEYS_ANNOUNCED].wait(30)
        assert not passed[Point.KEYS_TAKEN_UP].wait(0.5)
        for row in session.scalars(select(CaseChange).where(CaseChange.case_id == case)):
            assert b"fictional" in vault.open_field("change", row.id, row.sealed_reason)
    rotating.join(60)
    assert keys.row(case).key_version == 2
