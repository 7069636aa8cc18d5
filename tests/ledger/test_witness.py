"""The witness, over HTTP as a log asks it: one story for each log, kept before it answers."""

import http.client
import json
import socket
import socketserver
import subprocess
import threading
from pathlib import Path

import pytest

from hub.proof.outside import verify, witness
from tests.ledger.alone import command
from tests.ledger.second import Merkle, Signer, b64, h, note, small_log


class Asked:
    """A running witness that knows the log; `ask` posts a checkpoint with a proof from a size."""

    def __init__(self, folder, log):
        self.log, self.said, self.now = log, [], 1_800_000_000
        self.home = witness.Home(folder)
        self.vkey = self.home.make("witness.example/w")
        self.home.add_log(log.signer.vkey)
        self.witness = witness.Witness(self.home, clock=lambda: self.now, tell=self.said.append)
        self.server = witness.Server(("127.0.0.1", 0), self.witness)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def post(self, body, path="/add-checkpoint", headers=None):
        connection = http.client.HTTPConnection(*self.server.server_address, timeout=20)
        connection.request("POST", path, body.encode() if isinstance(body, str) else body, headers or {})
        answer = connection.getresponse()
        found = answer.status, answer.getheader("Content-Type"), answer.read().decode()
        connection.close()
        return found

    def ask(self, size, old=None, log=None, text=None, proof=None):
        log = log or self.log
        old = self.size() if old is None else old
        text = text if text is not None else signed(log, size)
        proof = Merkle(log.stored[:size]).proof(old) if proof is None and old <= size else proof or []
        return self.post(f"old {old}\n" + "".join(f"{b64(one)}\n" for one in proof) + "\n" + text)

    def size(self):
        return self.home.known(self.log.origin).size


def signed(log, size):
    body = log.body(size)
    return note(body, log.signer.line(body))


@pytest.fixture
def log():
    return small_log(entries=60)


@pytest.fixture
def asked(tmp_path, log):
    made = Asked(tmp_path / "witness", log)
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_log_that_grows_is_cosigned_at_every_step(asked, log):
    for size in (0, 0, 1, 2, 7, 8, 8, 33, 60):
        asked.now += 10
        status, _, line = asked.ask(size)
        assert (status, asked.size()) == (200, size), line
        found = verify.read_note(signed(log, size) + line)
        assert verify.signed_by(verify.read_key(asked.vkey), found) is True
        assert int.from_bytes(found.signatures[-1][2][:8], "big") == asked.now
    assert asked.said == []


def test_the_time_it_says_never_goes_back(asked):
    asked.ask(5)
    asked.now -= 1000
    line = asked.ask(6)[2]
    assert int.from_bytes(verify.read_base64(line.split(" ")[2].strip())[4:12], "big") == asked.now + 1000


def test_another_story_is_refused_whatever_the_request(asked):
    asked.ask(20)
    other = small_log(entries=60, seed=9)
    other.signer = asked.log.signer
    status, kind, told = asked.ask(20, log=other)
    assert (status, kind, told) == (409, "text/x.tlog.size", "20\n")
    status, _, _ = asked.ask(40, log=other)
    assert status == 422
    assert asked.ask(40, proof=[])[0] == 422
    assert asked.ask(40, proof=Merkle(asked.log.stored[:40]).proof(20)[:-1])[0] == 422
    assert asked.ask(20, proof=[h(b"x")])[0] == 422
    assert asked.size() == 20
    kept = [json.loads(line) for line in (asked.home.folder / "refusals.jsonl").read_text().splitlines()]
    assert [one["status"] for one in kept] == [409, 422, 422, 422, 422]
    assert kept[0]["note"] == signed(other, 20)
    assert len(asked.said) == 5


def test_a_log_that_was_set_back_is_refused(asked):
    asked.ask(40)
    assert asked.ask(30, old=30) == (409, "text/x.tlog.size", "40\n")
    assert asked.ask(30, old=40)[0] == 400
    assert asked.ask(50, old=0) == (409, "text/x.tlog.size", "40\n")
    assert asked.ask(50)[0] == 200


def test_signatures_that_are_not_the_logs_are_refused(asked, log):
    body = log.body(10)
    elsewhere = Signer(log.origin, h(b"elsewhere"))
    assert asked.ask(10, text=note(body, elsewhere.line(body)))[0] == 403
    assert asked.ask(10, text=note(body, log.signer.line(log.body(11))))[0] == 403
    assert asked.ask(10, text=note(body, log.signer.line(body), elsewhere.line(body)))[0] == 200
    other = body.replace(log.origin, "elsewhere.example/log")
    assert asked.ask(11, text=note(other, log.signer.line(other)))[0] == 404
    assert not (asked.home.folder / "refusals.jsonl").exists(), "only what the log signed is kept"


BODIES = [
    "", "old 0\n", "old 0\n\n", "old 00\n\nx", "old -1\n\nx", "old 1e3\n\nx", "new 0\n\nx", "old 0\nnot base64\n\nx\n0\nx\n\n", b"\xff\xfe",
    "old 0\n" + (b64(bytes(32)) + "\n") * 64 + "\nx\n1\n" + b64(bytes(32)) + "\n\n\u2014 x AAAAAAAA\n",
    "old 0\n\nx\n1\n" + b64(bytes(31)) + "\n\n\u2014 x AAAAAAAA\n", "old 0\n\nx\n01\n" + b64(bytes(32)) + "\n\n\u2014 x AAAAAAAA\n",
    "old 0\n\nx\n99999999999999999999\n" + b64(bytes(32)) + "\n\n\u2014 x AAAAAAAA\n",
    "old 0\n\nx\n1\n" + b64(bytes(32)) + "\n\n- x AAAAAAAA\n", "old 0\n\nx\n1\n" + b64(bytes(32)) + "\n\n\u2014 x AAAAAAAA",
    "old 0\n\nx\r\n1\n" + b64(bytes(32)) + "\n\n\u2014 x AAAAAAAA\n", "old 0\n\nx\n1\n" + b64(bytes(32)) + "\n\n" + "\u2014 x AAAAAAAA\n" * 65,
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(BODIES)))
def test_a_request_of_another_form_is_400(asked, number):
    assert asked.post(BODIES[number])[0] == 400
    assert asked.size() == 0


def test_long_unbounded_and_misplaced_requests_are_refused(asked):
    assert asked.post(b"x" * 100_000)[0] == 413
    assert asked.post(b"", headers={"Content-Length": "x"})[0] == 411
    assert asked.post(iter([b"x"]))[0] == 411
    assert asked.post("old 0\n", path="/elsewhere")[0] == 404
    connection = http.client.HTTPConnection(*asked.server.server_address, timeout=20)
    connection.request("GET", "/add-checkpoint")
    assert connection.getresponse().status == 501
    connection.close()


def test_of_two_roots_at_once_only_one_is_ever_cosigned(asked, log):
    """Each of many rounds: two stories of one size race; whichever is first, the other is refused."""
    other = small_log(entries=60, seed=9)
    other.signer = log.signer
    for size in (5, 5, 5, 5):
        asked.home.keep(log.origin, witness.Known((log.signer.vkey,)))
        ready, answers = threading.Barrier(8), []

        def race(which, ready=ready, answers=answers, size=size):
            ready.wait()
            answers.append((asked.ask(size, old=0, log=which)[0], which is log))

        threads = [threading.Thread(target=race, args=(which,)) for which in (log, other) * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        cosigned = {mine for status, mine in answers if status == 200}
        assert len(cosigned) == 1
        assert sorted(status for status, _ in answers) == [200] + [409] * 7


def test_nothing_is_answered_before_it_is_kept(asked, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(witness.os, "fsync", full)
    assert asked.ask(5)[0] == 500
    monkeypatch.undo()
    assert (asked.size(), asked.ask(5)[0]) == (0, 200)


def test_what_is_known_and_cannot_be_read_stops_it(asked, log):
    asked.ask(5)
    file = asked.home._file(log.origin)
    for text in ("", "{}", file.read_text().replace(log.origin, "other")):
        file.write_text(text)
        assert asked.ask(6, old=5)[0] == 500


def test_it_goes_on_where_it_was_after_a_restart(asked, log):
    asked.ask(20)
    again = witness.Witness(witness.Home(asked.home.folder), tell=asked.said.append)
    old = small_log(entries=60, seed=9)
    old.signer = log.signer
    with pytest.raises(witness.Refused) as refused:
        again.add_checkpoint(f"old 0\n\n{signed(old, 30)}".encode())
    assert (refused.value.status, refused.value.size) == (409, 20)


def test_the_command_alone_from_init_to_status(tmp_path, log):
    program = Path(witness.__file__)

    def run(*words):
        asked = command(program, *words, "--home", tmp_path / "w")
        return subprocess.run(asked, capture_output=True, text=True, check=False)

    assert "init makes one" in run("status").stderr or run("run").returncode == 1
    made = run("init", "--name", "witness.example/w")
    assert verify.read_key(made.stdout.strip()).kind == verify.WITNESS_KEY
    assert (tmp_path / "w" / "key.json").stat().st_mode & 0o777 == 0o600
    assert "already" in run("init", "--name", "again").stderr
    assert run("init", "--name", "a b").returncode == 1
    assert "no verifier key" in run("add-log", "x").stderr
    assert "not of a log" in run("add-log", made.stdout.strip()).stderr
    assert log.origin in run("add-log", log.signer.vkey).stdout
    serving = subprocess.Popen(
        command(program, "run", "--home", tmp_path / "w", "--listen", "127.0.0.1:0"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        port = int(serving.stdout.readline().split(":")[1].split(",")[0])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("POST", "/add-checkpoint", f"old 0\n\n{signed(log, 12)}".encode())
        assert connection.getresponse().status == 200
        connection.close()
    finally:
        serving.terminate()
        serving.communicate(timeout=20)
    told = json.loads(run("status", "--json").stdout)
    assert (told["logs"][0]["size"], told["key"]) == (12, made.stdout.strip())
    assert f"{log.origin}: 12 entries" in run("status").stdout
    assert run("run", "--listen", "nowhere").returncode == 1
    (tmp_path / "w" / "key.json").chmod(0o644)
    assert "read by others" in run("status").stderr


def test_a_connection_for_which_no_thread_can_be_had_keeps_no_place(asked, monkeypatch):
    def none_left(*_):
        raise RuntimeError("can't start new thread")

    asked.server._free = threading.BoundedSemaphore(1)
    with monkeypatch.context() as patched:
        patched.setattr(socketserver.ThreadingMixIn, "process_request", none_left)
        for _ in range(3):
            with socket.create_connection(asked.server.server_address, timeout=20) as connection:
                assert connection.recv(1) == b"", "it is ended"
    assert asked.post("x")[0] == 400
