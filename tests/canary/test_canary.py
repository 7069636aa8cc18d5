"""Nothing readable is ever at rest: words that stand nowhere else go through the hub while every file is watched."""

import base64
import contextlib
import io
import os
import re
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from hub.access.permissions import Role
from tests.browser import server as servers
from tests.browser.server import Login, Server
from tests.canary.scanner import Scanner, Watch, open_files
from tests.canary.visitor import Answer, Visitor
from tests.memory import OURS
from tests.realstore.server import BUCKET, SwiftServer, insist

CONTENT, TITLE, FILE, NAME = "Quorvexil", "Jubrandite", "Zolfenwick", "Trispaddock"
NECESSITY, REASON, HELD, NOTE, NEW_VERSION = (
    "Grelmontuse",
    "Plindarowe",
    "Vostrimble",
    "Harquelin",
    "Dromwiskel",
)
WORDS = (CONTENT, TITLE, FILE, NAME, NECESSITY, REASON, HELD, NOTE, NEW_VERSION)
SPOOLED = 3 * 1024 * 1024
"""Bytes: more than is held in memory while it is received."""
PATIENCE_SECONDS = 60
SEALED = {
    "folder": re.compile(r"/home/objects/.+\.1$"),
    "bucket": re.compile(r"/devices/one/objects/.+\.data$"),
}
"""How a sealed object's file is called in the hub's folder and on Swift's disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A hub, and the folders in which nothing may be readable."""

    server: Server
    folders: list[Path]
    sealed: re.Pattern[str]


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A hub whose HOME, TMPDIR and output are below one folder.

    `bucket` is of a real S3 service, OpenStack Swift's, on this machine: its disk is looked at too.
    """
    with contextlib.ExitStack() as ending:
        settings, folders = {}, [tmp_path, *_shared_memory()]
        if request.param == "bucket":
            insist()
            swift = ending.enter_context(SwiftServer())
            swift.make_bucket()
            environ = ending.enter_context(pytest.MonkeyPatch.context())
            for name, value in swift.environ.items():
                environ.setenv(name, value)
            settings["HUB_STORE_URL"] = f"s3://{BUCKET}/hub"
            folders.append(swift.folder)
        running = servers.start(tmp_path / "canary", **settings)
        ending.callback(running.stop)
        yield Place(server=running, folders=folders, sealed=SEALED[request.param])


def test_no_word_is_found_at_rest(place: Place) -> None:
    server = place.server
    officer = server.person("Cana Ryland-Fable", Role.PRACTITIONER, "police")
    coordinator = server.login("coordinator")
    watch = Watch(Scanner(WORDS), place.folders, server.process.pid, besides=OURS)
    watch.start()
    try:
        case = _open_case(server, coordinator)
        document = _upload(server, officer, case)
        _read(server, officer, document)
        _hold(server, officer, case)
        _more(server, officer, document)
    finally:
        watch.finish()
    assert watch.scanner.found == []
    assert watch.rounds > 10
    assert any(name.endswith("hub.sqlite") for name in watch.scanner.files)
    assert watch.deleted_seen, "the upload was never seen in its temporary file"
    stored = [name for name in watch.scanner.files if place.sealed.search(name)]
    assert stored, "the sealed objects were never seen"


def _shared_memory() -> list[Path]:
    """Where gunicorn keeps its heartbeat, and a program may keep more."""
    return [path for path in (Path("/dev/shm"),) if os.access(path, os.R_OK)]


def _open_case(server: Server, coordinator: Login) -> str:
    """The nominal's name and the reason are words of ours; the case is given to the officer's agency."""
    visitor = Visitor(server)
    visitor.sign_in(coordinator)
    case = server.case
    page = visitor.get(f"/cases/{case}/change/nominal")
    seen = _hidden(page, "seen")
    changed = visitor.post(
        f"/cases/{case}/change/nominal",
        {"name": f"Norman {NAME}-Fable", "aliases": NAME, "born-day": "1", "born-month": "2", "born-year": "1980",
         "visor": "", "reason": f"{REASON} told us the spelling.", "seen": seen},
    )  # fmt: skip
    assert f"Norman {NAME}-Fable" in changed.text
    assert REASON in visitor.get(f"/cases/{case}/timeline").text
    return case


def _upload(server: Server, officer: Login, case: str) -> str:
    visitor = Visitor(server)
    visitor.sign_in(officer)
    page = visitor.get(f"/cases/{case}/documents/new")
    receipt = visitor.post(
        f"/cases/{case}/documents/new",
        _details(server) | {"title": f"{TITLE} assessment", "form_token": _hidden(page, "form_token")},
        [("files", f"{FILE}.pdf", _large_pdf(CONTENT))],
    )
    assert "Received: 1 document" in receipt.text, receipt.text[:2000]
    assert TITLE in receipt.text
    assert FILE in receipt.text
    found = re.search(r'/documents/([a-z2-7]{26})"', receipt.text)
    assert found is not None
    return found[1]


def _details(server: Server) -> dict[str, str]:
    return {
        "type": "risk-assessment",
        "owner": server.world.agencies["police"],
        "dated-day": "1",
        "dated-month": "3",
        "dated-year": "2024",
        "audience_is": "all",
        "necessity": f"{NECESSITY} plans the next visits with it.",
        "retention_class": "agency",
        "attested": "y",
    }


def _large_pdf(word: str) -> bytes:
    """Text in clear, and a picture that packs badly, so that it is spooled."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pageCompression=0)
    canvas.drawString(72, 720, f"The word {word} stands on this page.")
    canvas.showPage()
    canvas.save()
    padding = b"%" + base64.b64encode(os.urandom(SPOOLED * 3 // 4)) + b"\n"
    data = buffer.getvalue()
    return data.replace(b"%%EOF", padding + b"%%EOF") if b"%%EOF" in data else data + padding


def _read(server: Server, officer: Login, document: str) -> None:
    """Prepared, read as text and picture, found, taken as it came."""
    server.renew_code(officer)
    visitor = Visitor(server)
    visitor.sign_in(officer)
    visitor.get(f"/documents/{document}")
    read = visitor.post(f"/documents/{document}/reason", {"reason": "casework", "page": "1"})
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "Being prepared" in read.text and time.monotonic() < deadline:
        time.sleep(0.3)
        read = visitor.get(f"/documents/{document}")
    assert CONTENT in read.text
    assert NECESSITY in read.text
    assert visitor.get(f"/documents/{document}/versions/1/pages/1/image").status == 200
    visitor.get("/search/")
    assert TITLE in visitor.post("/search/", {"q": CONTENT}).text
    assert TITLE in visitor.post("/search/", {"q": f'"word {CONTENT}"'}).text
    assert visitor.get(f"/documents/{document}/versions/1/original").body.startswith(b"%PDF")


def _hold(server: Server, officer: Login, case: str) -> None:
    """A form with a file is sent after the session ended, and found again."""
    server.renew_code(officer)
    visitor = Visitor(server)
    visitor.sign_in(officer)
    page = visitor.get(f"/cases/{case}/documents/new")
    server.run_out(officer)
    fields = _details(server) | {"author": HELD, "form_token": _hidden(page, "form_token")}
    note = f"{NOTE} was here. ".encode() * 100_000
    sent = visitor.post(f"/cases/{case}/documents/new", fields, [("files", f"{HELD}.txt", note)])
    assert sent.url.endswith("/sign-in")
    server.renew_code(officer)
    visitor.sign_in(officer)
    found = re.search(r"/unsent/[a-z2-7]{26}", visitor.get("/").text)
    assert found is not None
    assert HELD in visitor.get(found[0]).text


def _more(server: Server, officer: Login, document: str) -> None:
    """A second version, small enough to stay in memory while it comes."""
    server.renew_code(officer)
    visitor = Visitor(server)
    visitor.sign_in(officer)
    path = f"/documents/{document}/versions/new"
    page = visitor.get(path)
    fields = {"seen": _hidden(page, "seen"), "form_token": _hidden(page, "form_token"), "staged": ""}
    text = f"{NEW_VERSION} is the word of the second version.".encode()
    visitor.post(path, fields, [("file", "second.txt", text)])
    visitor.post(f"/documents/{document}/reason", {"reason": "casework", "page": "1"})
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (
        NEW_VERSION not in (read := visitor.get(f"/documents/{document}")).text
        and time.monotonic() < deadline
    ):
        time.sleep(0.3)
    assert NEW_VERSION in read.text
    assert TITLE in visitor.post("/search/", {"q": NEW_VERSION}).text


def _hidden(page: Answer, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]* value="([^"]*)"|value="([^"]*)"[^>]* name="{name}"', page.text)
    assert found is not None, f"{name} is not on {page.url}"
    return found[1] or found[2] or ""


# --- the scanner finds what it is for ---------------------------------------------------------------


def _zip(text: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", text)
    return buffer.getvalue()


PLANTED = {
    "clear": f"... {CONTENT} ...".encode(),
    "small": CONTENT.lower().encode(),
    "utf-16-le": f"a{CONTENT}".encode("utf-16-le"),
    "utf-16-be": CONTENT.encode("utf-16-be"),
    "hexadecimal": CONTENT.encode().hex().encode(),
    "base64": base64.b64encode(f"{CONTENT} ...".encode()),
    "base64, one on": base64.b64encode(f"x{CONTENT} ...".encode()),
    "base64, two on": base64.b64encode(f"xy{CONTENT}".encode()),
    "base64 of utf-16": base64.b64encode(f"x{CONTENT}".encode("utf-16-le")),
    "zlib": os.urandom(500) + zlib.compress(f"... {CONTENT} ...".encode() * 50),
    "zip": _zip(f"<w:t>{CONTENT}</w:t>".encode()),
}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED.keys())
def test_scanner_finds_a_planted_word(tmp_path: Path, planted: bytes) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "file").write_bytes(b"before " + planted + b" after")
    watch = Watch(Scanner(WORDS), [tmp_path], os.getpid())
    watch.sweep()
    assert any(CONTENT in found for found in watch.scanner.found)


def test_scanner_finds_nothing_in_noise(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(os.urandom(1024 * 1024))
    watch = Watch(Scanner(WORDS), [tmp_path], os.getpid())
    watch.sweep()
    assert watch.scanner.found == []
    assert watch.scanner.files


def test_scanner_finds_a_deleted_file_that_a_child_holds_open(tmp_path: Path) -> None:
    script = (
        "import sys, tempfile; file = tempfile.TemporaryFile(dir=sys.argv[1]); file.write(sys.argv[2].encode());"
        "file.flush(); print('ready', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path), CONTENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        watch = Watch(Scanner(WORDS), [tmp_path], os.getpid())
        watch.sweep()
        assert any(target.endswith("(deleted)") for _, target in open_files(os.getpid()))
        assert child.stdin is not None
        child.stdin.close()
    assert [found for found in watch.scanner.found if "(deleted)" in found]
