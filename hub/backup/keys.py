"""The keys of a snapshot: whether they are here, whether its seals hold, and area keys wrapped again for a newer root key."""

from dataclasses import dataclass, replace

from hub.backup.manifest import PURPOSE, AreaState, Manifest
from hub.backup.repository import Repository
from hub.backup.wrappings import AREA, Reference
from storage.errors import Tampered, WrongKey
from storage.keyfile import LocalKeyFile
from storage.keys import KeyProvider, Keyring, WrappedKey
from storage.receipts import ReceiptBook

_ROOT_VERSION = 4
"""Bytes before a key wrapped by a key file, which say by which version of the root key; see docs/sealed-format.md."""


@dataclass(frozen=True, slots=True)
class Keys:
    """A repository's keys under one provider of root keys."""

    repository: Repository
    provider: KeyProvider

    def seal(self, manifest: Manifest) -> Manifest:
        """With each area's seal; whoever seals has the keys."""
        return replace(manifest, seals={one.area: manifest.seal(self._key(one)) for one in manifest.areas})

    def check(self, manifest: Manifest) -> None:
        """`WrongKey`, saying which root key is needed, when an area does not open; `Tampered` when a seal does not hold."""
        for one in manifest.areas:
            if not manifest.sealed_by(one.area, self._key(one)):
                raise Tampered("The snapshot was changed after it was made: its seal does not hold.")
        if not manifest.areas or {one.area for one in manifest.areas} != set(manifest.seals):
            raise Tampered("The snapshot carries no seal of an area, or one too many.")

    def needed(self, manifest: Manifest) -> str:
        """Which root key opens the snapshot, in words."""
        return " and ".join(sorted({self._root_of(self._wrapping(one)) for one in manifest.areas}))

    def rewrap(self) -> int:
        """Wrap each area key again that is not under the newest root key; how many. Older ones must still open."""
        done = 0
        for one in [one for one in self.repository.references() if one.table == AREA]:
            wrapped = self.repository.wrapping(one)
            if wrapped is not None and self._is_old(wrapped):
                again = self._keyring().rewrap_area_key(
                    WrappedKey(version=one.version, data=wrapped), one.owner
                )
                self.repository.rewrap(one, again.data)
                done += 1
        return done

    def _key(self, one: AreaState) -> bytes:
        wrapped = self._wrapping(one)
        try:
            key = WrappedKey(version=one.key_version, data=wrapped)
            return self._keyring().purpose_key(key, one.area, PURPOSE)
        except WrongKey:
            raise WrongKey(
                f"The keys of this hub do not open the snapshot. It needs {self._root_of(wrapped)}: "
                "put that key file back, or recover it from its shares."
            ) from None

    def _wrapping(self, one: AreaState) -> bytes:
        found = self.repository.wrapping(Reference(AREA, one.area, one.key_version, one.key))
        if found is None:
            raise Tampered(
                "The key of an area is missing from the repository, and nothing of it can be restored."
            )
        return found

    def _keyring(self) -> Keyring:
        return Keyring(
            self.provider, hub=self.repository.hub, store=self.repository.objects, receipts=ReceiptBook()
        )

    def _is_old(self, wrapped: bytes) -> bool:
        """A key service turns its own keys over; a key file says which version it wrapped with."""
        return isinstance(self.provider, LocalKeyFile) and _version(wrapped) != self.provider.current

    def _root_of(self, wrapped: bytes) -> str:
        if isinstance(self.provider, LocalKeyFile):
            return f"version {_version(wrapped)} of the root key"
        return "the key service's key that wrapped it"


def _version(wrapped: bytes) -> int:
    return int.from_bytes(wrapped[:_ROOT_VERSION], "big")
