"""Accounts as an administrator keeps them: listed, suspended, restored."""

from dataclasses import dataclass

from sqlalchemy import select

from hub.access.actor import Actor
from hub.access.check import authorise
from hub.access.permissions import Permission, Role
from hub.db import pairs
from hub.errors import Refused
from hub.ledger.events import AccountChanged
from hub.people.model import Account, AccountState, Agency
from hub.people.parts import Part, of_area


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLine:
    id: str
    name: str
    email: str
    role: Role
    agency: str
    state: AccountState


class Accounts(Part):
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
            row = of_area(work.session, actor, account)
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


def _line(account: Account, agency: str) -> AccountLine:
    return AccountLine(
        id=account.id,
        name=account.name,
        email=account.email,
        role=account.role_,
        agency=agency,
        state=AccountState(account.state),
    )
