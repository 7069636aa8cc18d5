"""A browser of a few lines: cookies, forms with their token, redirects; enough to walk through the hub over HTTP."""

import http.cookiejar
import re
import secrets
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

from tests.browser.server import Login, Server
from tests.world import PASSWORD

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
Files = list[tuple[str, str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    url: str
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class Visitor:
    def __init__(self, server: Server) -> None:
        self._server = server
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        self._token = ""

    def get(self, path: str) -> Answer:
        return self._send(urllib.request.Request(urllib.parse.urljoin(self._server.url, path)))

    def post(self, path: str, fields: dict[str, str], files: Files | None = None) -> Answer:
        pairs = {"csrf_token": self._token} | fields
        data, kind = _multipart(pairs, files) if files else (urllib.parse.urlencode(pairs).encode(), FORM)
        url = urllib.parse.urljoin(self._server.url, path)
        return self._send(urllib.request.Request(url, data=data, headers={"Content-Type": kind}))

    def _send(self, request: urllib.request.Request) -> Answer:
        request.add_header("Accept", "text/html")
        try:
            with self._opener.open(request, timeout=60) as answer:
                found = Answer(status=answer.status, url=answer.url, body=answer.read())
        except urllib.error.HTTPError as error:
            with error:
                found = Answer(status=error.code, url=error.url or "", body=error.read())
        if token := TOKEN.search(found.text):
            self._token = token[1]
        return found

    def sign_in(self, login: Login) -> None:
        self.get("/sign-in")
        self.post("/sign-in", {"email": login.email, "password": PASSWORD})
        entered = self.post("/sign-in/code", {"code": login.code})
        assert "Sign out" in entered.text


FORM = "application/x-www-form-urlencoded"


def _multipart(fields: dict[str, str], files: Files) -> tuple[bytes, str]:
    edge = secrets.token_hex(12)
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, file_name, data in files:
        head = f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="{file_name}"\r\n'
        parts.append(head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + data + b"\r\n")
    return b"".join(parts) + f"--{edge}--\r\n".encode(), f"multipart/form-data; boundary={edge}"
