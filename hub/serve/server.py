"""gunicorn within this very process, so that Ctrl-C and SIGTERM reach it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gunicorn.app.wsgiapp import WSGIApplication

from config import Config
from hub.serve.signins import sign_ins

PREPARED = "HUB_PREPARED"
"""Set for gunicorn's configuration by whoever has just prepared the home."""
CONFIGURATION = Path(__file__).with_name("gunicorn_conf.py")


class Server(WSGIApplication):  # type: ignore[misc]  # gunicorn ships no types
    def __init__(self, *, config: Config, host: str, port: int, say: Callable[[str], None]) -> None:
        self._config, self._host, self._port, self._say = (
            config,
            f"[{host}]" if ":" in host else host,
            port,
            say,
        )
        super().__init__("%(prog)s")

    def load_config(self) -> None:
        """The file's settings, then the address asked for; no words, no GUNICORN_CMD_ARGS."""
        os.environ[PREPARED] = "yes"
        self.load_config_from_file(str(CONFIGURATION))
        self.cfg.set("bind", f"{self._host}:{self._port}")
        self.cfg.set("when_ready", self._tell)
        self.app_uri = self.cfg.wsgi_app

    def _tell(self, _server: Any) -> None:
        """Said once the port is open, at one go: the address, and who can sign in to the demo."""
        address = f"\nThe hub is at http://{self._host}:{self._port}/ (Ctrl-C ends it)\n"
        table = sign_ins(self._config.home / "demo-accounts.json")
        self._say(f"{address}\n{table}" if table else address)
