"""Signing in with password and code.

* Unknown account, wrong password and wrong code give one answer in the same time: the password is
  always hashed once, the code always asked for and always checked, and only then is anything said.
* A code works once: the step it belongs to is taken atomically.
"""

import base64
import secrets
from datetime import timedelta
from functools import cached_property

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.db import UnitOfWork
from hub.errors import Refused, Throttled
from hub.ledger.events import SignInFailed
from hub.people import throttle
from hub.people.model import Account, AccountState, Area, SignInStep
from hub.people.parts import MAX_PASSWORD, Part, by_email, hashed

CODE_ENDS = timedelta(minutes=5)
MOST_STEPS = 100
"""First steps of one address that may wait for their second: an agency behind one address fits, a flood does not."""
WRONG = "These details are not right. Check your e-mail address, password and code, then try again."


class SigningIn(Part):
    @cached_property
    def _nobody(self) -> str:
        return _hash_of_nothing(self._hasher)

    def offer_password(self, *, email: str, password: str, address: str) -> str:
        """First step. Gives the token of the second whatever was typed; raises Throttled."""
        email = email.strip().casefold()[:254]
        with self._db.reading() as session:
            account = by_email(session, email)
            throttle.check(session, self._limits(session, email, address, account), self._clock())
            self._require_room(session, address)
        right = self._password_is_right(account, password)
        token = secrets.token_urlsafe(32)
        with self._db.work() as work:
            work.session.execute(delete(SignInStep).where(SignInStep.ends_at < self._clock()))
            step = SignInStep(
                id=hashed(token),
                account_id=account.id if account else None,
                email_hash=self._mark(email),
                address_hash=self._sessions.address_hash(address),
                password_right=right,
                ends_at=self._clock() + CODE_ENDS,
            )
            work.session.add(step)
            work.commit()
        return token

    def _require_room(self, session: Session, address: str) -> None:
        """Raises Throttled: a password costs a tenth of a second to check, so one address has only so many waiting."""
        waiting = (SignInStep.address_hash == self._sessions.address_hash(address)) & (
            SignInStep.ends_at > self._clock()
        )
        count = session.scalar(select(func.count()).select_from(SignInStep).where(waiting)) or 0
        if count >= MOST_STEPS:
            raise Throttled(int(CODE_ENDS.total_seconds()))

    def offer_code(self, *, token: str, email: str, code: str, address: str, device: str) -> str:
        """Second step: the session's token. Raises Refused with one sentence for whatever was wrong."""
        email = email.strip().casefold()[:254]
        with self._db.work() as work:
            account = self._stepped(work, token, email)
            known = by_email(work.session, email)
            limits = self._limits(work.session, email, address, known)
            throttle.check(work.session, limits, self._clock())
            if not self._code_is_right(work, account, code) or account is None:
                self._note_failure(work, known, limits, address, device)
                raise Refused(WRONG)
            throttle.forget(work.session, limits)
            return self._begin_session(work, account, address, device)

    def _stepped(self, work: UnitOfWork, token: str, email: str) -> Account | None:
        """The account of a living first step, if its password was right; the step is used up either way."""
        step = work.session.get(SignInStep, hashed(token))
        if step is None or step.ends_at < self._clock() or step.email_hash != self._mark(email):
            return None
        work.session.delete(step)
        account = work.session.get(Account, step.account_id) if step.account_id else None
        return account if account and step.password_right and account.state == AccountState.ACTIVE else None

    def _note_failure(
        self, work: UnitOfWork, known: Account | None, limits: list[throttle.Limit], address: str, device: str
    ) -> None:
        throttle.count_failure(work.session, limits, self._clock())
        for area in work.session.scalars(select(Area.id)):
            if known is None or known.area_id == area:
                actor = Actor(
                    area=area, account=None, agency=None, role=None, name="", address=address, device=device
                )
                work.record(actor, SignInFailed(subject=known.id if known else None, why="details"))
                break
        work.commit()

    def _limits(
        self, session: Session, email: str, address: str, account: Account | None
    ) -> list[throttle.Limit]:
        return throttle.limits(
            session,
            self._secret,
            email=email,
            address=address,
            address_hash=self._sessions.address_hash(address),
            account=account.id if account else None,
        )

    def _password_is_right(self, account: Account | None, password: str) -> bool:
        known = account.password_hash if account and account.password_hash else None
        try:
            right = self._hasher.verify(known or self._nobody, password[:MAX_PASSWORD])
        except (Argon2Error, InvalidHashError):
            return False
        return right and known is not None

    def _code_is_right(self, work: UnitOfWork, account: Account | None, code: str) -> bool:
        """Within one step either way, and never twice: the step is taken by an update that only one can win."""
        secret = self._totp_secret(work.session, account) if account else pyotp.random_base32()
        step = self._step_of(secret, code)
        if step is None or account is None:
            return False
        taken = work.session.execute(
            update(Account)
            .where(Account.id == account.id, Account.totp_last_step < step)
            .values(totp_last_step=step)
        )
        return bool(taken.rowcount)  # type: ignore[attr-defined]

    def _totp_secret(self, session: Session, account: Account) -> str:
        box = self._vaults.box(session, account.area_id, "totp")
        return (
            box.open(account.totp_sealed, account.id).decode()
            if account.totp_sealed
            else pyotp.random_base32()
        )


def _hash_of_nothing(hasher: PasswordHasher) -> str:
    """As checkable as any and made of chance alone: it takes as long and fits no password. A true one would cost
    64 MB and a tenth of a second at every start.
    """
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (hasher.salt_len, hasher.hash_len)
    )
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${digest}"
