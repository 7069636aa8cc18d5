"""Enrolment: an invitation works once and for three days; whoever holds it chooses password and second factor."""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

import pyotp
import segno
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access.actor import Actor, program
from hub.access.check import authorise
from hub.access.permissions import Permission, Role
from hub.errors import Invalid, Refused
from hub.ids import new_id
from hub.ledger.events import AccountChanged, AccountCreated, SecondFactorEnrolled
from hub.people.model import Account, AccountState, Agency
from hub.people.parts import MAX_PASSWORD, Part, as_actor, by_email, hashed, of_area

INVITATION_ENDS = timedelta(days=3)
MIN_PASSWORD = 12
_ADDRESS = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)*")
"""One address and no more, as HTML's own e-mail field takes it: what a notice's `To` can carry."""
USED_INVITATION = "This invitation has been used or is over. Ask your administrator for a new one."


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What an invited person needs to see; `qr_svg` is the drawing of `uri`, `secret` the same for typing."""

    email: str
    name: str
    secret: str
    qr_svg: str


class Enrolling(Part):
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
            row = of_area(work.session, actor, account)
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
        account.invitation_hash, account.invitation_ends = hashed(token), self._clock() + INVITATION_ENDS
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
                as_actor(account, session=None, address=address, device=device), SecondFactorEnrolled()
            )
            return self._begin_session(work, account, address, device)

    def _invitee(self, session: Session, token: str) -> Account:
        """Locked where the work goes on to use it up: of two who send one invitation, one is too late."""
        query = select(Account).where(
            Account.invitation_hash == hashed(token), Account.state == AccountState.INVITED
        )
        query = query.with_for_update()
        account = session.scalars(query).one_or_none()
        if account is None or account.invitation_ends is None or account.invitation_ends < self._clock():
            raise Refused(USED_INVITATION)
        return account

    def _secret_of(self, token: str) -> str:
        digest = hmac.new(self._secret, b"totp:" + token.encode(), hashlib.sha256).digest()
        return base64.b32encode(digest[:20]).decode()


def check_password(password: str) -> None:
    """Length is what counts (NIST SP 800-63B, 5.1.1.2); raises Invalid."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise Invalid("password", f"Choose a password of {MIN_PASSWORD} to {MAX_PASSWORD} characters.")
    if len(set(password)) < MIN_PASSWORD // 2:
        raise Invalid("password", "Choose a password that repeats itself less.")


def _check_person(session: Session, area: str, agency: str, email: str, name: str) -> None:
    if len(email) > 254 or not _ADDRESS.fullmatch(email):  # noqa: PLR2004 - RFC 5321's limit
        raise Invalid("email", "Enter an e-mail address, such as name@agency.example.")
    if not 1 <= len(name) <= 120 or not name.isprintable():  # noqa: PLR2004 - the column's length
        raise Invalid("name", "Enter the person's name, in letters that can be seen.")
    if by_email(session, email) is not None:
        raise Invalid("email", "There is an account with this e-mail address already.")
    row = session.get(Agency, agency)
    if row is None or row.area_id != area:
        raise Invalid("agency", "Choose the person's agency.")


def _enrolment(account: Account, secret: str) -> Enrolment:
    uri = pyotp.TOTP(secret).provisioning_uri(name=account.email, issuer_name="MAPPA document hub")
    svg = segno.make(uri, micro=False).svg_inline(scale=5, border=4, svgclass="hub-qr", omitsize=False)
    return Enrolment(email=account.email, name=account.name, secret=secret, qr_svg=svg)
