"""Keys rotated at each level: the same content afterwards, the retired key refused, an interrupted rotation finished."""

import json

import pytest
from sqlalchemy import select, update

from hub.cases.model import Case
from hub.documents.model import StoredObject
from hub.errors import Invalid
from hub.keys.sealed import AREA_TABLES, CASE_TABLES
from hub.people.model import Account, Area, AreaPurposeKey
from hub.vaults import KEPT, area_key, case_key
from storage import failpoints
from storage.errors import Tampered, WrongKey
from storage.failpoints import Point
from storage.keys import Keyring, LocalKeyFile, WrappedKey, key_file_path
from storage.receipts import ReceiptBook
from tests.documents.conftest import Desk
from tests.keys.conftest import TITLE
from tests.world import TOTP_SECRET

LEVELS = ("case", "area", "root")
STEPS = [
    *(("case", point) for point in ("KEYS_ANNOUNCED", "KEYS_TAKEN_UP", "KEYS_RESEALED", "KEYS_RETIRED")),
    *(("area", point) for point in ("KEYS_ANNOUNCED", "KEYS_TAKEN_UP", "KEYS_RESEALED", "KEYS_RETIRED")),
    *(("root", point) for point in ("ROOT_ADDED", "ROOT_REWRAPPED", "ROOT_RETIRED")),
]


class Ended(BaseException):
    """As a kill would: nothing in the program catches it."""


@pytest.fixture
def ended_at(monkeypatch):
    """`ended_at(point)`: the next passage of it raises."""

    def arm(point):
        def told(passed):
            if passed is Point[point]:
                failpoints._armed = None
                raise Ended

        monkeypatch.setattr(failpoints, "_armed", failpoints._Watched(told))

    return arm


def rotate(keys, level):
    if level == "case":
        return keys.service.rotate_cases([keys.world.case])
    return keys.service.rotate_area(keys.world.area) if level == "area" else keys.service.rotate_root()


def everything(keys):
    case = keys.world.case
    contents = {one: keys.content(case, one) for one in keys.objects(case)}
    with keys.db.reading() as session:
        account = session.get_one(Account, keys.world.people["police"])
        totp = keys.vaults.box(session, keys.world.area, "totp").open(account.totp_sealed, account.id)
    assert keys.found() == [TITLE]
    return keys.read(case), contents, totp


def stranger(keys):
    """A keyring that has nothing in memory, as another process would have."""
    path = key_file_path(keys.world.config.keys_url, keys.world.config.home)
    with keys.db.reading() as session:
        hub = keys.vaults.keyring(session)._hub
    return Keyring(LocalKeyFile(path), hub=hub, store=keys.vaults.store, receipts=ReceiptBook())


@pytest.mark.parametrize("level", LEVELS)
def test_everything_reads_the_same_after_a_rotation(keys, level):
    before = everything(keys)
    assert len({name[:2] for name in before[0]}) == sum(len(table.values) for table in CASE_TABLES)
    assert before[2] == TOTP_SECRET.encode()
    for _ in range(2):
        rotate(keys, level)
        assert everything(keys) == before
        assert not keys.service.status().under_way


@pytest.mark.parametrize("level", LEVELS)
def test_a_rotation_is_on_record_and_its_reason_sealed(keys, level):
    rotate(keys, level)
    events = keys.world.events("keys.case_rotated" if level == "case" else "keys.rotated")
    fields = [json.loads(entry.leaf)["fields"] for entry in events]
    assert [one["step"] for one in fields] == [
        "begun",
        "sealing again" if level == "case" else "taken up",
        "finished",
    ]
    assert {one["version"] for one in fields} == {2}
    assert all("drill" not in entry.leaf for entry in events)
    with keys.db.reading() as session:
        assert b"a drill of the tests" in keys.vaults.open_log(session, keys.world.area, events[0].sealed)


@pytest.mark.parametrize(("level", "point"), STEPS)
def test_a_rotation_that_was_ended_at_any_step_is_finished_by_the_next(keys, ended_at, level, point):
    before = everything(keys)
    ended_at(point)
    with pytest.raises(Ended):
        rotate(keys, level)
    assert everything(keys) == before
    keys.service.resume()
    assert everything(keys) == before
    status = keys.service.status()
    assert not status.under_way
    assert (status.areas[0].version, status.areas[0].cases, status.roots[-1].version) == (
        2 if level == "area" else 1,
        {2 if level == "case" else 1: 1},
        2 if level == "root" else 1,
    )


def test_a_retired_case_key_opens_nothing(keys):
    case, old = keys.world.case, keys.row(keys.world.case)
    with keys.db.reading() as session:
        objects = {row.id: row.wrapped_key for row in session.scalars(select(StoredObject))}
    rotate(keys, "case")
    row, ring = keys.row(case), stranger(keys)
    assert (row.key_version, row.key_spare_wrapped, row.row_version) == (2, None, old.row_version)
    with keys.db.reading() as session:
        area, vault = area_key(session, row.area_id), keys.vaults.of(session, row)
    with pytest.raises(Tampered):
        vault.open_field("nominal", case, old.sealed_nominal)
    before = ring.case_vault(area, case_key(old), row.area_id, case)
    with pytest.raises(Tampered):
        before.open_field("nominal", case, row.sealed_nominal)
    with pytest.raises(WrongKey):
        ring.case_vault(area, WrappedKey(version=2, data=old.key_wrapped), row.area_id, case)
    with keys.db.work() as work:
        for one, wrapped in objects.items():
            work.session.execute(
                update(StoredObject).where(StoredObject.id == one).values(wrapped_key=wrapped)
            )
        work.commit()
    with pytest.raises(WrongKey):
        keys.content(case, next(iter(objects)))


def test_a_retired_area_key_opens_no_case_and_nothing_of_the_area(keys):
    area, case = keys.world.area, keys.row(keys.world.case)
    with keys.db.reading() as session:
        old, account = area_key(session, area), session.get_one(Account, keys.world.people["police"])
    rotate(keys, "area")
    ring = stranger(keys)
    with keys.db.reading() as session:
        new = area_key(session, area)
        assert new.spare is None
        assert [(row.purpose, row.version) for row in session.scalars(select(AreaPurposeKey))] == [
            (purpose, 1) for purpose in sorted(KEPT)
        ]
        with pytest.raises(WrongKey):
            ring.case_vault(new, case_key(case), area, case.id)
        with pytest.raises(WrongKey):
            ring.case_vault(old, case_key(session.get_one(Case, case.id)), area, case.id)
        with pytest.raises(Tampered):
            keys.vaults.box(session, area, "totp").open(account.totp_sealed, account.id)
        with pytest.raises(WrongKey):
            ring.area_box(WrappedKey(version=2, data=old.data), area, "totp")


def test_what_the_log_sealed_opens_after_several_rotations_of_its_area(keys):
    rotate(keys, "case")
    for _ in range(3):
        rotate(keys, "area")
    with keys.db.reading() as session:
        sealed = [entry for entry in keys.world.events() if entry.sealed]
        assert len(sealed) > 5
        for entry in sealed:
            assert keys.vaults.open_log(session, keys.world.area, entry.sealed)
        kept = session.scalars(select(AreaPurposeKey.version).where(AreaPurposeKey.purpose == "log"))
        assert sorted(kept) == [1, 2, 3]


def test_a_retired_root_key_is_refused_at_once_by_who_starts_and_soon_by_who_runs(keys, monkeypatch):
    area = keys.world.area
    with keys.db.reading() as session:
        old, ring = area_key(session, area), keys.vaults.keyring(session)
    rotate(keys, "root")
    with pytest.raises(WrongKey, match="not in the key file"):
        stranger(keys).purpose_key(old, area, "totp")
    running = ring.provider
    context = ring.area_context(area, 1)
    assert running.unwrap(old.data, context)
    later = running._path.stat().st_mtime + 60.0
    monkeypatch.setattr("storage.keyfile.time.time", lambda: later)
    with pytest.raises(WrongKey, match="not in the key file"):
        running.unwrap(old.data, context)


def test_a_root_key_can_be_kept_and_is_retired_by_the_next_rotation(keys):
    assert keys.service.rotate_root(keep_old=True) == 2
    assert [(one.version, one.areas) for one in keys.service.status().roots] == [(1, 0), (2, 1)]
    assert keys.service.rotate_root() == 2
    assert [one.version for one in keys.service.status().roots] == [2]


def test_every_case_is_rotated_and_a_shredded_one_left_alone(keys, ended_at):
    other, gone = keys.world.make_case(), keys.world.make_case()
    ended_at("KEYS_ANNOUNCED")
    with pytest.raises(Ended):
        keys.service.rotate_all_cases()
    with keys.db.work() as work:
        work.session.execute(update(Case).where(Case.id == gone).values(key_wrapped=None))
        work.commit()
    keys.service.resume()
    assert [keys.row(case).key_version for case in (keys.world.case, other, gone)] == [2, 2, 1]
    assert (keys.row(gone).key_wrapped, keys.row(gone).key_spare_wrapped) == (None, None)
    with pytest.raises(Invalid, match="destroyed"):
        keys.service.rotate_cases([gone])


def test_an_upload_that_was_sealed_before_a_rotation_gets_its_rows_after_it(keys, monkeypatch):
    case, documents = keys.world.case, keys.hub.documents
    stage = documents._stage

    def rotated_between(*args):
        rotate(keys, "case")
        rotate(keys, "area")
        return stage(*args)

    monkeypatch.setattr(documents, "_stage", rotated_between)
    Desk(keys.world).stage(b"sealed before the rotation\n", "early.txt", case=case)
    contents = [keys.content(case, one) for one in keys.objects(case)]
    assert b"sealed before the rotation\n" in contents


def test_a_document_prepared_across_a_rotation_is_readable_and_found(keys, monkeypatch):
    documents, finish = keys.hub.documents, keys.hub.documents._finish

    def rotated_between(*args):
        rotate(keys, "case")
        return finish(*args)

    monkeypatch.setattr(documents, "_finish", rotated_between)
    Desk(keys.world).prepared(b"An invented lighthouse keeper.\n", "more.txt", title="A second one")
    assert keys.found("lighthouse") == ["A second one"]
    for one in keys.objects(keys.world.case):
        keys.content(keys.world.case, one)


def test_the_area_tables_are_all_reached(keys):
    with keys.db.reading() as session:
        before = {
            table.model: [getattr(row, table.column) for row in session.scalars(select(table.model))]
            for table in AREA_TABLES
        }
    rotate(keys, "area")
    with keys.db.reading() as session:
        for table in AREA_TABLES:
            after = [getattr(row, table.column) for row in session.scalars(select(table.model))]
            assert not {one for one in after if one} & {one for one in before[table.model] if one}
        assert session.get_one(Area, keys.world.area).key_version == 2
