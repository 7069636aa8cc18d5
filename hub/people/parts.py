"""What every part of `PeopleService` is made with, and what more than one of them needs."""

import hashlib
import hmac

import pyotp
from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.permissions import Permission
from hub.clock import Clock
from hub.db import Database, UnitOfWork
from hub.errors import NotHere
from hub.ledger.events import SignedIn
from hub.people.model import Account
from hub.people.sessions import Sessions
from hub.vaults import Vaults

STEP_SECONDS = 30
MAX_PASSWORD = 200


class Part:
    def __init__(
        self, db: Database, clock: Clock, vaults: Vaults, sessions: Sessions, *, secret: str
    ) -> None:
        self._db, self._clock, self._vaults, self._sessions = db, clock, vaults, sessions
        self._secret = secret.encode()
        self._hasher = PasswordHasher()

    def _begin_session(self, work: UnitOfWork, account: Account, address: str, device: str) -> str:
        token, session = self._sessions.start(work, account, address=address, device=device)
        work.record(as_actor(account, session=session, address=address, device=device), SignedIn())
        work.commit()
        return token

    def _step_of(self, secret: str, code: str) -> int | None:
        """The step that the code belongs to: this one, the one before or the one after; None for no such."""
        now = int(self._clock().timestamp()) // STEP_SECONDS
        typed = "".join(code.split()).encode()
        steps = [
            step
            for step in (now - 1, now, now + 1)
            if hmac.compare_digest(_code(secret, step).encode(), typed)
        ]
        return steps[0] if steps else None

    def _mark(self, email: str) -> str:
        return hmac.new(self._secret, b"email:" + email.encode(), hashlib.sha256).hexdigest()


def by_email(session: Session, email: str) -> Account | None:
    return session.scalars(select(Account).where(Account.email == email)).one_or_none()


def of_area(session: Session, actor: Actor, account: str) -> Account:
    row = session.get(Account, account)
    if row is None or row.area_id != actor.area:
        raise NotHere(permission=Permission.ACCOUNT_MANAGE, why="absent")
    return row


def as_actor(account: Account, *, session: str | None, address: str, device: str) -> Actor:
    return Actor(
        area=account.area_id,
        account=account.id,
        agency=account.agency_id,
        role=account.role_,
        name=account.name,
        session=session,
        address=address,
        device=device,
    )


def _code(secret: str, step: int) -> str:
    return pyotp.TOTP(secret).at(step * STEP_SECONDS)


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
