"""Root keys in AWS KMS: they never leave it, and each use is in its trail with the ids it was for.

One call opens an area; the keyring keeps what it opened for at most 60 s. When the service does not
answer, nothing opens; after some failures in a row it is not even asked for a moment.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

from storage.aws import client, service_errors
from storage.breaker import Breaker
from storage.errors import StorageError, Unavailable, WrongKey
from storage.wraps import KEY_SIZE


def kms_provider_from_url(url: str) -> "KmsProvider":
    """``aws-kms:key-id-or-alias``; further keys after commas open what they wrapped, and wrap nothing new."""
    key_id, *older = url.removeprefix("aws-kms:").split(",")
    if not key_id or not all(older):
        raise ValueError("HUB_KEYS_URL must look like aws-kms:alias/name or aws-kms:key-id.")
    return KmsProvider(client("kms"), key_id, older=tuple(older))


class KmsProvider:
    def __init__(
        self, kms: Any, key_id: str, breaker: Breaker | None = None, older: tuple[str, ...] = ()
    ) -> None:
        self._kms, self._key_id, self._older = kms, key_id, older
        self._breaker = breaker or Breaker()

    def generate(self, context: Mapping[str, str]) -> tuple[bytes, bytes]:
        with service_errors(self._breaker):
            made = self._kms.generate_data_key(
                KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=dict(context)
            )
        return _checked(made["Plaintext"]), bytes(made["CiphertextBlob"])

    def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        with service_errors(self._breaker):
            made = self._kms.encrypt(KeyId=self._key_id, Plaintext=key, EncryptionContext=dict(context))
        return bytes(made["CiphertextBlob"])

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """The key is named in the request, so a key of somebody else's that we may also use is refused."""
        *first, last = (self._key_id, *self._older)
        for key_id in first:
            with contextlib.suppress(WrongKey, Unavailable):  # a service may not say whose it is
                return self._unwrapped(key_id, wrapped, context)
        return self._unwrapped(last, wrapped, context)

    def _unwrapped(self, key_id: str, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        with service_errors(self._breaker):
            opened = self._kms.decrypt(KeyId=key_id, CiphertextBlob=wrapped, EncryptionContext=dict(context))
        return _checked(opened["Plaintext"])

    def healthy(self) -> bool:
        try:
            with service_errors(self._breaker):
                state = self._kms.describe_key(KeyId=self._key_id)["KeyMetadata"]["KeyState"]
        except StorageError:
            return False
        return bool(state == "Enabled")


def _checked(key: bytes) -> bytes:
    if len(key) != KEY_SIZE:
        raise WrongKey("The key service gave a key of another length.")
    return bytes(key)
