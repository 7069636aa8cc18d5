"""People at work in the past: each act belongs to a sitting, which begins by signing in and ends by signing out."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import update

from hub.access.actor import Actor
from hub.demo.load_past import Past, Step
from hub.demo.load_people import People
from hub.ledger.events import SignedIn, SignedOut
from hub.people.model import Account, SignedInSession
from hub.statement.rules import PARTS, Part

PAUSE = timedelta(minutes=15)
"""A longer one between two acts ends the sitting: the hub itself waits twenty minutes."""
BEFORE, AFTER = timedelta(seconds=90), timedelta(seconds=50)
READING = timedelta(seconds=35)
"""From signing in to agreeing a statement that is new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What a person did at a moment, as an actor with a session."""

    at: datetime
    person: str
    do: Callable[[Actor], None]


class Visits:
    """Sessions as the hub keeps them, and who has agreed the statement in force."""

    def __init__(self, past: Past, people: People) -> None:
        self._past, self._people = past, people
        self._agreed: dict[str, set[Part]] = {}
        self._accounts: dict[str, Account] = {}

    def sign_in(self, person: str) -> Actor:
        past, known = self._past, self._people.actor(person)
        if person not in self._accounts:
            self._accounts[person] = past.session.get_one(Account, str(known.account))
        _, session = past.hub.sessions.start(
            past.work, self._accounts[person], address=known.address, device=known.device
        )
        actor = self._people.actor(person, session)
        past.record(actor, SignedIn())
        return actor

    def sign_out(self, actor: Actor, how: str) -> None:
        past = self._past
        past.session.execute(
            update(SignedInSession)
            .where(SignedInSession.id == actor.session)
            .values(ended_at=past.now, seen_at=past.now),
            execution_options={"synchronize_session": False},
        )
        past.record(actor, SignedOut(how=how))

    def agree(self, actor: Actor, person: str, parts: Iterable[Part] = PARTS) -> None:
        """The parts that this person has not agreed of the statement in force."""
        agreed = self._agreed.setdefault(person, set())
        if wanted := frozenset(parts) - agreed:
            self._past.commit()
            service = self._past.hub.statement
            service.agree(actor, version=service.current(actor).id, parts=wanted)
            agreed |= wanted

    def ask_again(self) -> None:
        """Another version is in force."""
        self._agreed.clear()

    def steps(self, acts: Iterable[Act]) -> Iterator[Step]:
        for _, own in groupby(sorted(acts, key=lambda act: (act.person, act.at)), lambda act: act.person):
            for sitting in _sittings(own):
                yield from self._sitting(sitting)

    def _sitting(self, acts: list[Act]) -> Iterator[Step]:
        person, begins = acts[0].person, acts[0].at - BEFORE
        here: list[Actor] = []
        yield Step(at=begins, do=lambda: here.append(self.sign_in(person)))
        yield Step(at=begins + READING, do=lambda: self.agree(here[0], person))
        for act in acts:
            yield Step(at=act.at, do=lambda act=act: act.do(here[0]), order=1)  # type: ignore[misc]
        yield Step(at=acts[-1].at + AFTER, do=lambda: self.sign_out(here[0], "by the person"), order=2)


def _sittings(acts: Iterable[Act]) -> Iterator[list[Act]]:
    sitting: list[Act] = []
    for act in acts:
        if sitting and act.at - sitting[-1].at > PAUSE:
            yield sitting
            sitting = []
        sitting.append(act)
    if sitting:
        yield sitting
