"""What is better known before a slow set-up than after it."""

import socket

from hub.setup.problems import USAGE, SetupProblem

LAST_PORT = 65535


def check_port(host: str, port: int) -> None:
    """Raises SetupProblem when the hub could not listen there."""
    if not 0 < port <= LAST_PORT:
        raise SetupProblem(f"--port must be from 1 to {LAST_PORT}, not {port}.", USAGE)
    try:
        family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise SetupProblem(f"--host {host} is no address of this machine: try 127.0.0.1.", USAGE) from error
    with socket.socket(family, kind) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(trial, address, port)


def _bind(trial: socket.socket, address: object, port: int) -> None:
    try:
        trial.bind(address)  # type: ignore[arg-type]  # getaddrinfo's own answer, typed for both families at once
    except PermissionError as error:
        raise SetupProblem(
            f"Port {port} needs more rights than you have: choose one from 1024 with --port."
        ) from error
    except OSError as error:
        raise SetupProblem(f"Port {port} is taken ({error.strerror}): choose another with --port.") from error
