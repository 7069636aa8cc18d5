"""What can go wrong while the hub is set up, as one sentence that says what to do."""

import errno
from pathlib import Path

FAILED, USAGE = 1, 2
"""Exit codes."""


class SetupProblem(Exception):  # noqa: N818 - it is told to a person, not to a programmer
    """One sentence for the person; `code` is the exit code."""

    def __init__(self, sentence: str, code: int = FAILED) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


def from_os_error(error: OSError, path: Path) -> SetupProblem:
    """The sentence for a file system that refuses."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return disk_full(path)
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return SetupProblem(
            f"{path} cannot be written: make it writable, or set HUB_HOME to a folder that is."
        )
    return SetupProblem(f"{path} cannot be used ({error.strerror}): set HUB_HOME to another folder.")


def disk_full(path: Path) -> SetupProblem:
    return SetupProblem(
        f"The disk under {path} is full: free about 1 GB, or set HUB_HOME to a folder on another disk."
    )
