"""The only validator of ids and of object names.

An id is 26 characters of lower-case base32: 16 random bytes, so that a name tells nothing.
An object's name in a store is ``area/case/object.version``, three ids and a whole number from 1.
"""

import base64
import re
import secrets

from storage.errors import BadName

ID_LENGTH = 26
MAX_VERSION = 999_999_999
_ID = re.compile(r"[a-z2-7]{26}")
_KIND = re.compile(r"[a-z][a-z0-9-]{0,31}")
_NAME = re.compile(r"[a-z2-7]{26}/[a-z2-7]{26}/[a-z2-7]{26}\.[1-9][0-9]{0,8}")
_PREFIX = re.compile(r"([a-z2-7]{26}/){0,2}")


def new_id() -> str:
    return base64.b32encode(secrets.token_bytes(16)).decode("ascii").rstrip("=").lower()


def check_id(value: str) -> str:
    if not isinstance(value, str) or _ID.fullmatch(value) is None:
        raise BadName("An id must be 26 characters of a to z and 2 to 7.")
    return value


def check_kind(value: str) -> str:
    if not isinstance(value, str) or _KIND.fullmatch(value) is None:
        raise BadName("A kind must be 1 to 32 lower-case letters, digits and hyphens, a letter first.")
    return value


def check_version(value: int) -> int:
    if type(value) is not int or not 1 <= value <= MAX_VERSION:
        raise BadName(f"A version must be a whole number from 1 to {MAX_VERSION}.")
    return value


def object_name(area: str, case: str, object_id: str, version: int) -> str:
    return f"{check_id(area)}/{check_id(case)}/{check_id(object_id)}.{check_version(version)}"


def check_name(value: str) -> str:
    if not isinstance(value, str) or _NAME.fullmatch(value) is None:
        raise BadName("This is not the name of a stored object.")
    return value


def check_prefix(value: str) -> str:
    """Accept ``""``, ``"area/"`` or ``"area/case/"``."""
    if not isinstance(value, str) or _PREFIX.fullmatch(value) is None:
        raise BadName("Names can be listed for everything, for an area or for a case.")
    return value
