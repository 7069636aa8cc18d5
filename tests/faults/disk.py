"""What a power cut would leave: of a process's own files only what it had synced, names as well as contents.

`remember` notes, in the process that will be killed, each `os.fsync`; SQLite's own syncs are not seen, so that its log
counts as synced up to the end of each commit that returned, which `synchronous=FULL` is there for. `lose` then
takes from the home, after the end, whatever was not noted.
"""

import json
import os
import random
from pathlib import Path

from sqlalchemy.orm import Session

WAL = "hub.sqlite-wal"


class _Memory:
    """{inode: bytes synced} and {inode of a folder: names in it when it was synced}, kept beside the home."""

    def __init__(self, home: Path, kept: Path) -> None:
        self._wal, self._kept = home / WAL, kept
        self.sizes: dict[str, int] = {}
        self.names: dict[str, list[str]] = {}
        self.wal = self._wal.stat().st_size if self._wal.exists() else 0
        for path in (home, *home.rglob("*")):
            self._note(path)
        self._keep()

    def _note(self, path: Path) -> None:
        state = path.lstat()
        if path.is_dir():
            self.names[str(state.st_ino)] = sorted(entry.name for entry in path.iterdir())
        else:
            self.sizes[str(state.st_ino)] = state.st_size

    def synced(self, descriptor: int) -> None:
        self._note(Path(f"/proc/self/fd/{descriptor}").resolve())
        self._keep()

    def committed(self) -> None:
        self.wal = self._wal.stat().st_size if self._wal.exists() else 0
        self._keep()

    def _keep(self) -> None:
        said = {"sizes": self.sizes, "names": self.names, "wal": self.wal}
        fresh = self._kept.with_suffix(".new")
        fresh.write_text(json.dumps(said))
        fresh.rename(self._kept)


def remember(home: Path, kept: Path) -> None:
    """From now on, in this process."""
    memory, really = _Memory(home, kept), os.fsync

    def fsync(descriptor: int) -> None:
        really(descriptor)
        memory.synced(descriptor)

    os.fsync = fsync
    commit = Session.commit

    def noted(session: Session) -> None:
        commit(session)
        memory.committed()

    Session.commit = noted


def lose(home: Path, kept: Path, chance: random.Random) -> int:
    """Take away what was not synced: all of it, or of each thing by chance; how many things went."""
    said = json.loads(kept.read_text())
    everything, lost = chance.random() < 0.5, 0
    for folder, _, files in sorted(os.walk(home / "objects"), reverse=True):
        names = said["names"].get(str(Path(folder).stat().st_ino), [])
        for name in files:
            path = Path(folder) / name
            if name not in names and (everything or chance.random() < 0.5):
                path.unlink()
                lost += 1
                continue
            size = said["sizes"].get(str(path.stat().st_ino), 0)
            if path.stat().st_size > size:
                os.truncate(path, size if everything else chance.randint(size, path.stat().st_size))
                lost += 1
    wal = home / WAL
    if wal.exists() and wal.stat().st_size > said["wal"]:
        os.truncate(wal, said["wal"] if everything else chance.randint(said["wal"], wal.stat().st_size))
        lost += 1
    (home / "hub.sqlite-shm").unlink(missing_ok=True)
    return lost
