"""Runs one of the product's own commands, inside the environment."""

import sys

from config import ConfigError
from hub.commands import COMMANDS, main


def run(words: list[str]) -> int:
    """`--list` prints name, tab, summary; anything else goes to `hub.commands`."""
    if words == ["--list"]:
        for name, (summary, _) in sorted(COMMANDS.items()):
            print(f"{name}\t{summary}")
        return 0
    return _told(words)


def _told(words: list[str]) -> int:
    try:
        return main(words)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
