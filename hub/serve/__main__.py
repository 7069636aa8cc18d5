"""Prepares the hub's home, then becomes its web server; started by `python3 -m hub run`."""

import argparse
import os
import sys

from config import Config, ConfigError
from hub.commands import prepare
from hub.errors import HubError
from hub.serve.server import Server
from storage.errors import StorageError


def main(words: list[str]) -> int:
    options = _options(words)
    try:
        config = Config.from_env(os.environ)
        prepare(config, demo=not options.no_demo, progress=_say)
        Server(config=config, host=options.host, port=options.port, say=_say).run()
    except (ConfigError, HubError, StorageError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m hub run")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--no-demo", action="store_true")
    return parser.parse_args(words)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
