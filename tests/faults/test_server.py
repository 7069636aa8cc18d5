"""kill -9 of the real server, its workers and its master, in the middle of page views and downloads over HTTP.

Every byte that a client holds has its entry; the hub starts again on the same home and goes on.
"""

import contextlib
import http.client
import io
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.documents.model import DocumentVersion
from hub.documents.rules import Details
from hub.ids import new_id
from hub.ledger.model import LogEntry
from hub.ledger.service import verify
from tests.browser import server as servers
from tests.faults.operations import content
from tests.faults.runs import LONG

pytestmark = [pytest.mark.faults, pytest.mark.timeout(0 if LONG else 300)]
REQUESTS = 1000 if LONG else 100
KILLS = ("worker", "worker", "all") * (3 if LONG else 1)
THREADS = 4
PATIENCE = 240
EVIDENCE = servers.SOURCE / "docs" / "evidence" / "faults-server.json"


@dataclass
class Held:
    """What the clients got: `pages`, how many of the notes; of each download, by document, the bytes, whole or cut."""

    pages: int = 0
    downloads: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    asked: int = 0
    broken: int = 0
    kills: Counter = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)


@pytest.fixture
def server(tmp_path):
    made = servers.start(tmp_path / "hub")
    yield made
    end(made)
    made.stop()


def details(world):
    return Details(
        title="Notes", type="risk-assessment", owner=world.agencies["police"], dated=date(2026, 3, 1), audience=None,
        necessity="The others plan the next visits with it.", attested=True, retention_class="agency",
    )  # fmt: skip


def upload(server, data, name):
    documents, world = server.hub.documents, server.world
    actor = world.actor("police")
    staged = documents.receive(actor, world.case, name, io.BytesIO(data)).id
    return documents.upload(actor, world.case, details(world), [staged], new_id())[0].document


def end(server, who="all"):
    """SIGKILL to one of gunicorn's workers, or to all of it at once."""
    if who == "all":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
        return
    tasks = Path(f"/proc/{server.process.pid}/task")
    workers = [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]
    with contextlib.suppress(ProcessLookupError):
        os.kill(random.choice(workers), signal.SIGKILL)


def start_again(server, **settings):
    """The same home and port, as an operator would."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("HUB_") or name == "HUB_ASSETS"
    }
    environ = kept | {"HUB_HOME": str(server.home), "HUB_SECRET": server.hub.config.secret, **settings}
    port = server.url.rsplit(":", 1)[1]
    with server.log.open("ab") as out:
        server.process = subprocess.Popen(
            [sys.executable, "-m", "hub.serve", "--no-demo", "--port", port],
            cwd=servers.SOURCE, env=environ, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    servers._wait(server)


def ask(port, token, path):
    """What came of the body, and whether it ended as it should."""
    connection, got = http.client.HTTPConnection("127.0.0.1", port, timeout=20), b""
    try:
        connection.request("GET", path, headers={"Cookie": f"hub_session={token}"})
        answer = connection.getresponse()
        if answer.status != 200:
            return b"", True
        while piece := answer.read1(65536):
            got += piece
    except (OSError, http.client.HTTPException):
        return got, False
    else:
        return got, True
    finally:
        connection.close()


def client(port, token, files, held, stop):
    """Downloads and page views in turn; what brought no byte, as a closed port or a busy log, is asked again and not counted."""
    download = True
    while not stop.is_set():
        file = files["small"]
        path = f"/documents/{file}/versions/1/original" if download else f"/documents/{files['notes']}?page=1"
        got, whole = ask(port, token, path)
        if not got:
            stop.wait(0.05)
            continue
        with held.lock:
            held.asked += 1
            held.broken += not whole
            if got and download:
                held.downloads[file].append(got)
            elif got and (b"line 1 of an invented file" in got or not whole):
                held.pages += 1
        download = not download


class Slow:
    """A client in the middle of a download: it has the beginning, and more is on its way than sockets hold."""

    def __init__(self, port, token, document):
        self._asked = port, token, f"/documents/{document}/versions/1/original"
        self._got = b""
        wait_for(self._begun)

    def _begun(self):
        """A server that was just ended, or whose log is busy, is asked again."""
        port, token, path = self._asked
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            self._connection.request("GET", path, headers={"Cookie": f"hub_session={token}"})
            self._answer = self._connection.getresponse()
            if self._answer.status == 200:
                self._got = self._answer.read(1000)
        except (OSError, http.client.HTTPException):
            self._got = b""
        if not self._got:
            self._connection.close()
        return bool(self._got)

    def rest(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            while piece := self._answer.read1(65536):
                self._got += piece
        self._connection.close()
        return self._got


def test_every_byte_that_a_client_holds_has_its_entry(server):
    contents = {"small": content(100_000), "notes": content(3000), "large": content(16_000_000)}
    files = {name: upload(server, data, f"{name}.txt") for name, data in contents.items()}
    server.hub.documents.prepare(files["notes"], 1)
    wait_for(lambda: state(server, files["notes"]) == "ready")
    for name in ("small", "large"):
        server.hub.documents.give_reason(server.world.actor("police"), files[name], "casework")
    token, port = server.world.token("police"), int(server.url.rsplit(":", 1)[1])
    held, stop = Held(), threading.Event()
    threads = [threading.Thread(target=client, args=(port, token, files, held, stop)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    try:
        for number, whom in enumerate(KILLS, 1):
            wait_for(lambda number=number: held.asked >= REQUESTS * number / len(KILLS))
            kill(server, whom, Slow(port, token, files["large"]), held, files["large"])
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE)
    end(server)
    start_again(server)
    assert held.asked >= REQUESTS
    assert held.pages
    assert held.downloads[files["small"]]
    cut = held.downloads[files["large"]]
    assert any(len(got) < len(contents["large"]) for got in cut), "no kill met a download"
    faults = wrong(server, files, contents, held)
    if LONG:
        write(held, faults)
    assert faults == []


def kill(server, whom, slow, held, document):
    """With a download half way, and more requests on their way from the others."""
    held.kills[whom] += 1
    end(server, whom)
    got = slow.rest()
    with held.lock:
        held.asked += 1
        held.broken += len(got) < 16_000_000
        held.downloads[document].append(got)
    if whom == "all":
        start_again(server)


def wait_for(true):
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until, "nothing came of it"
        time.sleep(0.01)


def wrong(server, files, contents, held):
    """Sentences: bytes that are not the file's, views and downloads that the log does not know, gaps in it."""
    with server.hub.db.reading() as session:
        faults = [] if verify(session, server.world.area) is None else ["the log does not follow"]
        leaves = [
            json.loads(one) for one in session.scalars(select(LogEntry.leaf).order_by(LogEntry.sequence))
        ]
    told = Counter(
        (leaf["event"], leaf["fields"]["document"], leaf["fields"].get("form"))
        for leaf in leaves
        if "document" in leaf["fields"]
    )
    for name in ("small", "large"):
        got = held.downloads[files[name]]
        if not all(contents[name].startswith(one) for one in got):
            faults.append(f"bytes that are not the {name} file's")
        if len(got) > told["document.download_started", files[name], None]:
            faults.append(f"{len(got)} downloads of the {name} file are held, and the log knows fewer")
    if held.pages > told["document.page_viewed", files["notes"], "text"]:
        faults.append(f"{held.pages} pages are held, and the log knows fewer")
    numbers = [leaf["case_seq"] for leaf in leaves if leaf["case_seq"]]
    if numbers != list(range(1, len(numbers) + 1)):
        faults.append("the case has a gap in its log")
    return faults


def write(held, faults):
    said = {
        "what": "gunicorn's workers, and all of it, ended by SIGKILL while clients view pages and download over HTTP",
        "at": datetime.now(UTC).date().isoformat(),
        "page views and downloads, whole or cut": held.asked,
        "of them cut by a kill": held.broken,
        "pages held": held.pages,
        "downloads held, whole or in part": sum(map(len, held.downloads.values())),
        "bytes held of downloads": sum(len(one) for got in held.downloads.values() for one in got),
        "kills of one worker": held.kills["worker"],
        "kills of all processes": held.kills["all"] + 1,
        "faults": faults,
    }
    EVIDENCE.write_text(json.dumps(said, indent=1) + "\n")


def state(server, document):
    with server.hub.db.reading() as session:
        return session.get_one(DocumentVersion, (document, 1)).text_state


def test_a_job_that_was_taken_and_died_with_its_process_is_done_after_the_next_start(server):
    end(server)
    document = upload(server, content(500), "notes.txt")
    start_again(server, HUB_FAILPOINT="job-taken", HUB_FAILPOINT_FD="2")
    wait_for(lambda: b"job-taken" in server.log.read_bytes())
    assert state(server, document) == "waiting"
    end(server)
    start_again(server)
    wait_for(lambda: state(server, document) == "ready")
