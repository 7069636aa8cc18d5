"""Whose address a request came from, believing only the proxies that the settings name."""

from ipaddress import ip_address

from flask import Request

from config import Network


def client_address(request: Request, trusted: tuple[Network, ...]) -> str:
    """The last address in X-Forwarded-For that is not a trusted proxy's.

    The header is read from its end and only when the connection itself comes from a trusted
    proxy: whatever stands further left is the client's own choice.
    """
    address = request.remote_addr or ""
    hops = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    while hops and _is_trusted(address, trusted):
        address = hops.pop()
    return address if _is_address(address) else ""


def _is_trusted(address: str, trusted: tuple[Network, ...]) -> bool:
    return _is_address(address) and any(ip_address(address) in network for network in trusted)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
