"""Real servers of the measurement's own: the hub as `hub.serve` starts it, another application, nginx."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.client import Browser
from bench.lines import progress

SOURCE = Path(__file__).resolve().parent.parent
PATIENCE = 60.0
NGINX = """
{user}
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
daemon off;
events {{ worker_connections 256; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  client_body_temp_path {folder};
  proxy_temp_path {folder};
  fastcgi_temp_path {folder};
  uwsgi_temp_path {folder};
  scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environ(home: Path, **more: str) -> dict[str, str]:
    """What a child process sees: this one's own variables, another home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    assets = {"HUB_ASSETS": os.environ["HUB_ASSETS"]} if "HUB_ASSETS" in os.environ else {}
    path = os.pathsep.join(filter(None, (str(SOURCE), os.environ.get("PYTHONPATH"))))
    return kept | assets | {"HUB_HOME": str(home), "PYTHONPATH": path} | more


@contextmanager
def hub(home: Path, **more: str) -> Iterator[tuple[int, int]]:
    """(port, process id) of the hub on this home, as `python3 -m hub run` starts it; `more` of its environment."""
    port = free_port()
    command = [sys.executable, "-m", "hub.serve", "--no-demo", "--port", str(port)]
    with running(command, environ(home, **more)) as process:
        wait_for(port, "/healthz", process)
        yield port, process.pid


@contextmanager
def application(home: Path, name: str, **more: str) -> Iterator[int]:
    """The port of another WSGI application under the hub's own gunicorn settings."""
    port = free_port()
    settings = str(SOURCE / "hub" / "serve" / "gunicorn_conf.py")
    command = [sys.executable, "-m", "gunicorn", "-c", settings, "--bind", f"127.0.0.1:{port}", name]
    with running(command, environ(home, **more)) as process:
        wait_for(port, "/healthz", process)
        yield port


@contextmanager
def nginx(folder: Path, root: Path) -> Iterator[int]:
    """The port of an nginx that serves `root` in clear; of a plain sendfile server where there is none, and says so."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin")
    port, settings = free_port(), folder / "nginx.conf"
    if program is None:
        progress("nginx is not installed: measuring against a plain sendfile server of our own")
        with running(
            [sys.executable, "-m", "bench.sendfile", str(root), str(port)], dict(os.environ)
        ) as process:
            wait_for(port, "/", process, any_status=True)
            yield port
        return
    user = "user root;" if os.geteuid() == 0 else ""
    settings.write_text(NGINX.format(folder=folder, root=root, port=port, user=user))
    with running(
        [program, "-c", str(settings), "-e", str(folder / "error.log")], dict(os.environ)
    ) as process:
        wait_for(port, "/", process, any_status=True)
        yield port


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, cwd=SOURCE, env=dict(environment), stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(port: int, path: str, process: subprocess.Popen[bytes], *, any_status: bool = False) -> None:
    """Until the page is there; RuntimeError when the server ends, or does not answer in time."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            status, _ = Browser(port=port).ask("GET", path)
        except (OSError, RuntimeError):
            status = 0
        if status == 200 or (any_status and status):
            return
        time.sleep(0.01)
    raise RuntimeError(f"no answer on port {port} within {PATIENCE:.0f} s")


def memory(root: int) -> dict[str, float]:
    """{process: MiB of proportional set size} of a process and all below it; needs Linux."""
    found, waiting = {}, [root]
    while waiting:
        process = waiting.pop()
        found[f"{process} {_title(process)}"] = _pss(process)
        for task in Path(f"/proc/{process}/task").iterdir():
            waiting += [int(child) for child in (task / "children").read_text().split()]
    return found


def _title(process: int) -> str:
    words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    named = [word.decode(errors="replace") for word in words if word]
    return Path(named[-1]).name[:30] if named else ""


def _pss(process: int) -> float:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
