"""A home as the first revision of the tables left it, with documents and a log: for whatever must bring it forward.

`tests/vectors/home-0001` was written by that version of the program itself. All of it is invented, its key too.
"""

import base64
import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

from alembic import command
from sqlalchemy import Boolean, Column, Date, DateTime, Engine, LargeBinary, MetaData
from sqlalchemy.types import JSON

from hub.migrations import alembic_config

SOURCE = Path(__file__).parent / "vectors" / "home-0001"


def make_old_home(home: Path, engine: Engine) -> None:
    """Objects, key file and ids below `home`, which is there; tables and rows where the engine points."""
    for name in ("objects", "keys"):
        shutil.copytree(SOURCE / name, home / name, dirs_exist_ok=True)
    (home / "keys" / "root.json").chmod(0o600)
    shutil.copy(SOURCE / "ids.json", home / "ids.json")
    config = alembic_config()
    with engine.execution_options(hub_writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        tables = MetaData()
        tables.reflect(connection)
        rows = json.loads((SOURCE / "rows.json").read_text())
        for table in tables.sorted_tables:
            if found := rows.get(table.name):
                connection.execute(
                    table.insert(), [{c.name: _value(c, row[c.name]) for c in table.columns} for row in found]
                )


AS_TYPE = {
    LargeBinary: lambda said: base64.b64decode(said["bytes"]),
    DateTime: lambda said: datetime.fromisoformat(said).replace(tzinfo=UTC),
    Date: date.fromisoformat,
    Boolean: bool,
    JSON: json.loads,
}


def _value(column: Column, said):
    """SQLite's plain values as the column's own type."""
    if said is None:
        return None
    made = next((make for kind, make in AS_TYPE.items() if isinstance(column.type, kind)), None)
    return made(said) if made else said
