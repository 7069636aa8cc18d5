"""How gunicorn runs the hub, here and in production: `gunicorn -c hub/serve/gunicorn_conf.py wsgi:app`."""

import os
from pathlib import Path
from typing import Any

from gunicorn.workers.base import Worker

from hub.app import start_background

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


def post_worker_init(worker: Worker) -> None:
    """Each worker runs its share of the background work."""
    application: Any = worker.wsgi
    start_background(application)
