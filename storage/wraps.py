"""One key wrapped by another: ``01 | nonce (12) | ciphertext (32) | tag (16)``, AES-256-GCM."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.errors import WrongKey

KEY_SIZE = 32
NONCE = 12
VERSION = b"\x01"
WRAPPED_SIZE = 1 + NONCE + KEY_SIZE + 16


def wrap(cipher: AESGCM, key: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(NONCE)
    return VERSION + nonce + cipher.encrypt(nonce, key, bound)


def unwrap(cipher: AESGCM, wrapped: bytes, bound: bytes) -> bytes:
    if len(wrapped) != WRAPPED_SIZE or wrapped[:1] != VERSION:
        raise WrongKey("A wrapped key is damaged.")
    try:
        return cipher.decrypt(wrapped[1 : 1 + NONCE], wrapped[1 + NONCE :], bound)
    except InvalidTag:
        raise WrongKey("A key does not open here: it belongs elsewhere, or was altered.") from None
