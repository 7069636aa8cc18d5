"""Runs one file as an outsider would: no path of the hub's, and of libraries only the folder that `cryptography` is in."""

import sys
from pathlib import Path

import cryptography

START = """\
import runpy, sys
_, libraries, *sys.argv = sys.argv
sys.path.append(libraries)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def command(program, *words):
    libraries = Path(cryptography.__file__).parent.parent
    return [sys.executable, "-I", "-c", START, *map(str, (libraries, program, *words))]
