"""No sealed column can be forgotten: every column of bytes is sealed again by a rotation, or says why not."""

import ast
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary

from hub.keys.sealed import AREA_TABLES, CASE_TABLES, EXEMPT
from hub.models import Base
from hub.vaults import KEPT, RESEALED

ROOT = Path(__file__).parent.parent.parent


def listed():
    of_cases = [f"{table.model.__tablename__}.{name}" for table in CASE_TABLES for name in table.values]
    return [*of_cases, *(f"{table.model.__tablename__}.{table.column}" for table in AREA_TABLES)]


def test_every_column_of_bytes_is_sealed_again_or_says_why_not():
    columns = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    assert columns == {*listed(), *EXEMPT}
    assert not set(listed()) & set(EXEMPT)
    assert len(listed()) == len(set(listed()))


def test_every_purpose_of_an_area_is_sealed_again_or_kept():
    assert {table.purpose for table in AREA_TABLES} == RESEALED
    assert not RESEALED & KEPT
    used = set()
    for path in [*ROOT.glob("hub/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "box"
            ):
                used |= {one.value for one in node.args if isinstance(one, ast.Constant)}
    assert used == RESEALED | KEPT


def test_a_purpose_that_nobody_declared_is_refused(world):
    with world.hub.db.reading() as session, pytest.raises(ValueError, match="must be declared"):
        world.hub.vaults.box(session, world.area, "other")
