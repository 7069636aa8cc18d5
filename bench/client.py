"""A browser reduced to what a measurement needs: raw sockets, one buffer, no parsing of what is only counted."""

import re
import socket
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

BUFFER = 1024 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_COOKIE = re.compile(rb"\r\nset-cookie: *([^=]+)=([^;\r]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """Seconds from before connecting to the first byte of the body, and to the last; `size` in bytes."""

    first: float
    whole: float
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One file of one server; the cookies sign in."""

    port: int
    path: str
    cookies: str = ""

    def request(self) -> bytes:
        return _request("GET", self.path, self.cookies, keep=False)


def fetch(address: Address, buffer: bytearray | None = None) -> Fetched:
    """Download once and throw it away; RuntimeError for anything but a whole 200."""
    room = memoryview(buffer or bytearray(BUFFER))
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", address.port)) as connection:
        connection.sendall(address.request())
        head = b""
        while b"\r\n\r\n" not in head or head.endswith(b"\r\n\r\n"):
            got = connection.recv_into(room)
            if not got:
                break
            head += bytes(room[:got])
        first = time.perf_counter() - began
        top, _, start = head.partition(b"\r\n\r\n")
        _require_200(top, address.path)
        length, seen = _length(top), len(start)
        while seen < length:
            got = connection.recv_into(room)
            if not got:
                raise RuntimeError(f"{address.path}: cut after {seen} of {length} bytes")
            seen += got
        return Fetched(first=first, whole=time.perf_counter() - began, size=length)


def fetch_together(address: Address, streams: int) -> float:
    """Bytes a second over all of several downloads at once."""
    sizes: list[int] = []
    threads = [
        threading.Thread(target=lambda: sizes.append(fetch(address, bytearray(BUFFER)).size))
        for _ in range(streams)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - began
    if len(sizes) != streams:
        raise RuntimeError(f"{streams - len(sizes)} of {streams} downloads failed")
    return sum(sizes) / taken


@dataclass(slots=True, kw_only=True)
class Browser:
    """One kept-alive connection with its cookies."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    _connection: socket.socket | None = None
    _room: bytearray = field(default_factory=lambda: bytearray(BUFFER))

    def get(self, path: str) -> bytes:
        """The body; RuntimeError for anything but 200."""
        status, body = self.ask("GET", path)
        if status != 200:
            raise RuntimeError(f"{path} answered {status}")
        return body

    def post(self, path: str, data: bytes, content_type: str) -> tuple[int, bytes]:
        return self.ask("POST", path, data, content_type)

    def post_form(self, path: str, fields: dict[str, str]) -> tuple[int, bytes]:
        return self.post(path, urlencode(fields).encode(), "application/x-www-form-urlencoded")

    def ask(self, method: str, path: str, data: bytes = b"", content_type: str = "") -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = socket.create_connection(("127.0.0.1", self.port))
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self._connection.sendall(_request(method, path, cookies, keep=True, data=data, kind=content_type))
        top, body = self._answer(self._connection)
        for name, value in _COOKIE.findall(top):
            self.cookies[name.decode()] = value.decode()
        if b"\r\nconnection: close" in top.lower():
            self.close()
        return int(top.split(b" ", 2)[1]), body

    def _answer(self, connection: socket.socket) -> tuple[bytes, bytes]:
        seen = b""
        while b"\r\n\r\n" not in seen:
            seen += self._more(connection)
        top, _, body = seen.partition(b"\r\n\r\n")
        length = _length(top)
        while len(body) < length:
            body += self._more(connection)
        return top, body

    def _more(self, connection: socket.socket) -> bytes:
        got = connection.recv_into(self._room)
        if not got:
            raise RuntimeError("the server hung up")
        return bytes(memoryview(self._room)[:got])

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def per_second(port: int, cookies: dict[str, str], path: str, *, browsers: int, seconds: float) -> float:
    """How many times a second several browsers, each asking again at once, get the page; a 503 is not one of them."""
    done: list[int] = []
    failed: list[str] = []
    ends = time.perf_counter() + seconds

    def ask_on() -> None:
        browser, count = Browser(port=port, cookies=dict(cookies)), 0
        try:
            while time.perf_counter() < ends:
                status, _ = browser.ask("GET", path)
                if status not in (200, 503):
                    failed.append(f"{path} answered {status}")
                    return
                count += status == 200
        except (OSError, RuntimeError) as error:
            failed.append(str(error))
        finally:
            browser.close()
            done.append(count)

    threads = [threading.Thread(target=ask_on) for _ in range(browsers)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise RuntimeError(failed[0])
    return sum(done) / (time.perf_counter() - began)


def _request(method: str, path: str, cookies: str, *, keep: bool, data: bytes = b"", kind: str = "") -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Accept: text/html",
        f"Connection: {'keep-alive' if keep else 'close'}",
    ]
    if cookies:
        lines.append(f"Cookie: {cookies}")
    if data:
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(data)}"]
    return "\r\n".join([*lines, "", ""]).encode() + data


def _require_200(top: bytes, path: str) -> None:
    if not top.split(b" ", 2)[1:2] == [b"200"]:
        raise RuntimeError(f"{path} answered {top.splitlines()[:1]}")


def _length(top: bytes) -> int:
    """Chunked answers are not read here: the hub's pages and files tell their length."""
    found = _LENGTH.search(top)
    return int(found.group(1)) if found else 0
