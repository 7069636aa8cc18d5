"""An interpreter that sees none of the machine's own packages, without the venv module.

A link named `bin/python3` beside a `pyvenv.cfg` is all that Python itself looks at (PEP 405). Children that start
`sys.executable` are as isolated, which flags such as -I would not give them.
"""

import os
import sys
from pathlib import Path

LIBRARY = "lib"


def base_interpreter() -> Path:
    """The real executable, also when set-up was started inside somebody's virtual environment."""
    return Path(os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable))


def make_isolated(folder: Path) -> None:
    """`folder/bin/python3`; packages are looked for through PYTHONPATH only."""
    base = base_interpreter()
    (folder / "pyvenv.cfg").write_text(
        f"home = {base.parent}\ninclude-system-site-packages = false\n", "utf-8"
    )
    (folder / "bin").mkdir()
    (folder / "bin" / "python3").symlink_to(base)


def isolated(folder: Path) -> str:
    return str(folder / "bin" / "python3")
