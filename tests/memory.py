"""Where files of tests cost no disk: most of them sync what they write as the hub does, and wait for it to no end."""

import os
import shutil
from pathlib import Path

SHARED = Path("/dev/shm")
OURS = SHARED / f"hub-tests-{os.geteuid()}"
ENOUGH = 2 * 1024**3
"""Bytes free: a container often has 64 MB there."""


def memory() -> Path | None:
    """A folder in memory with room, from which programs may be started; None where a disk must do."""
    try:
        found = os.statvfs(SHARED)
    except OSError:
        return None
    if found.f_flag & (os.ST_NOEXEC | os.ST_RDONLY) or shutil.disk_usage(SHARED).free < ENOUGH:
        return None
    try:
        OURS.mkdir(exist_ok=True)
        if OURS.is_symlink() or OURS.stat().st_uid != os.geteuid():
            return None
        OURS.chmod(0o1777)  # as /tmp: PostgreSQL takes its folder away as the account that it runs as
    except OSError:
        return None
    return OURS
