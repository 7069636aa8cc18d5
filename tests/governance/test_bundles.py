"""The page that hands out the log with its proofs: for information governance alone, recorded, and what comes verifies."""

import io
import json
import zipfile

import pytest

from hub.ledger.events import CaseViewed
from hub.proof.outside import verify


def take(world, data):
    world.hub.db.record(world.actor("police"), CaseViewed(case=world.case))
    return world.post(world.client("governance"), "/log/bundle/", data)


def unpacked(answer, folder):
    with zipfile.ZipFile(io.BytesIO(answer.data)) as found:
        found.extractall(folder)
    return folder / "access-log"


def test_the_zip_verifies_and_is_on_record(world, tmp_path):
    page = world.client("governance").get("/log/bundle/")
    assert page.status_code == 200
    assert b"verify.py" in page.data
    for number, (data, opened) in enumerate(
        [({}, False), ({"case": world.case}, False), ({"case": world.case, "opened": "y"}, True)]
    ):
        answer = take(world, data)
        assert (answer.status_code, answer.mimetype) == (200, "application/zip")
        folder = unpacked(answer, tmp_path / str(number))
        assert verify.main([str(folder)], lambda _: None) == 0
        assert (folder / "openings.jsonl").exists() == opened
        entry = json.loads(world.events("log.bundled")[-1].leaf)
        assert (entry["case"], entry["fields"]["opened"]) == (data.get("case"), opened)


def test_a_case_that_is_none_is_not_exported_as_the_whole_log(world):
    answer = take(world, {"case": "a" * 26})
    assert answer.status_code == 404
    assert world.events("log.bundled") == []
    unheard = world.make_case()
    assert take(world, {"case": unheard}).status_code == 409


@pytest.mark.parametrize("who", ["coordinator", "police", "chair", "administrator", "attendee"])
def test_nobody_else_has_it(world, who):
    client = world.client(who)
    assert client.get("/log/bundle/").status_code in (403, 404)
    assert world.post(client, "/log/bundle/").status_code in (403, 404)
    assert world.events("log.bundled") == []
