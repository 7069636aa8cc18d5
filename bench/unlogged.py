"""The hub with the writing of log entries taken out, to measure what an entry costs. Never part of the product.

bench/pages.py serves it beside the real one: `bench.unlogged:app`.
"""

import os

from config import Config
from hub.app import create_app
from hub.ledger.service import AccessLog


class _Silent(AccessLog):
    def append(self, session: object, entries: object) -> None:
        """Write nothing: the unit of work has nothing left to make durable."""


def _without_log() -> object:
    app = create_app(Config.from_env(os.environ))
    hub = app.extensions["hub"]
    hub.db._ledger = _Silent(hub.clock, hub.vaults.seal_log)  # noqa: SLF001 - the product has no such switch, on purpose
    return app


app = _without_log()
