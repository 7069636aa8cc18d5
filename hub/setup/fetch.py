"""Fetches one file over http(s) and believes it only if its digest is the pinned one.

`urllib` reads the proxy settings and OpenSSL reads `SSL_CERT_FILE`; nothing of that is done again here.
"""

import hashlib
import ssl
from dataclasses import dataclass
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from hub.setup.problems import SetupProblem

TIMEOUT = 60
"""Seconds without a byte."""
MOST = 64 * 1024 * 1024
"""Bytes; the largest pinned file has about 2 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What a file must hash to; `algorithm` is a name of hashlib's, `digest` hexadecimal."""

    algorithm: str
    digest: str


def fetch_pinned(address: str, pin: Pin) -> bytes:
    """The file's bytes. Raises SetupProblem when it cannot be had or is not the pinned one."""
    content = fetch(address)
    if hashlib.new(pin.algorithm, content).hexdigest() != pin.digest:
        raise SetupProblem(
            f"{address} is not the file that the hub was checked with (its {pin.algorithm} differs), so it was not used: "
            "look for a proxy or mirror that changes files, then try again."
        )
    return content


def fetch(address: str) -> bytes:
    try:
        with urlopen(Request(address), timeout=TIMEOUT) as answer:
            content: bytes = answer.read(MOST + 1)
    except HTTPError as error:
        raise SetupProblem(
            f"{address} answered {error.code}: check the registry's address, then try again."
        ) from error
    except (OSError, HTTPException, ValueError) as error:
        raise _unreachable(address, error) from error
    if len(content) > MOST:
        raise SetupProblem(f"{address} is far larger than it should be: check the registry's address.")
    return content


def _unreachable(address: str, error: Exception) -> SetupProblem:
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return SetupProblem(
            f"{address} could not be fetched because its certificate cannot be checked: install the ca-certificates "
            "package, or set SSL_CERT_FILE to your organisation's certificates."
        )
    return SetupProblem(
        f"{address} could not be fetched ({reason}): check the network, or set HTTPS_PROXY if this machine needs a proxy."
    )
