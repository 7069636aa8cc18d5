"""A proxy before PostgreSQL's socket that can fall silent: it takes what it is sent, and passes nothing on."""

import socket
import threading


class Proxy:
    """`with Proxy(folder of the socket) as proxy`: at `proxy.port` of 127.0.0.1; silent while `flows` is not set."""

    def __init__(self, folder):
        self._target = f"{folder}/.s.PGSQL.5432"
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.flows, self._ending = threading.Event(), False
        self.flows.set()
        self._open, self._threads = [], []

    def __enter__(self):
        self._start(self._accept)
        return self

    def __exit__(self, *_):
        self._ending = True
        self.flows.set()
        for one in (self._listening, *self._open):
            _end(one)
        for thread in self._threads:
            thread.join()

    def _start(self, act, *args):
        thread = threading.Thread(target=act, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while not self._ending:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target)
            self._open += [near, far]
            self._start(self._pass_on, near, far)
            self._start(self._pass_on, far, near)

    def _pass_on(self, source, target):
        try:
            while data := source.recv(65536):
                self.flows.wait()
                target.sendall(data)
        except OSError:
            pass
        _end(target)


def _end(one):
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    finally:
        one.close()
