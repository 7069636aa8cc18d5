"""Keys: root > area > case > object, each wrapped by the one above with AES-256-GCM.

The context of a wrap (hub, area, case, object, kind, version) is its associated data, so a wrapped key
taken to another row is refused. The root key stays with a provider: a local key file or a key service.
One call to the provider opens an area; everything below unwraps here.
"""

import contextlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.binding import canonical
from storage.errors import NotFound, WrongKey
from storage.keyfile import KEPT_SECONDS, LocalKeyFile, RootKeys, key_file_path
from storage.names import check_id, check_version
from storage.receipts import ReceiptBook
from storage.stores.base import Store
from storage.vault import CaseKeys, FieldBox, Vault
from storage.wraps import KEY_SIZE, unwrap, wrap

__all__ = [
    "KeyProvider",
    "Keyring",
    "LocalKeyFile",
    "RootKeys",
    "WrappedKey",
    "key_file_path",
    "key_provider_from_url",
]

KEPT_VAULTS = 4096
KEPT_AREAS = 64
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A key as a database row may hold it. ``version`` is that of the key inside, and is bound to it.

    ``spare`` is the other key while a rotation is under way: the next one before it is taken up, the
    previous one after. It opens what the first does not; nothing is sealed under it.
    """

    version: int
    data: bytes
    spare: "WrappedKey | None" = None

    @property
    def alone(self) -> "WrappedKey":
        return self if self.spare is None else replace(self, spare=None)


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


def key_provider_from_url(
    url: str, home: Path, *, create: bool = False, beside_data: Callable[[], bool] = lambda: False
) -> KeyProvider:
    """``""`` or ``file:`` (below ``home``), ``file:/absolute/path``, ``aws-kms:key-id-or-alias``.

    ``create`` makes a key file that is not there yet, but never where ``home`` already holds objects, nor
    where ``beside_data``, asked only then, says that something is sealed elsewhere: a new key beside old
    data would hide that the old key is lost.
    """
    if url.startswith("aws-kms:"):
        from storage.kms import kms_provider_from_url  # noqa: PLC0415  (boto3 takes 0.3 s to import)

        return kms_provider_from_url(url)
    if url and not url.startswith("file:"):
        raise ValueError("HUB_KEYS_URL must be empty or begin with file: or aws-kms:.")
    path = key_file_path(url, home)
    if create and not path.exists():
        if beside_data() or _holds_objects(home):
            raise NotFound(
                "The key file is missing but there is sealed data: put the key file back, or recover it."
            )
        return LocalKeyFile.create(path)
    return LocalKeyFile(path)


def _holds_objects(home: Path) -> bool:
    objects = home / "objects"
    return objects.is_dir() and any(objects.iterdir())


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
        _, wrapped = self._provider.generate(self.area_context(area, version))
        return WrappedKey(version=version, data=wrapped)

    def rewrap_area_key(self, area_wrapped: WrappedKey, area: str) -> WrappedKey:
        """The same area key under the provider's newest root key."""
        context = self.area_context(area, area_wrapped.version)
        again = self._provider.wrap(self._provider.unwrap(area_wrapped.data, context), context)
        return WrappedKey(version=area_wrapped.version, data=again)

    @property
    def provider(self) -> KeyProvider:
        return self._provider

    def area_context(self, area: str, version: int) -> dict[str, str]:
        """What an area key of this version is wrapped for."""
        return {
            "hub": self._hub,
            "area": check_id(area),
            "kind": "area-key",
            "version": str(check_version(version)),
        }

    def new_case_key(self, area_wrapped: WrappedKey, area: str, case: str, *, version: int = 1) -> WrappedKey:
        area_keys = self._area(area_wrapped.alone, area)
        data = wrap(area_keys.cipher, os.urandom(KEY_SIZE), area_keys.binding(case, version))
        return WrappedKey(version=version, data=data)

    def rewrap_case_key(
        self, old_area: WrappedKey, new_area: WrappedKey, area: str, case: str, case_wrapped: WrappedKey
    ) -> WrappedKey:
        """The same case key under a new area key."""
        old, new = self._area(old_area.alone, area), self._area(new_area.alone, area)
        bound = old.binding(case, case_wrapped.version)
        data = wrap(new.cipher, unwrap(old.cipher, case_wrapped.data, bound), bound)
        return WrappedKey(version=case_wrapped.version, data=data)

    def opens_case_key(
        self, area_wrapped: WrappedKey, area: str, case: str, case_wrapped: WrappedKey
    ) -> bool:
        """Whether the case key is wrapped under this very area key, whatever its spare would open."""
        keys = self._area(area_wrapped.alone, area)
        try:
            unwrap(keys.cipher, case_wrapped.data, keys.binding(case, case_wrapped.version))
        except WrongKey:
            return False
        return True

    def case_vault(self, area_wrapped: WrappedKey, case_wrapped: WrappedKey, area: str, case: str) -> Vault:
        """The vault of one case; ``WrongKey`` when either key belongs elsewhere."""
        areas = self._both(area_wrapped, area)
        mark = (areas, case, case_wrapped)  # so that no vault outlives the area key it came from
        return self._vaults.get(mark, lambda: self._unlock(areas, case_wrapped, area, case))

    def purpose_key(self, area_wrapped: WrappedKey, area: str, purpose: str) -> bytes:
        """A 32-byte key of the area for one named purpose, the same each time."""
        return self._area(area_wrapped.alone, area).purpose(purpose)

    def area_box(
        self,
        area_wrapped: WrappedKey,
        area: str,
        purpose: str,
        kept: Callable[[], Iterable[WrappedKey]] = tuple,
    ) -> FieldBox:
        """Seals small secrets of an area (not of a case) under ``purpose_key``.

        ``kept``, asked only for what neither the area's key nor its spare opens, gives the purpose keys of
        earlier area keys, newest first: see ``keep_purpose_key``.
        """
        areas = self._both(area_wrapped, area)
        bound = canonical("mappa-hub/area-field/1", self._hub, area, purpose)

        def older() -> Iterator[FieldBox]:
            for keys in areas[1:]:
                yield FieldBox(keys.purpose(purpose), bound)
            for one in kept():
                yield FieldBox(_unwrap_by_any(areas, one.data, areas[0].kept(purpose, one.version)), bound)

        return FieldBox(areas[0].purpose(purpose), bound, older)

    def keep_purpose_key(
        self, old_area: WrappedKey, new_area: WrappedKey, area: str, purpose: str
    ) -> WrappedKey:
        """The old area key's key for a purpose, wrapped under the new area key.

        It opens what was sealed for that purpose and can never be sealed again; it opens no case. Its
        version is that of the area key that it was derived from.
        """
        old, new = self._area(old_area.alone, area), self._area(new_area.alone, area)
        bound = new.kept(purpose, old_area.version)
        return WrappedKey(version=old_area.version, data=wrap(new.cipher, old.purpose(purpose), bound))

    def rewrap_kept(
        self, old_area: WrappedKey, new_area: WrappedKey, area: str, purpose: str, kept: WrappedKey
    ) -> WrappedKey:
        """A kept purpose key under a new area key."""
        old, new = self._area(old_area.alone, area), self._area(new_area.alone, area)
        bound = new.kept(purpose, kept.version)
        data = wrap(new.cipher, _unwrap_by_any((old, new), kept.data, bound), bound)
        return WrappedKey(version=kept.version, data=data)

    def forget(self) -> None:
        """Drop every key held in memory, as when a case was shredded or a key was rotated."""
        self._areas.clear()
        self._vaults.clear()

    def _unlock(
        self, areas: "tuple[_AreaKeys, ...]", case_wrapped: WrappedKey, area: str, case: str
    ) -> Vault:
        spare = case_wrapped.spare
        older = self._case_keys(areas, spare, area, case) if spare else None
        return Vault(self._case_keys(areas, case_wrapped, area, case, older), self._store, self._receipts)

    def _case_keys(
        self,
        areas: "tuple[_AreaKeys, ...]",
        wrapped: WrappedKey,
        area: str,
        case: str,
        older: CaseKeys | None = None,
    ) -> CaseKeys:
        key = _unwrap_by_any(areas, wrapped.data, areas[0].binding(case, wrapped.version))
        return CaseKeys(key=key, hub=self._hub, area=area, case=case, older=older)

    def _both(self, wrapped: WrappedKey, area: str) -> "tuple[_AreaKeys, ...]":
        """The area's keys, and those of the other version while it is rotated."""
        first = self._area(wrapped.alone, area)
        return (first,) if wrapped.spare is None else (first, self._area(wrapped.spare, area))

    def _area(self, wrapped: WrappedKey, area: str) -> "_AreaKeys":
        return self._areas.get((area, wrapped), lambda: self._opened(wrapped, area))

    def _opened(self, wrapped: WrappedKey, area: str) -> "_AreaKeys":
        key = self._provider.unwrap(wrapped.data, self.area_context(area, wrapped.version))
        return _AreaKeys(key, self._hub, area)


class _AreaKeys:
    def __init__(self, key: bytes, hub: str, area: str) -> None:
        self._key, self._hub, self._area = key, hub, area
        self._cases = canonical("mappa-hub/case-key/1", hub, area)
        self.cipher = AESGCM(key)

    def binding(self, case: str, version: int) -> bytes:
        return self._cases + canonical(check_id(case), check_version(version))

    def kept(self, purpose: str, version: int) -> bytes:
        """What a kept purpose key is bound to; the same for each version of the area's key."""
        return canonical("mappa-hub/kept-purpose/1", self._hub, self._area, purpose, check_version(version))

    def purpose(self, purpose: str) -> bytes:
        info = canonical("mappa-hub/area-purpose/1", self._hub, self._area, purpose)
        return HKDF(algorithm=hashes.SHA256(), length=KEY_SIZE, salt=None, info=info).derive(self._key)


def _unwrap_by_any(areas: tuple[_AreaKeys, ...], data: bytes, bound: bytes) -> bytes:
    for keys in areas[:-1]:
        with contextlib.suppress(WrongKey):
            return unwrap(keys.cipher, data, bound)
    return unwrap(areas[-1].cipher, data, bound)


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
