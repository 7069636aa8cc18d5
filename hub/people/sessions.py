"""Server-side sessions: listed, ended and timed out here; a cookie holds a random token and nothing else.

* A session ends after `idle_limit` without a request and after `absolute_limit` in any case.
* The token itself is kept nowhere: a row's id is its SHA-256.
* An account that is not active has no session from the next request on.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.permissions import Role
from hub.cases.access import open_glass
from hub.clock import Clock
from hub.db import Database, UnitOfWork
from hub.errors import NotHere
from hub.ledger.events import SignedOut
from hub.people.model import Account, AccountState, Agency, Area, SignedInSession

SEEN_EVERY = timedelta(seconds=30)
"""How stale `seen_at` may become before a request writes it again: a request is not a commit."""

KEPT_AFTER = timedelta(days=7)
"""How long after a session ran out the form that was open in it is still kept for its owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request's session: who it is, and when it will end if nothing more is asked."""

    actor: Actor
    area_name: str
    idle_ends: datetime
    ends: datetime


class Sessions:
    def __init__(
        self, db: Database, clock: Clock, *, secret: str, idle: timedelta, absolute: timedelta
    ) -> None:
        self._db, self._clock = db, clock
        self._secret = secret.encode()
        self._idle, self._absolute = idle, absolute

    def start(self, work: UnitOfWork, account: Account, *, address: str, device: str) -> tuple[str, str]:
        """A new session as (token for the cookie, session id); durable with the unit of work."""
        token, now = secrets.token_urlsafe(32), self._clock()
        row = SignedInSession(
            id=session_id(token),
            account_id=account.id,
            created_at=now,
            seen_at=now,
            ends_at=now + self._absolute,
            ended_at=None,
            address_hash=self.address_hash(address),
            device=device[:120],
        )
        work.session.add(row)
        return token, row.id

    def address_hash(self, address: str) -> str:
        return hmac.new(self._secret, b"address:" + address.encode(), hashlib.sha256).hexdigest()

    def find(self, token: str, *, address: str, device: str) -> Visit | None:
        """The visit of a live session; notes the time now and then. A session found timed out is ended and logged."""
        with self._db.reading() as session:
            row = session.execute(_FOUND, {"session": session_id(token)}).one_or_none()
            glass = self._glass(session, row)
        if row is None or row.ended_at or row.state != AccountState.ACTIVE:
            return None
        actor = replace(_actor(row, address, device), glass=glass)
        if self._is_over(row):
            self._close(actor, "timed out")
            return None
        return self._visit(row, actor)

    def _glass(self, session: Session, row: Row[*tuple[Any, ...]] | None) -> frozenset[str]:
        if row is None or row.role != Role.PRACTITIONER:
            return frozenset()
        return open_glass(session, row.account, self._clock())

    def find_owner(self, token: str) -> str | None:
        """The account whose session ran out: only they may have back what they had typed.

        None for a session that somebody ended (it may have been stolen), and `KEPT_AFTER` it ran out.
        """
        with self._db.reading() as session:
            row = session.get(SignedInSession, session_id(token))
            return row.account_id if row and self._ran_out(row) else None

    def _ran_out(self, row: SignedInSession) -> bool:
        over = min(row.ends_at, row.seen_at + self._idle)
        return (row.ended_at or over) >= over and self._clock() < over + KEPT_AFTER

    def without_session(self, account: str) -> Actor | None:
        """The person outside any session: for receiving what they had sent, not for showing anything."""
        query = select(Account, Agency).join(Agency, Agency.id == Account.agency_id)
        with self._db.reading() as session:
            row = session.execute(
                query.where(Account.id == account, Account.state == AccountState.ACTIVE)
            ).one_or_none()
        if row is None:
            return None
        return Actor(
            area=row.Account.area_id,
            account=account,
            agency=row.Account.agency_id,
            role=row.Account.role_,
            name=row.Account.name,
            agency_name=row.Agency.name,
        )

    def _is_over(self, row: Row[*tuple[Any, ...]]) -> bool:
        now = self._clock()
        return bool(now >= row.ends_at or now >= row.seen_at + self._idle)

    def _visit(self, row: Row[*tuple[Any, ...]], actor: Actor) -> Visit:
        now = self._clock()
        if now - row.seen_at >= SEEN_EVERY:
            with self._db.work() as work:
                work.session.execute(
                    update(SignedInSession).where(SignedInSession.id == row.id).values(seen_at=now)
                )
                work.commit()
        return Visit(actor=actor, area_name=row.area_name, idle_ends=now + self._idle, ends=row.ends_at)

    def end(self, actor: Actor, session: str, how: str) -> None:
        """End one of the actor's own sessions. Raises NotHere when it is not theirs or already over."""
        with self._db.work() as work:
            ended = _end(work.session, session, self._clock(), account=actor.account)
            if not ended:
                raise NotHere(permission="self:manage", why="absent")
            work.record(actor, SignedOut(how=how))
            work.commit()

    def end_all(self, work: UnitOfWork, account: str) -> None:
        """With the unit of work: after a suspension or a new password."""
        live = (SignedInSession.account_id == account) & SignedInSession.ended_at.is_(None)
        work.session.execute(update(SignedInSession).where(live).values(ended_at=self._clock()))

    def _close(self, actor: Actor, how: str) -> None:
        with self._db.work() as work:
            if _end(work.session, actor.session or "", self._clock(), account=actor.account):
                work.record(actor, SignedOut(how=how))
                work.commit()

    def is_live(self, actor: Actor) -> bool:
        """Whether the actor's session and account still stand: asked again during a long download."""
        query = (
            select(SignedInSession.id)
            .join(Account, Account.id == SignedInSession.account_id)
            .where(SignedInSession.id == actor.session, SignedInSession.ended_at.is_(None))
            .where(Account.state == AccountState.ACTIVE, SignedInSession.ends_at > self._clock())
        )
        with self._db.reading() as session:
            return session.execute(query).first() is not None

    def live(self, actor: Actor) -> list[SignedInSession]:
        """The actor's own live sessions, newest first."""
        now = self._clock()
        query = (
            select(SignedInSession)
            .where(SignedInSession.account_id == actor.account, SignedInSession.ended_at.is_(None))
            .where(SignedInSession.ends_at > now, SignedInSession.seen_at > now - self._idle)
            .order_by(SignedInSession.created_at.desc())
        )
        with self._db.reading() as session:
            return list(session.scalars(query))


def session_id(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


_FOUND = (
    select(
        SignedInSession.id,
        SignedInSession.seen_at,
        SignedInSession.ends_at,
        SignedInSession.ended_at,
        Account.id.label("account"),
        Account.area_id,
        Account.agency_id,
        Account.role,
        Account.name,
        Account.state,
        Agency.name.label("agency_name"),
        Area.name.label("area_name"),
    )
    .join(Account, Account.id == SignedInSession.account_id)
    .join(Agency, Agency.id == Account.agency_id)
    .join(Area, Area.id == Account.area_id)
    .where(SignedInSession.id == bindparam("session"))
)
"""Asked with every request: made once, and of columns rather than objects, it takes a third of the time."""


def _actor(row: Row[*tuple[Any, ...]], address: str, device: str) -> Actor:
    return Actor(
        area=row.area_id,
        account=row.account,
        agency=row.agency_id,
        role=Role(row.role),
        name=row.name,
        agency_name=row.agency_name,
        session=row.id,
        address=address,
        device=device,
    )


def _end(session: Session, identity: str, now: datetime, *, account: str | None) -> bool:
    live = (
        (SignedInSession.id == identity)
        & SignedInSession.ended_at.is_(None)
        & (SignedInSession.account_id == account)
    )
    result = session.execute(update(SignedInSession).where(live).values(ended_at=now))
    return bool(result.rowcount)  # type: ignore[attr-defined]
