"""How gunicorn runs the hub, here and in production: `gunicorn -c hub/serve/gunicorn_conf.py wsgi:app`."""

import contextlib
import gc
import os
import sys
from pathlib import Path
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from config import Config, ConfigError
from hub.app import start_background
from hub.commands.install import prepare, record_start, record_stop
from hub.errors import HubError
from hub.serve.server import PREPARED
from storage.errors import StorageError

wsgi_app = "wsgi:app"
preload_app = True
worker_class = "gthread"
workers = 2
threads = 8
timeout = 60
graceful_timeout = 20
keepalive = 5
forwarded_allow_ips = ""
"""Which proxy may speak for a client is decided in one place, by HUB_TRUSTED_PROXIES."""
control_socket_disable = True
loglevel = "warning"
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a heartbeat file without content

os.umask(0o077)
# gunicorn applies its own `umask` setting only to daemons.


def on_starting(_server: Any) -> None:
    """Before the first worker: everything in place and safe, and the start on record, or no service at all."""
    try:
        config = Config.from_env(os.environ)
        if not os.environ.get(PREPARED):
            prepare(config, demo=False, progress=print)
        record_start(config)
    except (ConfigError, HubError, StorageError) as error:
        sys.exit(str(error))


def on_exit(_server: Any) -> None:
    """The stop is on record too, where the log can still be written."""
    with contextlib.suppress(HubError):
        record_stop(Config.from_env(os.environ))


def pre_fork(_server: Arbiter, _worker: Worker) -> None:
    """What is loaded already is left out of every later collection: the workers' memory of it stays shared."""
    gc.collect()
    gc.freeze()


def post_worker_init(worker: Worker) -> None:
    """Each worker runs its share of the background work."""
    application: Any = worker.wsgi
    start_background(application)
