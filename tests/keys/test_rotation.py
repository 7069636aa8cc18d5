"""Keys rotated at each level: the same content afterwards, and the retired key refused."""

import pytest

from hub.keys.sealed import CASE_TABLES
from tests.keys.conftest import TITLE


def levels(keys):
    return {
        "case": lambda: keys.service.rotate_cases([keys.world.case]),
        "area": lambda: keys.service.rotate_area(keys.world.area),
        "root": keys.service.rotate_root,
    }


@pytest.mark.parametrize("level", ["case", "area", "root"])
def test_everything_reads_the_same_after_a_rotation(keys, level):
    case = keys.world.case
    before, contents = keys.read(case), {one: keys.content(case, one) for one in keys.objects(case)}
    assert len({name[:2] for name in before}) == sum(len(table.values) for table in CASE_TABLES)
    for _ in range(2):
        levels(keys)[level]()
        assert keys.read(case) == before
        assert {one: keys.content(case, one) for one in keys.objects(case)} == contents
        assert keys.found() == [TITLE]
        assert not keys.service.status().under_way
