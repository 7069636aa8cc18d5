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
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
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

pytestmark = pytest.mark.faults
REQUESTS = 1000 if os.environ.get("HUB_TEST_FAULTS") == "long" else 200
THREADS = 4
PATIENCE = 60
FILE = content(2_000_000)


@dataclass
class Held:
    """What the clients got: `pages` by document; of each download the bytes, whole or cut."""

    pages: Counter = field(default_factory=Counter)
    downloads: list[bytes] = field(default_factory=list)
    asked: int = 0
    broken: int = 0
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
            return answer.status, b"", True
        while piece := answer.read1(65536):
            got += piece
    except (OSError, http.client.HTTPException):
        return 0, got, False
    else:
        return 200, got, True
    finally:
        connection.close()


def client(port, token, documents, held, stop):
    """Downloads and page views in turn; a closed port is asked again, and is no request."""
    file, notes = documents
    download = True
    while not stop.is_set():
        path = f"/documents/{file}/versions/1/original" if download else f"/documents/{notes}?page=1"
        status, got, whole = ask(port, token, path)
        if status == 0 and not got:
            stop.wait(0.05)
            continue
        with held.lock:
            held.asked += 1
            held.broken += not whole
            if got and download:
                held.downloads.append(got)
            elif got and (b"line 1 of an invented file" in got or not whole):
                held.pages[notes] += 1
        download = not download


def test_every_byte_that_a_client_holds_has_its_entry(server):
    document, notes = upload(server, FILE, "large.txt"), upload(server, content(3000), "notes.txt")
    server.hub.documents.prepare(notes, 1)
    wait_for(lambda: state(server, notes) == "ready")
    server.hub.documents.give_reason(server.world.actor("police"), document, "casework")
    token, port = server.world.token("police"), int(server.url.rsplit(":", 1)[1])
    held, stop = Held(), threading.Event()
    threads = [
        threading.Thread(target=client, args=(port, token, (document, notes), held, stop))
        for _ in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    kills = 0
    try:
        for share in (0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0):
            wait_for(lambda share=share: held.asked >= REQUESTS * share)
            kills += 1
            if kills % 3:
                end(server, "worker")
            else:
                end(server)
                start_again(server)
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE)
    end(server)
    start_again(server)
    assert held.asked >= REQUESTS
    assert held.broken > 0, "no kill met a request"
    assert held.downloads
    assert held.pages
    check(server, document, notes, held)


def wait_for(true):
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until, "nothing came of it"
        time.sleep(0.01)


def check(server, document, notes, held):
    assert all(FILE.startswith(got) for got in held.downloads), "bytes that are not the file's"
    with server.hub.db.reading() as session:
        assert verify(session, server.world.area) is None
        leaves = [
            json.loads(one) for one in session.scalars(select(LogEntry.leaf).order_by(LogEntry.sequence))
        ]
    told = Counter(
        (leaf["event"], leaf["fields"]["document"], leaf["fields"].get("form"))
        for leaf in leaves
        if "document" in leaf["fields"]
    )
    assert len(held.downloads) <= told["document.download_started", document, None]
    assert held.pages[notes] <= told["document.page_viewed", notes, "text"]
    numbers = [leaf["case_seq"] for leaf in leaves if leaf["case_seq"]]
    assert numbers == list(range(1, len(numbers) + 1))


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
