"""What every client of an AWS service shares: short waits, few tries, and errors said as ours.

One call to a service that hangs ends after at most 3 x 5 s of waiting and 3 s between the attempts
(``CALL_SECONDS``); the breaker then keeps others from waiting as long.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from storage.breaker import Breaker
from storage.errors import AlreadyExists, Full, NotFound, StorageError, Unavailable, WrongKey

CONNECT_SECONDS = 2
READ_SECONDS = 5
ATTEMPTS = 3
CALL_SECONDS = ATTEMPTS * READ_SECONDS + 3
"""The longest that one call to a silent service takes: `standard` retries pause up to 1 s, then up to 2 s."""

_ABSENT = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchUpload"})
_TAKEN = frozenset({"412", "PreconditionFailed", "ConditionalRequestConflict"})
_NO_ROOM = frozenset({"QuotaExceeded", "InsufficientStorage", "EntityTooLarge"})
_WRONG_KEY = frozenset(
    {
        "InvalidCiphertextException",
        "IncorrectKeyException",
        "DisabledException",
        "KMSInvalidStateException",
        "NotFoundException",
        "InvalidKeyUsageException",
    }
)


def client(service: str) -> Any:
    """A client of the service, with credentials and region from where boto3 always looks for them."""
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    session: Any = boto3.session.Session()
    return session.client(service, config=config)


@contextlib.contextmanager
def service_errors(breaker: Breaker | None = None) -> Iterator[None]:
    """Around one call of a client: its errors as ours, and guarded by the breaker where one is given."""
    with breaker.guard() if breaker else contextlib.nullcontext(), _said_as_ours():
        yield


@contextlib.contextmanager
def _said_as_ours() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise _said(error.response.get("Error", {}).get("Code", "")) from error
    except (BotoCoreError, OSError) as error:
        raise Unavailable(f"The storage or key service does not answer ({type(error).__name__}).") from error


def _said(code: str) -> StorageError:
    if code in _ABSENT:
        return NotFound("The store does not hold this object.")
    if code in _TAKEN:
        return AlreadyExists(
            "The store already holds an object of this name, and nothing is ever overwritten."
        )
    if code in _NO_ROOM:
        return Full("There is no room left in the store.")
    if code in _WRONG_KEY:
        return WrongKey("The key service refused to open this key.")
    return Unavailable(f"The storage or key service gave an error ({code or 'unnamed'}).")
