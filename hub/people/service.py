"""People at the door: signing in with password and code, enrolment by invitation, accounts, unsent forms.

* Unknown account, wrong password and wrong code give one answer in the same time: the password is
  always hashed once, the code always asked for and always checked, and only then is anything said.
* A code works once: the step it belongs to is taken atomically.
* An invitation works once and for three days; whoever holds it chooses password and second factor.
"""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import timedelta

import pyotp
import segno
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from hub.access.actor import Actor, program
from hub.access.check import authorise
from hub.access.permissions import Permission, Role
from hub.clock import Clock
from hub.db import Database, UnitOfWork, pairs
from hub.errors import Invalid, NotHere, Refused
from hub.ids import new_id
from hub.ledger.events import AccountChanged, AccountCreated, SecondFactorEnrolled, SignedIn, SignInFailed
from hub.people import throttle
from hub.people.model import Account, AccountState, Agency, Area, HeldForm, SignInStep
from hub.people.sessions import Sessions
from hub.vaults import Vaults

STEP_SECONDS = 30
CODE_ENDS = timedelta(minutes=5)
INVITATION_ENDS = timedelta(days=3)
MIN_PASSWORD = 12
MAX_PASSWORD = 200
WRONG = "These details are not right. Check your e-mail address, password and code, then try again."
USED_INVITATION = "This invitation has been used or is over. Ask your administrator for a new one."


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What an invited person needs to see; `qr_svg` is the drawing of `uri`, `secret` the same for typing."""

    email: str
    name: str
    secret: str
    qr_svg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLine:
    id: str
    name: str
    email: str
    role: Role
    agency: str
    state: AccountState


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """A form that the gate turned away; `fields` in the order they were sent."""

    id: str
    path: str
    fields: tuple[tuple[str, str], ...]


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


class PeopleService:
    def __init__(
        self, db: Database, clock: Clock, vaults: Vaults, sessions: Sessions, *, secret: str
    ) -> None:
        self._db, self._clock, self._vaults, self._sessions = db, clock, vaults, sessions
        self._secret = secret.encode()
        self._hasher = PasswordHasher()
        self._nobody = _hash_of_nothing(self._hasher)

    # --- signing in ---------------------------------------------------------------------------

    def offer_password(self, *, email: str, password: str, address: str) -> str:
        """First step. Gives the token of the second whatever was typed; raises Throttled."""
        email = email.strip().casefold()[:254]
        with self._db.reading() as session:
            account = _by_email(session, email)
            throttle.check(session, self._limits(session, email, address, account), self._clock())
        right = self._password_is_right(account, password)
        token = secrets.token_urlsafe(32)
        with self._db.work() as work:
            work.session.execute(delete(SignInStep).where(SignInStep.ends_at < self._clock()))
            step = SignInStep(
                id=_hashed(token),
                account_id=account.id if account else None,
                email_hash=email,
                password_right=right,
                ends_at=self._clock() + CODE_ENDS,
            )
            step.email_hash = self._mark(email)
            work.session.add(step)
            work.commit()
        return token

    def offer_code(self, *, token: str, email: str, code: str, address: str, device: str) -> str:
        """Second step: the session's token. Raises Refused with one sentence for whatever was wrong."""
        email = email.strip().casefold()[:254]
        with self._db.work() as work:
            account = self._stepped(work, token, email)
            known = _by_email(work.session, email)
            limits = self._limits(work.session, email, address, known)
            throttle.check(work.session, limits, self._clock())
            if not self._code_is_right(work, account, code) or account is None:
                self._note_failure(work, known, limits, address, device)
                raise Refused(WRONG)
            throttle.forget(work.session, limits)
            return self._begin_session(work, account, address, device)

    def _begin_session(self, work: UnitOfWork, account: Account, address: str, device: str) -> str:
        token, session = self._sessions.start(work, account, address=address, device=device)
        work.record(_as_actor(account, session=session, address=address, device=device), SignedIn())
        work.commit()
        return token

    def _stepped(self, work: UnitOfWork, token: str, email: str) -> Account | None:
        """The account of a living first step, if its password was right; the step is used up either way."""
        step = work.session.get(SignInStep, _hashed(token))
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

    def _totp_secret(self, session: Session, account: Account) -> str:
        box = self._vaults.box(session, account.area_id, "totp")
        return (
            box.open(account.totp_sealed, account.id).decode()
            if account.totp_sealed
            else pyotp.random_base32()
        )

    def _mark(self, email: str) -> str:
        return hmac.new(self._secret, b"email:" + email.encode(), hashlib.sha256).hexdigest()

    # --- invitations --------------------------------------------------------------------------

    def invite(self, actor: Actor, *, email: str, name: str, role: Role, agency: str) -> str:
        """A new account; the token of its invitation, shown once. Raises Invalid with the field that is wrong."""
        authorise(actor, Permission.ACCOUNT_MANAGE)
        with self._db.work() as work:
            account, token = self._invited(
                work.session, actor.area, agency, email=email, name=name, role=role
            )
            work.record(actor, AccountCreated(subject=account.id, account_role=role))
            work.commit()
        return token

    def invite_first(self, area: str, *, agency: str, email: str, name: str) -> str:
        """The first administrator of an area, at the command line; gives the path of the invitation."""
        with self._db.work() as work:
            row = Agency(id=new_id(), area_id=area, name=agency, kind="council")
            work.session.add(row)
            work.session.flush()
            account, token = self._invited(
                work.session, area, row.id, email=email, name=name, role=Role.ADMINISTRATOR
            )
            work.record(program(area), AccountCreated(subject=account.id, account_role=Role.ADMINISTRATOR))
            work.commit()
        return f"/enrol/{token}"

    def invite_again(self, actor: Actor, account: str) -> str:
        """A new invitation for an account (lost phone, forgotten password): ends its sessions and its old factor."""
        authorise(actor, Permission.ACCOUNT_MANAGE)
        with self._db.work() as work:
            row = _of_area(work.session, actor, account)
            token = self._new_invitation(row)
            row.state, row.password_hash, row.totp_sealed = AccountState.INVITED, None, None
            self._sessions.end_all(work, row.id)
            work.record(actor, AccountChanged(subject=row.id, what="invited again"))
            work.commit()
        return token

    def _invited(
        self, session: Session, area: str, agency: str, *, email: str, name: str, role: Role
    ) -> tuple[Account, str]:
        email, name = email.strip().casefold(), " ".join(name.split())
        _check_person(session, area, agency, email, name)
        account = Account(
            id=new_id(),
            area_id=area,
            agency_id=agency,
            email=email,
            name=name,
            role=role,
            state=AccountState.INVITED,
            created_at=self._clock(),
            totp_last_step=0,
        )
        token = self._new_invitation(account)
        session.add(account)
        session.flush()
        return account, token

    def _new_invitation(self, account: Account) -> str:
        token = secrets.token_urlsafe(32)
        account.invitation_hash, account.invitation_ends = _hashed(token), self._clock() + INVITATION_ENDS
        return token

    def enrolment(self, token: str) -> Enrolment:
        """What to show the holder of an invitation. The secret follows from the token: a reload shows the same."""
        with self._db.reading() as session:
            account = self._invitee(session, token)
            return _enrolment(account, self._secret_of(token))

    def enrol(self, token: str, *, password: str, code: str, address: str, device: str) -> str:
        """Set password and second factor and sign in: the session's token. Raises Invalid with the field."""
        check_password(password)
        with self._db.work() as work:
            account = self._invitee(work.session, token)
            secret = self._secret_of(token)
            step = self._step_of(secret, code)
            if step is None:
                raise Invalid(
                    "code",
                    "This code is not right. Check that your phone's clock is right, and type the newest.",
                )
            account.password_hash = self._hasher.hash(password)
            account.totp_sealed = self._vaults.box(work.session, account.area_id, "totp").seal(
                secret.encode(), account.id
            )
            account.totp_last_step = step
            account.state, account.invitation_hash, account.invitation_ends = AccountState.ACTIVE, None, None
            work.record(
                _as_actor(account, session=None, address=address, device=device), SecondFactorEnrolled()
            )
            return self._begin_session(work, account, address, device)

    def _invitee(self, session: Session, token: str) -> Account:
        """Locked where the work goes on to use it up: of two who send one invitation, one is too late."""
        query = select(Account).where(
            Account.invitation_hash == _hashed(token), Account.state == AccountState.INVITED
        )
        query = query.with_for_update()
        account = session.scalars(query).one_or_none()
        if account is None or account.invitation_ends is None or account.invitation_ends < self._clock():
            raise Refused(USED_INVITATION)
        return account

    def _secret_of(self, token: str) -> str:
        digest = hmac.new(self._secret, b"totp:" + token.encode(), hashlib.sha256).digest()
        return base64.b32encode(digest[:20]).decode()

    # --- accounts -----------------------------------------------------------------------------

    def accounts(self, actor: Actor) -> list[AccountLine]:
        """Everyone in the area, by name."""
        authorise(actor, Permission.ACCOUNT_MANAGE)
        query = select(Account, Agency.name).join(Agency, Agency.id == Account.agency_id)
        with self._db.reading() as session:
            rows = session.execute(
                query.where(Account.area_id == actor.area).order_by(Account.name, Account.id)
            )
            return [_line(account, agency) for account, agency in rows]

    def suspend(self, actor: Actor, account: str) -> None:
        """Nobody of this account gets further than its next request. Raises Refused for one's own."""
        self._set_state(actor, account, AccountState.SUSPENDED, "suspended")

    def restore(self, actor: Actor, account: str) -> None:
        self._set_state(actor, account, AccountState.ACTIVE, "restored")

    def _set_state(self, actor: Actor, account: str, state: AccountState, what: str) -> None:
        authorise(actor, Permission.ACCOUNT_MANAGE)
        if account == actor.account:
            raise Refused("Your own account is for another administrator to change.")
        with self._db.work() as work:
            row = _of_area(work.session, actor, account)
            if row.password_hash is None:
                raise Refused("This person has not enrolled yet: invite them again instead.")
            row.state = state
            self._sessions.end_all(work, row.id)
            work.record(actor, AccountChanged(subject=row.id, what=what))
            work.commit()

    def agencies(self, area: str) -> dict[str, str]:
        """{id: name} of the area's agencies, by name."""
        with self._db.reading() as session:
            query = select(Agency.id, Agency.name).where(Agency.area_id == area).order_by(Agency.name)
            return pairs(session, query)

    def hold_form(self, account: str, *, path: str, fields: list[tuple[str, str]]) -> str:
        """Keep what someone typed, sealed, for them alone."""
        with self._db.work() as work:
            row = work.session.get_one(Account, account)
            held = HeldForm(
                id=new_id(), account_id=account, path=path, sealed_fields=b"", created_at=self._clock()
            )
            box = self._vaults.box(work.session, row.area_id, "held")
            held.sealed_fields = box.seal(json.dumps(fields).encode(), held.id, account)
            work.session.add(held)
            work.commit()
            return held.id

    def unsent(self, actor: Actor) -> list[str]:
        """Ids of the actor's unsent forms, newest first."""
        query = (
            select(HeldForm.id)
            .where(HeldForm.account_id == actor.account)
            .order_by(HeldForm.created_at.desc())
        )
        with self._db.reading() as session:
            return list(session.scalars(query))

    def unsent_form(self, actor: Actor, held: str) -> Unsent:
        with self._db.reading() as session:
            row = _held(session, actor, held)
            plain = self._vaults.box(session, actor.area, "held").open(
                row.sealed_fields, row.id, str(actor.account)
            )
            fields = tuple((str(name), str(value)) for name, value in json.loads(plain))
            return Unsent(id=row.id, path=row.path, fields=fields)

    def discard_form(self, actor: Actor, held: str) -> None:
        with self._db.work() as work:
            work.session.delete(_held(work.session, actor, held))
            work.commit()


def check_password(password: str) -> None:
    """Length is what counts (NIST SP 800-63B, 5.1.1.2); raises Invalid."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise Invalid("password", f"Choose a password of {MIN_PASSWORD} to {MAX_PASSWORD} characters.")
    if len(set(password)) < MIN_PASSWORD // 2:
        raise Invalid("password", "Choose a password that repeats itself less.")


def _held(session: Session, actor: Actor, held: str) -> HeldForm:
    row = session.get(HeldForm, held)
    if row is None or row.account_id != actor.account:
        raise NotHere(permission=Permission.SELF, why="absent")
    return row


def _by_email(session: Session, email: str) -> Account | None:
    return session.scalars(select(Account).where(Account.email == email)).one_or_none()


def _of_area(session: Session, actor: Actor, account: str) -> Account:
    row = session.get(Account, account)
    if row is None or row.area_id != actor.area:
        raise NotHere(permission=Permission.ACCOUNT_MANAGE, why="absent")
    return row


def _check_person(session: Session, area: str, agency: str, email: str, name: str) -> None:
    if "@" not in email or len(email) > 254 or len(email.split()) != 1:  # noqa: PLR2004 - RFC 5321's limit
        raise Invalid("email", "Enter an e-mail address, such as name@agency.example.")
    if not 1 <= len(name) <= 120:  # noqa: PLR2004 - the column's length
        raise Invalid("name", "Enter the person's name.")
    if _by_email(session, email) is not None:
        raise Invalid("email", "There is an account with this e-mail address already.")
    row = session.get(Agency, agency)
    if row is None or row.area_id != area:
        raise Invalid("agency", "Choose the person's agency.")


def _line(account: Account, agency: str) -> AccountLine:
    return AccountLine(
        id=account.id,
        name=account.name,
        email=account.email,
        role=account.role_,
        agency=agency,
        state=AccountState(account.state),
    )


def _as_actor(account: Account, *, session: str | None, address: str, device: str) -> Actor:
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


def _enrolment(account: Account, secret: str) -> Enrolment:
    uri = pyotp.TOTP(secret).provisioning_uri(name=account.email, issuer_name="MAPPA document hub")
    svg = segno.make(uri, micro=False).svg_inline(scale=5, border=4, svgclass="hub-qr", omitsize=False)
    return Enrolment(email=account.email, name=account.name, secret=secret, qr_svg=svg)


def _code(secret: str, step: int) -> str:
    return pyotp.TOTP(secret).at(step * STEP_SECONDS)


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
