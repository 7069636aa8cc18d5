"""A plain server of files with sendfile, for machines without nginx: `python -m bench.sendfile ROOT PORT`."""

import socketserver
import sys
from pathlib import Path


class Handler(socketserver.StreamRequestHandler):
    root = Path()

    def handle(self) -> None:
        path = self.rfile.readline().split(b" ")[1].decode()
        while self.rfile.readline().strip():
            pass
        file = self.root / path.lstrip("/")
        if not file.is_file():
            self.wfile.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {file.stat().st_size}\r\nConnection: close\r\n\r\n"
        self.wfile.write(head.encode())
        with file.open("rb") as content:
            self.connection.sendfile(content)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    Handler.root = Path(sys.argv[1])
    Server(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
