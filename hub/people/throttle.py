"""Slows guessing down without letting anybody lock anybody else out.

Failures are counted for three keys: this account from this address, this address, and this account
from addresses it never signed in from. Someone who guesses at an account from elsewhere is slowed;
its owner, at an address known for it, is not.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from hub.errors import Throttled
from hub.people.model import SignedInSession, Throttle

WINDOW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """After `failures` within the window, tries wait: 1 minute, doubling with each further failure up to `most`."""

    key: str
    failures: int
    most: timedelta = timedelta(minutes=15)


def limits(
    session: Session, secret: bytes, *, email: str, address: str, address_hash: str, account: str | None
) -> list[Limit]:
    found = [
        Limit(key=_key(secret, "pair", email, address), failures=5),
        Limit(key=_key(secret, "address", address), failures=30),
    ]
    if not _is_known(session, account, address_hash):
        found.append(Limit(key=_key(secret, "strangers", email), failures=20))
    return found


def check(session: Session, keys: list[Limit], now: datetime) -> None:
    """Raise Throttled while any key is blocked."""
    query = select(Throttle.blocked_until).where(Throttle.key.in_([limit.key for limit in keys]))
    blocked = [until for until in session.scalars(query) if until and until > now]
    if blocked:
        raise Throttled(int((max(blocked) - now).total_seconds()) + 1)


def count_failure(session: Session, keys: list[Limit], now: datetime) -> None:
    for limit in keys:
        row = _counted(session, limit, now)
        if now - row.since > WINDOW and (row.blocked_until is None or row.blocked_until < now):
            row.failures, row.since = 0, now
        row.failures += 1
        over = row.failures - limit.failures
        if over >= 0:
            row.blocked_until = now + min(timedelta(minutes=2 ** min(over, 6)), limit.most)


def _counted(session: Session, limit: Limit, now: datetime) -> Throttle:
    """The key's row, locked; made first where there is none, by whichever of two requests comes first."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    fresh = insert(Throttle).values(key=limit.key, failures=0, since=now, blocked_until=None)
    session.execute(fresh.on_conflict_do_nothing())
    return session.get_one(Throttle, limit.key, with_for_update=True, populate_existing=True)


def forget(session: Session, keys: list[Limit]) -> None:
    """After a success: the pair starts afresh; what others did from elsewhere stays counted."""
    row = session.get(Throttle, keys[0].key)
    if row is not None:
        session.delete(row)


def _is_known(session: Session, account: str | None, address_hash: str) -> bool:
    query = exists().where(
        SignedInSession.account_id == account, SignedInSession.address_hash == address_hash
    )
    return bool(session.scalar(select(query)))


def _key(secret: bytes, *parts: str) -> str:
    return hmac.new(secret, "\0".join(("throttle", *parts)).encode(), hashlib.sha256).hexdigest()
