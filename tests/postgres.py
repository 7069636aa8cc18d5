"""A throw-away PostgreSQL cluster, gone with the process that started it; it would not survive a power cut, and need not."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
from psycopg import sql

from hub.setup.testing import postgres_folder
from tests.memory import memory

SUPERVISOR = '"$1" -D "$2/data" -k "$2" & read -r _; kill -QUIT $!; wait $!; rm -rf "$2"'
"""The server ends when standard input does: by `stop`, or because this process died, however it did."""
SETTINGS = """
listen_addresses = ''
unix_socket_permissions = 0700
shared_buffers = 32MB
max_connections = 100
"""
HASTY = """
fsync = off
full_page_writes = off
autovacuum = off
wal_level = minimal
max_wal_senders = 0
"""
COPIES_FILES = 150000
"""The version that has a choice; copied page by page through its log, a database takes twice the time."""
PATIENCE = 60
"""Seconds that starting or stopping may take on a busy machine."""


def find_binaries():
    """The folder of `initdb` and `postgres`, or None."""
    found = postgres_folder(os.environ)
    return Path(found) if found else None


class PostgresServer:
    """`with PostgresServer() as server: url = server.database("name")`; `programs` is the folder of initdb."""

    def __init__(self, programs=None, *, durable=False):
        """`durable`: with every sync, to be measured."""
        self._programs = programs or find_binaries()
        self._settings = SETTINGS if durable else SETTINGS + HASTY
        self._below = None if durable else memory()
        self._as = _unprivileged()
        self._server = None
        self.folder = None

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="hubpg", dir=self._below))
        try:
            self._make_cluster()
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def database(self, name, template=None):
        """A new database, its SQLAlchemy URL; nobody may be connected to `template`."""
        wanted = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        with self._connect() as connection:
            if template:
                wanted += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
            if template and connection.info.server_version >= COPIES_FILES:
                wanted += sql.SQL(" STRATEGY FILE_COPY")
            connection.execute(wanted)
        return self.url(name)

    def drop(self, name):
        """Ends whoever is still connected, then removes the database."""
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def url(self, name):
        return f"postgresql+psycopg://hub@/{name}?host={self.folder}"

    def stop(self):
        server, self._server = self._server, None
        if server is not None:
            server.stdin.close()
            server.wait(PATIENCE)
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _make_cluster(self):
        if self._as:
            account = pwd.getpwnam(self._as["user"])
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        options = ("-U", "hub", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        made = self._start_process([self._programs / "initdb", "-D", self.folder / "data", *options])
        told, _ = made.communicate(timeout=PATIENCE)
        if made.returncode != 0:
            raise RuntimeError(f"initdb failed: {told.decode(errors='replace').strip()}")
        with (self.folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(self._settings)

    def _start(self):
        command = ["sh", "-c", SUPERVISOR, "sh", self._programs / "postgres", self.folder]
        with (self.folder / "log").open("wb") as log:
            self._server = self._start_process(command, stdout=log)
        until = time.monotonic() + PATIENCE
        while not self._answers():
            if time.monotonic() > until:
                raise RuntimeError(
                    f"PostgreSQL did not start: {(self.folder / 'log').read_text(errors='replace')}"
                )
            time.sleep(0.05)

    def _start_process(self, command, stdout=subprocess.PIPE):
        quiet = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
        return subprocess.Popen(
            [str(part) for part in command], cwd=self.folder, env=quiet, start_new_session=True,
            stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.STDOUT, **self._as,
        )  # fmt: skip

    def _answers(self):
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self):
        return psycopg.connect(host=str(self.folder), user="hub", dbname="postgres", autocommit=True)

    def _run(self, statement):
        with self._connect() as connection:
            connection.execute(statement)


def _unprivileged():
    """PostgreSQL refuses to run as root; as anybody else it runs as that person."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = "postgres" if "postgres" in names else "nobody"
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
