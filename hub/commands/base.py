"""What every command shares."""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from config import Config
from hub.app import build_services
from hub.commands.install import prepare
from hub.services import Services

Command = Callable[[Sequence[str]], int]
"""Words after the command's name -> exit status."""

AT_END = ExitStack()
"""What a command leaves open; closed by whoever ran it."""


def services(*, anchored: bool = True) -> Services:
    """The hub at this home until the command ends, its tables brought up to date first; `anchored` as of `prepare`."""
    config = Config.from_env(os.environ)
    prepare(config, demo=False, progress=print, anchored=anchored)
    return _until_end(config)


def bare_services() -> Services:
    """The same of a home that may be empty and stays as it is: no tables, no key, no installation are made."""
    return _until_end(Config.from_env(os.environ))


def _until_end(config: Config) -> Services:
    hub = build_services(config)
    AT_END.callback(hub.db.engine.dispose)
    return hub
