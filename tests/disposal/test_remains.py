"""What SQLite leaves in its file after values were overwritten, and that nothing of it is left afterwards."""

import contextlib
import random

from hub.disposal.remains import clean
from hub.engine import make_engine

TREES = range(1, 40, 2)


def test_pages_that_were_split_keep_copies_until_the_file_is_written_anew(tmp_path):
    """If SQLite ever leaves none, the rewriting of the file may go."""
    left = {}
    for seed in TREES:
        file = tmp_path / f"{seed}.sqlite"
        engine = make_engine(f"sqlite:///{file}")
        keys = overwritten(engine, seed)
        before = found(file, keys)
        clean(engine, [])
        left[seed] = (before, found(file, keys))
        engine.dispose()
    assert sum(before for before, _ in left.values()) > 0
    assert sum(after for _, after in left.values()) == 0


def found(file, keys):
    data = file.read_bytes()
    wal = file.with_name(f"{file.name}-wal")
    return sum(key in data for key in keys) + sum(key in wal.read_bytes() for key in keys if wal.exists())


def overwritten(engine, seed):
    """Values that were written, moved about by others that grew and went, and emptied; the log is cut already."""
    chance, keys, ids = random.Random(seed), [], []
    with contextlib.closing(engine.raw_connection()) as pooled:
        raw = pooled.driver_connection
        raw.execute("CREATE TABLE t (id TEXT PRIMARY KEY, a BLOB, k BLOB) WITHOUT ROWID")
        raw.execute("BEGIN")
        for number in range(600):
            ids.append(chance.randbytes(8).hex())
            keys.append(chance.randbytes(61))
            row = (ids[-1], chance.randbytes(chance.randrange(50, 400)), keys[-1])
            raw.execute("INSERT INTO t VALUES (?, ?, ?)", row)
            grown = chance.randbytes(chance.randrange(10, 3000))
            raw.execute("UPDATE t SET a = ? WHERE id = ?", (grown, chance.choice(ids)))
            if number % 3 == 0 and len(ids) > 5:
                raw.execute("DELETE FROM t WHERE id = ?", (ids.pop(chance.randrange(len(ids))),))
        raw.execute("UPDATE t SET a = x'', k = NULL")
        raw.execute("COMMIT")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return keys
