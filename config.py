"""The settings of one hub, read once at start-up and never changed after.

Every engine is chosen by a URL; whatever is not set lives under `HUB_HOME`.
"""

import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

MIN_SECRET = 32
"""Characters that a secret must have: 32 of base64 carry 192 bits."""

Network = IPv4Network | IPv6Network


class ConfigError(Exception):
    """A setting is missing, weak or contradicts another; the message says which and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    home: Path
    database_url: str
    store_url: str
    keys_url: str
    mail_url: str
    secret: str
    secret_generated: bool = False
    backup_url: str = ""
    production: bool = False
    public_url: str = ""
    trusted_proxies: tuple[Network, ...] = ()
    max_upload: int = 100_000_000
    idle_limit: timedelta = timedelta(minutes=20)
    absolute_limit: timedelta = timedelta(hours=10)
    assets: Path | None = None
    alert_email: tuple[str, ...] = ()
    """Who is told by mail that the access log cannot be written."""
    log_copy_url: str = ""
    log_copy_required: bool = False
    log_witnesses: tuple[tuple[str, str], ...] = ()
    """(URL, verifier key) of each witness that is asked to cosign checkpoints."""
    ocr_languages: str = "eng"
    """Of text in scans and pictures, as Tesseract names them; empty: none is recognised."""
    failpoint: str = ""
    """A test's harness stops this process there; never in production."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Config":
        """Read `HUB_*`; creates `HUB_HOME` (0700) and, outside production, a secret in it.

        Raises ConfigError with one sentence that names the setting.
        """
        home = _make_home(Path(environ.get("HUB_HOME") or "var").absolute())
        production = _one_of(environ, "HUB_ENV", ("development", "production")) == "production"
        secret, generated = _secret(environ, home, production=production)
        idle = timedelta(minutes=_whole(environ, "HUB_IDLE_MINUTES", 20))
        absolute = timedelta(hours=_whole(environ, "HUB_SESSION_HOURS", 10))
        if idle > absolute:
            raise ConfigError(
                "HUB_IDLE_MINUTES is longer than HUB_SESSION_HOURS: a session would never be idle."
            )
        return cls(
            home=home,
            database_url=environ.get("HUB_DATABASE_URL") or f"sqlite:///{home / 'hub.sqlite'}",
            store_url=environ.get("HUB_STORE_URL", ""),
            keys_url=environ.get("HUB_KEYS_URL", ""),
            mail_url=environ.get("HUB_MAIL_URL") or f"outbox:{home / 'outbox'}",
            backup_url=environ.get("HUB_BACKUP_URL", ""),
            secret=secret,
            secret_generated=generated,
            production=production,
            public_url=_public_url(environ.get("HUB_PUBLIC_URL", "")),
            trusted_proxies=_networks(environ.get("HUB_TRUSTED_PROXIES", "")),
            max_upload=_whole(environ, "HUB_MAX_UPLOAD", 100) * 1_000_000,
            idle_limit=idle,
            absolute_limit=absolute,
            assets=Path(environ["HUB_ASSETS"]) if environ.get("HUB_ASSETS") else None,
            alert_email=tuple(
                part.strip() for part in environ.get("HUB_ALERT_EMAIL", "").split(",") if part.strip()
            ),
            log_copy_url=environ.get("HUB_LOG_COPY_URL", ""),
            log_copy_required=_copy_required(environ),
            log_witnesses=_witnesses(environ.get("HUB_LOG_WITNESSES", "")),
            ocr_languages=_languages(environ.get("HUB_OCR_LANGUAGES", "eng")),
            failpoint=environ.get("HUB_FAILPOINT", ""),
        )


def production_faults(config: Config) -> list[str]:
    """What keeps these settings from production, a sentence each; the rest is asked of the database."""
    faults = []
    if config.secret_generated:
        faults.append("HUB_SECRET is not set: the secret was generated; set one of your own.")
    if config.failpoint:
        faults.append("HUB_FAILPOINT is set: it stops the hub on purpose, for tests alone; unset it.")
    if not config.public_url.startswith("https://"):
        faults.append("HUB_PUBLIC_URL must be the https:// address that people use.")
    if not config.trusted_proxies:
        faults.append("HUB_TRUSTED_PROXIES is not set: plain http is served only behind a named TLS proxy.")
    return faults


def _make_home(home: Path) -> Path:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"HUB_HOME {home} cannot be made: {error.strerror}.") from error
    return home


def _secret(environ: Mapping[str, str], home: Path, *, production: bool) -> tuple[str, bool]:
    given = environ.get("HUB_SECRET", "")
    if given:
        _refuse_weak(given)
        return given, False
    kept = home / "secret"
    if not kept.exists() and not production:
        _write_secret(kept)
    secret = kept.read_text().strip() if kept.exists() else secrets.token_urlsafe(48)
    _refuse_weak(secret, f"The secret in {kept}")
    return secret, True


def _write_secret(path: Path) -> None:
    """Whole or not at all: two processes that start at once agree on one."""
    fresh = path.with_name(f"secret.{secrets.token_hex(8)}")
    fresh.touch(mode=0o600)
    fresh.write_text(secrets.token_urlsafe(48))
    with suppress(FileExistsError):
        path.hardlink_to(fresh)
    fresh.unlink()


def _refuse_weak(secret: str, name: str = "HUB_SECRET") -> None:
    if len(secret) < MIN_SECRET or len(set(secret)) < MIN_SECRET // 3:
        raise ConfigError(f"{name} is weak: give at least {MIN_SECRET} random characters.")


def _languages(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z_]{2,20}(\+[A-Za-z_]{2,20}){0,4}", text):
        raise ConfigError(
            f"HUB_OCR_LANGUAGES must be languages as Tesseract names them, such as eng+cym, not {text!r}."
        )
    return text


def _one_of(environ: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    value = environ.get(name) or choices[0]
    if value not in choices:
        raise ConfigError(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    return value


def _whole(environ: Mapping[str, str], name: str, default: int) -> int:
    value = environ.get(name) or str(default)
    if not re.fullmatch("[0-9]{1,6}", value) or int(value) < 1:
        raise ConfigError(f"{name} must be a whole number from 1 to 999999, not {value!r}.")
    return int(value)


def _public_url(text: str) -> str:
    """An origin without a path, or nothing: invitations and the hosts that are answered to begin with it."""
    url = text.rstrip("/")
    if url and not re.fullmatch(r"https?://[A-Za-z0-9.\-]+(:[0-9]{1,5})?", url):
        raise ConfigError(f"HUB_PUBLIC_URL must be like https://hub.example, not {text!r}.")
    return url


def _copy_required(environ: Mapping[str, str]) -> bool:
    required = _one_of(environ, "HUB_LOG_COPY_REQUIRED", ("false", "true")) == "true"
    if required and not environ.get("HUB_LOG_COPY_URL"):
        raise ConfigError(
            "HUB_LOG_COPY_REQUIRED is true: set HUB_LOG_COPY_URL to say where the copy is kept."
        )
    return required


def _witnesses(text: str) -> tuple[tuple[str, str], ...]:
    """`https://witness.example name+hash+key`, separated by commas."""
    pairs = [part.split() for part in text.split(",") if part.strip()]
    if any(len(pair) != 2 or not re.match(r"https?://", pair[0]) for pair in pairs):  # noqa: PLR2004 - an address and a key
        raise ConfigError(
            "HUB_LOG_WITNESSES must be addresses, each followed by its verifier key, separated by commas."
        )
    return tuple((pair[0].rstrip("/"), pair[1]) for pair in pairs)


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ConfigError(f"HUB_TRUSTED_PROXIES must be addresses or networks: {error}.") from error
