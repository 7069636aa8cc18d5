"""The hub with the writing of log entries taken out, to measure what an entry costs. Never part of the product.

bench/pages.py serves it beside the real one: `bench.unlogged:app`.
"""

import os
from collections.abc import Sequence

from sqlalchemy.orm import Session

from config import Config
from hub.app import create_app
from hub.db import Entry
from hub.ledger.service import AccessLog


class _Silent(AccessLog):
    def append(self, session: Session, entries: Sequence[Entry]) -> None:  # noqa: ARG002 - the product's signature
        """Write nothing, and let go of what the page would note beside: nothing is left to make durable."""
        session.rollback()


def _without_log() -> object:
    app = create_app(Config.from_env(os.environ))
    hub = app.extensions["hub"]
    hub.db._ledger = _Silent(hub.clock, hub.vaults.seal_log, lambda *_: None)  # noqa: SLF001 - the product has no such switch, on purpose
    return app


app = _without_log()
