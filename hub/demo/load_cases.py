"""Cases as acts of their coordinators: opened, staffed, excluded from, changed and closed through the hub's service."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial

from hub.access.actor import Actor
from hub.cases.model import Case
from hub.cases.rules import Category, EntryRoute, Level
from hub.cases.sealed import Nominal
from hub.cases.service import Decision, NewCase
from hub.demo.cases import CRITERIA, DemoCase, DemoChange, DemoExclusion, DemoMember
from hub.demo.load_past import Past
from hub.demo.load_people import People
from hub.demo.load_visits import Act

OPENED_BECAUSE = {
    1: "The lead agency can manage the risk with its own means; other agencies are told what they need.",
    2: "Several agencies must work together on the plan: the risk of serious harm is assessed as high.",
    3: "The risk is high and the plan is so complex that senior managers of several agencies must decide on it.",
}


class LoadedCases:
    """`ids` maps the plan's keys to the ids of cases opened so far."""

    def __init__(self, past: Past, people: People) -> None:
        self._past, self._people = past, people
        self.ids: dict[str, str] = {}

    def acts(self, case: DemoCase) -> Iterator[Act]:
        by = case.coordinator
        yield Act(at=case.opened_at, person=by, do=partial(self._open, case))
        for number, member in enumerate(case.team, start=1):
            at = case.opened_at + timedelta(minutes=2 * number)
            yield Act(at=at, person=by, do=partial(self._add, case, member))
        for exclusion in case.exclusions:
            yield Act(at=exclusion.at, person=by, do=partial(self._exclude, case, exclusion))
        for change in case.changes:
            yield Act(at=change.at, person=change.by, do=partial(self._change, case, change))

    def _open(self, case: DemoCase, actor: Actor) -> None:
        self._past.commit()
        nominal = case.nominal
        new = NewCase(
            form=case.key,
            nominal=Nominal(
                name=nominal.name, aliases=nominal.aliases, born=nominal.born, visor=nominal.visor
            ),
            category=Category(case.first_category),
            level=Level(case.first_level),
            criteria=frozenset(CRITERIA[case.first_level]),
            reason=OPENED_BECAUSE[case.first_level],
            route=EntryRoute(case.entry_route),
            locality=case.locality,
            lead_agency=self._people.agencies[case.lead_agency],
            agencies=frozenset(self._people.agencies[key] for key in case.agencies),
        )
        self.ids[case.key] = self._past.hub.cases.open_case(actor, new)

    def _add(self, case: DemoCase, member: DemoMember, actor: Actor) -> None:
        self._past.commit()
        self._past.hub.cases.add_member(
            actor, self.ids[case.key], self._people.ids[member.person], member.duty
        )

    def _exclude(self, case: DemoCase, exclusion: DemoExclusion, actor: Actor) -> None:
        self._past.commit()
        self._past.hub.cases.exclude(
            actor, self.ids[case.key], self._people.ids[exclusion.person], exclusion.reason
        )

    def _change(self, case: DemoCase, change: DemoChange, actor: Actor) -> None:
        self._past.commit()
        service, identity = self._past.hub.cases, self.ids[case.key]
        decision = Decision(
            reason=change.reason, seen=self._seen(identity), criteria=frozenset(change.criteria)
        )
        if change.what == "level":
            service.change_level(actor, identity, Level(int(change.after)), decision)
        elif change.what == "review":
            service.change_review(actor, identity, date.fromisoformat(change.after), decision)
        elif case.exit_reason:
            service.close(actor, identity, case.exit_reason, decision)

    def _seen(self, case: str) -> int:
        with self._past.hub.db.reading() as session:
            return session.get_one(Case, case).row_version
