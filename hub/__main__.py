"""`python3 -m hub`: the standard library alone, until the environment stands.

This file and `hub/setup/python.py` must be readable by any Python 3.6, so that an old one is told so in a sentence.
"""

import sys

from hub.setup.python import python_problem

if __name__ == "__main__":
    problem = python_problem(tuple(sys.version_info[:3]))
    if problem:
        sys.exit(problem)

    from hub.setup.cli import main

    sys.exit(main(sys.argv[1:]))
