"""A mail server of the standard library: it takes what it is sent, or accepts connections and says nothing."""

import queue
import socketserver
import threading
from email import message_from_bytes, policy


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self):
        if self.server.silent.is_set():
            self.server.met.put(self.client_address)
            self.server.speak.wait()
            return
        self._say("220 tests")
        while line := self.rfile.readline():
            self._answer(line.strip().upper())

    def _answer(self, said):
        if said == b"DATA":
            self._say("354 go on")
            lines = iter(self.rfile.readline, b".\r\n")
            self.server.mails.put(message_from_bytes(b"".join(lines), policy=policy.default))
        self._say("221 bye" if said == b"QUIT" else "250 yes")

    def _say(self, line):
        self.wfile.write(f"{line}\r\n".encode())


class MailServer(socketserver.ThreadingTCPServer):
    """`with MailServer() as server`: at `server.url`; `mails` is a queue of what came, `silent` makes it say nothing until `speak`."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.mails, self.met = queue.Queue(), queue.Queue()
        self.silent, self.speak = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.server_address[1]}"

    def __exit__(self, *_):
        self.speak.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
