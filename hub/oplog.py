"""The operational log: JSON lines on standard error for whoever runs the machine.

It is not the access log. It may fail without anybody noticing, and it holds no content: a traceback
is written as file, line and error's class, never with the values of variables.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog


def configure() -> None:
    """Once for each process; later calls change nothing that matters."""
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _place_of_fault,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _place_of_fault(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if entry.pop("exc_info", None):
        kind, _, trace = sys.exc_info()
        entry["fault"] = kind.__name__ if kind else None
        entry["at"] = [
            f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)[-8:]
        ]
    return entry
