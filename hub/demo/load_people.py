"""The area, its agencies, its people and their agreement, written into an empty hub."""

import json
from datetime import datetime
from pathlib import Path

from argon2 import PasswordHasher

from hub.access.actor import Actor, program
from hub.demo.area import DemoArea, DemoPerson
from hub.demo.load_past import Past
from hub.demo.unfinished import LOADING
from hub.ids import new_id
from hub.ledger.events import AccountCreated, SecondFactorEnrolled
from hub.people.founding import found_area
from hub.people.model import Account, AccountState, Agency

DEVICES = ("Firefox on Windows", "Edge on Windows", "Chrome on Android", "Safari on macOS")
ADDED = "\n* When I join a meeting from home I do so from a room of my own, where nobody hears or sees it."
WHY = "Meetings are now joined from home as well: the statement says what that asks of everyone."


class People:
    """Who is who: ids for the plan's keys, and an actor for each person, with or without a session."""

    def __init__(self, past: Past, area: DemoArea, founded: datetime) -> None:
        self._past, self._plan = past, area
        self.area = self._found(founded)
        self.agencies = {agency.key: new_id() for agency in area.agencies}
        self.ids = {person.key: new_id() for person in area.people}
        self._write()

    def _found(self, founded: datetime) -> str:
        past, plan = self._past, self._plan
        past.clock.now = founded
        hub = past.hub
        row = found_area(
            past.session, past.clock, hub.vaults, name=plan.name, localities=plan.localities, demo=True
        )
        row.settings = dict(LOADING)
        return row.id

    def _write(self) -> None:
        session = self._past.session
        session.add_all(
            Agency(id=self.agencies[agency.key], area_id=self.area, name=agency.name, kind=agency.key)
            for agency in self._plan.agencies
        )
        session.flush()
        for person in self._plan.people:
            session.add(self._account(person))
            self._past.record(program(self.area), self._created(person))
        self._past.commit()

    def _account(self, person: DemoPerson) -> Account:
        box = self._past.hub.vaults.box(self._past.session, self.area, "totp")
        account = self.ids[person.key]
        return Account(
            id=account,
            area_id=self.area,
            agency_id=self.agencies[person.agency],
            email=person.email,
            name=person.name,
            role=person.role,
            state=AccountState.ACTIVE,
            password_hash=PasswordHasher().hash(person.password),
            totp_sealed=box.seal(person.totp_secret.encode(), account),
            totp_last_step=0,
            created_at=self._past.now,
        )

    def _created(self, person: DemoPerson) -> AccountCreated:
        return AccountCreated(subject=self.ids[person.key], account_role=person.role)

    def actor(self, key: str, session: str | None = None) -> Actor:
        person = self._plan.person(key)
        number = self._plan.people.index(person)
        return Actor(
            area=self.area,
            account=self.ids[key],
            agency=self.agencies[person.agency],
            role=person.role,
            name=person.name,
            agency_name=self._plan.agency(person.agency).name,
            session=session,
            address=f"192.0.2.{10 + number}",
            device=DEVICES[number % len(DEVICES)],
        )

    def keys(self) -> list[str]:
        return [person.key for person in self._plan.people]

    def note_enrolment(self, actor: Actor) -> None:
        self._past.record(actor, SecondFactorEnrolled())


def write_sign_ins(area: DemoArea, home: Path) -> None:
    """`demo-accounts.json` for its owner alone: whole, or not there."""
    rows = [
        {
            "email": person.email,
            "password": person.password,
            "totp_secret": person.totp_secret,
            "role": person.role.value,
            "agency": area.agency(person.agency).name,
            "name": person.name,
        }
        for person in area.people
    ]
    new = home / "demo-accounts.json.new"
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    new.replace(home / "demo-accounts.json")
