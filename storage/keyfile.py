"""Root keys in a file: the provider of a hub that has no key service."""

import base64
import contextlib
import fcntl
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.binding import canonical_context
from storage.disk import disk_errors, make_folders, write_instead, write_new
from storage.errors import AlreadyExists, NotFound, StorageError, Tampered, WrongKey
from storage.wraps import KEY_SIZE, unwrap, wrap

KEPT_SECONDS = 60.0
"""How long an opened key may stay in memory."""
_FORMAT = "mappa-hub/root-keys/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class RootKeys:
    """What a key file holds. ``made`` tells when a version was made (ISO 8601), where that is known."""

    keys: Mapping[int, bytes]
    current: int
    made: Mapping[int, str]

    def __repr__(self) -> str:
        return f"RootKeys(versions={sorted(self.keys)}, current={self.current})"


class LocalKeyFile:
    """Root keys in one file of mode 0600: whoever can read it can read everything, so keep it off backups.

    New wraps use the newest version; older versions unwrap until they are retired. A running process
    looks at each use whether the file was replaced. What was retired meanwhile still unwraps for the
    60 s for which an opened area may be kept anyway, counted from the file's own time of change, so that
    whoever had read a row just before its key was wrapped again is not turned away.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._retired: dict[int, tuple[float, AESGCM]] = {}
        self._take(*_read_key_file(path))

    @classmethod
    def create(cls, path: Path) -> "LocalKeyFile":
        """Make the file with a first root key; ``AlreadyExists`` when there is one, for it is irreplaceable."""
        return cls.restore(path, RootKeys(keys={1: os.urandom(KEY_SIZE)}, current=1, made={1: _now()}))

    @classmethod
    def restore(cls, path: Path, roots: RootKeys) -> "LocalKeyFile":
        """Make the file of keys that were recovered; ``AlreadyExists`` when there is one."""
        if path.exists():
            raise AlreadyExists("There is a key file already, and it is never replaced.")
        with disk_errors():
            make_folders(path.parent)
            write_new(path, [_as_json(roots)])
        return cls(path)

    @property
    def versions(self) -> tuple[int, ...]:
        return tuple(sorted(self.roots().keys))

    @property
    def current(self) -> int:
        return self.roots().current

    def roots(self) -> RootKeys:
        """Every root key in clear: for escrow alone."""
        return self._looked_at()[0]

    def version_of(self, wrapped: bytes) -> int:
        """The root key's version that something is wrapped under, as it says itself."""
        return int.from_bytes(wrapped[:4], "big")

    def generate(self, context: Mapping[str, str]) -> tuple[bytes, bytes]:
        key = os.urandom(KEY_SIZE)
        return key, self.wrap(key, context)

    def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        roots, ciphers = self._looked_at()
        bound = _root_binding(roots.current, context)
        return roots.current.to_bytes(4, "big") + wrap(ciphers[roots.current], key, bound)

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        version = self.version_of(wrapped)
        cipher = self._looked_at()[1].get(version) or self._just_retired(version)
        if cipher is None:
            raise WrongKey("This was sealed under a root key that is not in the key file.")
        return unwrap(cipher, wrapped[4:], _root_binding(version, context))

    def healthy(self) -> bool:
        try:
            return _read_key_file(self._path)[0].current == self.current
        except StorageError:
            return False

    def add_version(self) -> "LocalKeyFile":
        """Add a root key, used for every wrap from now on, and return the file as it then is."""

        def added(roots: RootKeys) -> RootKeys:
            new = max(roots.keys) + 1
            keys = {**roots.keys, new: os.urandom(KEY_SIZE)}
            return RootKeys(keys=keys, current=new, made={**roots.made, new: _now()})

        return self._replaced(added)

    def retire(self, version: int) -> "LocalKeyFile":
        """Forget a root key: what is still wrapped under it can never be opened again."""

        def retired(roots: RootKeys) -> RootKeys:
            if version == roots.current or version not in roots.keys:
                raise WrongKey("Only an older root key that is in the key file can be retired.")
            left, made = dict(roots.keys), dict(roots.made)
            del left[version]
            made.pop(version, None)
            return RootKeys(keys=left, current=roots.current, made=made)

        return self._replaced(retired)

    def _replaced(self, change: Callable[[RootKeys], RootKeys]) -> "LocalKeyFile":
        """What the file holds is read under the lock: of two who change it at once neither loses a key."""
        with disk_errors(), _locked(self._path.parent):
            write_instead(self._path, [_as_json(change(_read_key_file(self._path)[0]))])
        return LocalKeyFile(self._path)

    def _looked_at(self) -> tuple[RootKeys, Mapping[int, AESGCM]]:
        """As the file is now. One that is gone or damaged is for ``healthy`` to tell: what is held goes on."""
        with self._lock:
            with contextlib.suppress(StorageError, OSError):
                if _mark_of(self._path.lstat()) != self._mark:
                    self._take(*_read_key_file(self._path))
            return self._roots, self._ciphers

    def _take(self, roots: RootKeys, state: os.stat_result) -> None:
        held = getattr(self, "_ciphers", {})
        until = state.st_mtime + KEPT_SECONDS
        gone = {version: (until, cipher) for version, cipher in held.items() if version not in roots.keys}
        self._retired = {**self._retired, **gone}
        self._roots, self._mark = roots, _mark_of(state)
        self._ciphers = {version: AESGCM(key) for version, key in roots.keys.items()}

    def _just_retired(self, version: int) -> AESGCM | None:
        until, cipher = self._retired.get(version, (0.0, None))
        if time.time() < until:
            return cipher
        self._retired.pop(version, None)
        return None


def key_file_path(url: str, home: Path) -> Path:
    rest = url.removeprefix("file:")
    return Path(rest) if rest else home / "keys" / "root.json"


def _root_binding(version: int, context: Mapping[str, str]) -> bytes:
    return canonical_context("mappa-hub/root-wrap/1", {**context, "root": str(version)})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _mark_of(state: os.stat_result) -> tuple[int, int, int]:
    return state.st_ino, state.st_mtime_ns, state.st_size


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Alone among those who change the key file; released by the kernel when the process ends."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _as_json(roots: RootKeys) -> bytes:
    keys = {
        str(version): base64.b64encode(key).decode("ascii") for version, key in sorted(roots.keys.items())
    }
    made = {str(version): when for version, when in sorted(roots.made.items())}
    said = {"format": _FORMAT, "current": roots.current, "keys": keys, "made": made}
    return json.dumps(said, indent=1).encode("ascii")


def _read_key_file(path: Path) -> tuple[RootKeys, os.stat_result]:
    data, state = _read_private(path)
    try:
        return _parse(json.loads(data)), state
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Tampered("The key file is not as this program writes it.") from None


def _parse(said: Any) -> RootKeys:
    keys = {int(version): base64.b64decode(key, validate=True) for version, key in said["keys"].items()}
    made = {int(version): str(when) for version, when in said.get("made", {}).items()}
    current = said["current"]
    sound = said["format"] == _FORMAT and current in keys and all(len(k) == KEY_SIZE for k in keys.values())
    if not sound:
        raise ValueError("unsound")
    return RootKeys(keys=keys, current=current, made=made)


def _read_private(path: Path) -> tuple[bytes, os.stat_result]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound(f"There is no key file at {path}.") from None
    except OSError as error:
        raise WrongKey(f"The key file cannot be opened: {error.strerror}.") from None
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode) or state.st_mode & 0o077 or state.st_uid != os.geteuid():
            raise WrongKey("The key file must be a plain file that its owner alone can read: chmod 600.")
        return file.read(1 << 20), state
