"""Keys: root > area > case > object, each wrapped by the one above with AES-256-GCM.

The context of a wrap (hub, area, case, object, kind, version) is its associated data, so a wrapped key
taken to another row is refused. The root key stays with a provider: a local key file or a key service.
One call to the provider opens an area; everything below unwraps here.
"""

import base64
import json
import os
import stat
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.binding import canonical, canonical_context
from storage.disk import (
    disk_errors,
    make_folders,
    open_new,
    publish,
    sync_folder,
    temporary_beside,
    write_all,
)
from storage.errors import AlreadyExists, NotFound, StorageError, Tampered, WrongKey
from storage.names import check_id, check_version
from storage.receipts import ReceiptBook
from storage.stores.base import Store
from storage.vault import CaseKeys, FieldBox, Vault
from storage.wraps import KEY_SIZE, unwrap, wrap

KEPT_SECONDS = 60.0
KEPT_VAULTS = 4096
KEPT_AREAS = 64
_FORMAT = "mappa-hub/root-keys/1"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A key as a database row may hold it. ``version`` is that of the key inside, and is bound to it."""

    version: int
    data: bytes


class KeyProvider(Protocol):
    """Holds root keys. ``context`` says, in ids only, what a key is for, and is needed again to unwrap.

    ``WrongKey`` when a key does not open here under this context, ``Unavailable`` when nobody can say.
    """

    def generate(self, context: Mapping[str, str]) -> tuple[bytes, bytes]:
        """A new 32-byte key, in clear and wrapped."""
        ...

    def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes: ...
    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes: ...
    def healthy(self) -> bool: ...


class LocalKeyFile:
    """Root keys in one file of mode 0600: whoever can read it can read everything, so keep it off backups.

    New wraps use the newest version; older versions unwrap until they are retired.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys, self._current = _read_key_file(path)
        self._ciphers = {version: AESGCM(key) for version, key in self._keys.items()}

    @classmethod
    def create(cls, path: Path) -> "LocalKeyFile":
        """Make the file with a first root key; ``AlreadyExists`` when there is one, for it is irreplaceable."""
        if path.exists():
            raise AlreadyExists("There is a key file already, and it is never replaced.")
        with disk_errors():
            make_folders(path.parent)
            _publish_new(path, _as_json({1: os.urandom(KEY_SIZE)}, 1))
        return cls(path)

    @property
    def versions(self) -> tuple[int, ...]:
        return tuple(sorted(self._keys))

    @property
    def current(self) -> int:
        return self._current

    def generate(self, context: Mapping[str, str]) -> tuple[bytes, bytes]:
        key = os.urandom(KEY_SIZE)
        return key, self.wrap(key, context)

    def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        bound = _root_binding(self._current, context)
        return self._current.to_bytes(4, "big") + wrap(self._ciphers[self._current], key, bound)

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        version = int.from_bytes(wrapped[:4], "big")
        cipher = self._ciphers.get(version)
        if cipher is None:
            raise WrongKey("This was sealed under a root key that is not in the key file.")
        return unwrap(cipher, wrapped[4:], _root_binding(version, context))

    def healthy(self) -> bool:
        try:
            return _read_key_file(self._path)[1] == self._current
        except StorageError:
            return False

    def add_version(self) -> "LocalKeyFile":
        """Add a root key, used for every wrap from now on, and return the file as it then is."""
        new = max(self._keys) + 1
        return self._replaced({**self._keys, new: os.urandom(KEY_SIZE)}, new)

    def retire(self, version: int) -> "LocalKeyFile":
        """Forget a root key: what is still wrapped under it can never be opened again."""
        if version == self._current or version not in self._keys:
            raise WrongKey("Only an older root key that is in the key file can be retired.")
        left = {number: key for number, key in self._keys.items() if number != version}
        return self._replaced(left, self._current)

    def _replaced(self, keys: Mapping[int, bytes], current: int) -> "LocalKeyFile":
        with disk_errors():
            _replace(self._path, _as_json(keys, current))
        return LocalKeyFile(self._path)


def key_file_path(url: str, home: Path) -> Path:
    rest = url.removeprefix("file:")
    return Path(rest) if rest else home / "keys" / "root.json"


def key_provider_from_url(url: str, home: Path, *, create: bool = False) -> KeyProvider:
    """``""`` or ``file:`` (below ``home``), ``file:/absolute/path``, ``aws-kms:key-id-or-alias``.

    ``create`` makes a key file that is not there yet, but never where ``home`` already holds objects:
    a new key beside old data would hide that the old key is lost.
    """
    if url.startswith("aws-kms:"):
        from storage.kms import kms_provider_from_url  # noqa: PLC0415  (boto3 takes 0.3 s to import)

        return kms_provider_from_url(url)
    if url and not url.startswith("file:"):
        raise ValueError("HUB_KEYS_URL must be empty or begin with file: or aws-kms:.")
    path = key_file_path(url, home)
    if create and not path.exists():
        _refuse_beside_data(home)
        return LocalKeyFile.create(path)
    return LocalKeyFile(path)


class Keyring:
    """Opens areas and cases. Keys are kept in memory for at most 60 s, a bounded number of them.

    Safe to share between threads. ``hub`` is this installation's id: another hub's keys do not open here.
    """

    def __init__(
        self,
        provider: KeyProvider,
        *,
        hub: str,
        store: Store,
        receipts: ReceiptBook,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._provider, self._hub = provider, check_id(hub)
        self._store, self._receipts = store, receipts
        self._areas: _Kept[_AreaKeys] = _Kept(KEPT_AREAS, clock)
        self._vaults: _Kept[Vault] = _Kept(KEPT_VAULTS, clock)

    def new_area_key(self, area: str, *, version: int = 1) -> WrappedKey:
        _, wrapped = self._provider.generate(self._area_context(area, version))
        return WrappedKey(version=version, data=wrapped)

    def rewrap_area_key(self, area_wrapped: WrappedKey, area: str) -> WrappedKey:
        """The same area key under the provider's newest root key."""
        context = self._area_context(area, area_wrapped.version)
        again = self._provider.wrap(self._provider.unwrap(area_wrapped.data, context), context)
        return WrappedKey(version=area_wrapped.version, data=again)

    def new_case_key(self, area_wrapped: WrappedKey, area: str, case: str, *, version: int = 1) -> WrappedKey:
        area_keys = self._area(area_wrapped, area)
        data = wrap(area_keys.cipher, os.urandom(KEY_SIZE), area_keys.binding(case, version))
        return WrappedKey(version=version, data=data)

    def rewrap_case_key(
        self, old_area: WrappedKey, new_area: WrappedKey, area: str, case: str, case_wrapped: WrappedKey
    ) -> WrappedKey:
        """The same case key under a new area key."""
        old, new = self._area(old_area, area), self._area(new_area, area)
        bound = old.binding(case, case_wrapped.version)
        data = wrap(new.cipher, unwrap(old.cipher, case_wrapped.data, bound), bound)
        return WrappedKey(version=case_wrapped.version, data=data)

    def case_vault(self, area_wrapped: WrappedKey, case_wrapped: WrappedKey, area: str, case: str) -> Vault:
        """The vault of one case; ``WrongKey`` when either key belongs elsewhere."""
        area_keys = self._area(area_wrapped, area)
        mark = (area_keys, case, case_wrapped)  # so that no vault outlives the area key it came from
        return self._vaults.get(mark, lambda: self._unlock(area_keys, case_wrapped, area, case))

    def purpose_key(self, area_wrapped: WrappedKey, area: str, purpose: str) -> bytes:
        """A 32-byte key of the area for one named purpose, the same each time."""
        return self._area(area_wrapped, area).purpose(purpose)

    def area_box(self, area_wrapped: WrappedKey, area: str, purpose: str) -> FieldBox:
        """Seals small secrets of an area (not of a case) under ``purpose_key``."""
        key = self.purpose_key(area_wrapped, area, purpose)
        return FieldBox(key, canonical("mappa-hub/area-field/1", self._hub, area, purpose))

    def forget(self) -> None:
        """Drop every key held in memory, as when a case was shredded or a key was rotated."""
        self._areas.clear()
        self._vaults.clear()

    def _unlock(self, area_keys: "_AreaKeys", case_wrapped: WrappedKey, area: str, case: str) -> Vault:
        bound = area_keys.binding(case, case_wrapped.version)
        key = unwrap(area_keys.cipher, case_wrapped.data, bound)
        keys = CaseKeys(key=key, hub=self._hub, area=area, case=case)
        return Vault(keys, self._store, self._receipts)

    def _area(self, wrapped: WrappedKey, area: str) -> "_AreaKeys":
        return self._areas.get((area, wrapped), lambda: self._opened(wrapped, area))

    def _opened(self, wrapped: WrappedKey, area: str) -> "_AreaKeys":
        key = self._provider.unwrap(wrapped.data, self._area_context(area, wrapped.version))
        return _AreaKeys(key, self._hub, area)

    def _area_context(self, area: str, version: int) -> dict[str, str]:
        return {
            "hub": self._hub,
            "area": check_id(area),
            "kind": "area-key",
            "version": str(check_version(version)),
        }


class _AreaKeys:
    def __init__(self, key: bytes, hub: str, area: str) -> None:
        self._key, self._hub, self._area = key, hub, area
        self._cases = canonical("mappa-hub/case-key/1", hub, area)
        self.cipher = AESGCM(key)

    def binding(self, case: str, version: int) -> bytes:
        return self._cases + canonical(check_id(case), check_version(version))

    def purpose(self, purpose: str) -> bytes:
        info = canonical("mappa-hub/area-purpose/1", self._hub, self._area, purpose)
        return HKDF(algorithm=hashes.SHA256(), length=KEY_SIZE, salt=None, info=info).derive(self._key)


class _Kept(Generic[_T]):
    """A bounded memory of what was made less than 60 s ago; the oldest goes first."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self._limit, self._clock = limit, clock
        self._held: OrderedDict[Hashable, tuple[float, _T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, mark: Hashable, make: Callable[[], _T]) -> _T:
        now = self._clock()
        with self._lock:
            found = self._held.get(mark)
        if found is not None and now - found[0] < KEPT_SECONDS:
            return found[1]
        made = make()
        with self._lock:
            self._held.pop(mark, None)
            self._held[mark] = (now, made)
            self._drop(now)
        return made

    def clear(self) -> None:
        with self._lock:
            self._held.clear()

    def _drop(self, now: float) -> None:
        while self._held:
            mark, (since, _) = next(iter(self._held.items()))
            if len(self._held) <= self._limit and now - since < KEPT_SECONDS:
                return
            del self._held[mark]


def _root_binding(version: int, context: Mapping[str, str]) -> bytes:
    return canonical_context("mappa-hub/root-wrap/1", {**context, "root": str(version)})


def _refuse_beside_data(home: Path) -> None:
    objects = home / "objects"
    if objects.is_dir() and any(objects.iterdir()):
        raise NotFound(
            "The key file is missing but there are sealed objects: put the key file back, or recover it."
        )


def _as_json(keys: Mapping[int, bytes], current: int) -> bytes:
    listed = {str(version): base64.b64encode(key).decode("ascii") for version, key in sorted(keys.items())}
    return json.dumps({"format": _FORMAT, "current": current, "keys": listed}, indent=1).encode("ascii")


def _read_key_file(path: Path) -> tuple[dict[int, bytes], int]:
    try:
        return _parse(json.loads(_read_private(path)))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Tampered("The key file is not as this program writes it.") from None


def _parse(said: Any) -> tuple[dict[int, bytes], int]:
    keys = {int(version): base64.b64decode(key, validate=True) for version, key in said["keys"].items()}
    current = said["current"]
    sound = said["format"] == _FORMAT and current in keys and all(len(k) == KEY_SIZE for k in keys.values())
    if not sound:
        raise ValueError("unsound")
    return keys, current


def _read_private(path: Path) -> bytes:
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
        return file.read(1 << 20)


def _publish_new(path: Path, data: bytes) -> None:
    temporary = temporary_beside(path)
    try:
        _write_synced(temporary, data)
        publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _replace(path: Path, data: bytes) -> None:
    temporary = temporary_beside(path)
    try:
        _write_synced(temporary, data)
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _write_synced(path: Path, data: bytes) -> None:
    descriptor = open_new(path)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
