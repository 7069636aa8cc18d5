"""A case with something of every kind in it, and the way to its destruction."""

import json
from dataclasses import dataclass

import pytest
from sqlalchemy import LargeBinary, select

from hub.cases.model import Case
from hub.cases.rules import ExitReason
from hub.cases.service import Decision
from hub.db import Base
from hub.disposal.erasing import sealed_tables
from hub.documents.model import StoredObject
from hub.documents.reader import Reader
from hub.ids import new_id
from tests.documents.conftest import Desk, pdf
from tests.remembering import Remembering

NAME = "Norman Nominal-Fable"
WHY = "The exit was reviewed and nothing in it is needed."
WORD = "Quinceberry"


@dataclass
class Registry:
    """Does what people do about holds and disposal, through the services."""

    world: object
    desk: object

    @property
    def service(self):
        return self.world.hub.disposal

    @property
    def shredding(self):
        return self.world.hub.shredding

    def fill(self):
        """Two documents, one of them with two versions, a received file, an exclusion, an unsent form, a kept search."""
        world = self.world
        self.documents = [
            self.desk.prepared(pdf(f"{WORD} number {number}"), f"{WORD}.pdf", title=f"{WORD} {number}")
            for number in (1, 2)
        ]
        self.staged = self.desk.stage(pdf(f"{WORD} staged"), f"{WORD}-staged.pdf")
        world.exclude("excluded")
        world.join_team("attendee")
        world.hub.people.hold_form(
            world.people["police"],
            path=f"/cases/{world.case}/documents/new",
            fields=[("necessity", f"{WORD} typed")],
        )
        world.hub.search.keep(world.actor("police"), [("q", NAME)])

    def close(self, case=None):
        case = case or self.world.case
        who = self.world.actor("coordinator")
        seen = self.world.hub.cases.for_change(who, case).seen
        self.world.hub.cases.close(
            who, case, ExitReason.REGISTRATION, Decision(reason="The registration ended.", seen=seen)
        )

    def seen(self):
        """The case's row as a form would have it."""
        with self.world.hub.db.reading() as session:
            return session.get_one(Case, self.world.case).row_version

    def ask(self, code="review decided", who="coordinator", case=None):
        self.service.ask(self.world.actor(who), case or self.world.case, code, WHY)

    def approve(self, who="governance", case=None):
        self.service.approve(self.world.actor(who), case or self.world.case, WHY)

    def ready(self):
        """Filled, closed, asked for and approved."""
        self.fill()
        self.close()
        self.ask()
        self.approve()

    def hold(self, who="governance", case=None):
        """The id of a hold that now stands."""
        case = case or self.world.case
        self.service.set_hold(self.world.actor(who), case, "A court asked for it to be kept.", new_id())
        return self.service.one(self.world.actor(who), case).holds[0].id

    def shred(self, case=None):
        return self.shredding.shred(self.shredding.find(case or self.world.case))

    def sealed(self, case=None):
        """Everything sealed of the case, and every wrapping, as it stands in the rows now."""
        case, found = case or self.world.case, []
        with self.world.hub.db.reading() as session:
            for table, condition in sealed_tables(case):
                for row in session.execute(select(table).where(condition)):
                    found += [value for value in row if isinstance(value, bytes) and value]
        return found

    def keys(self, case=None):
        """The wrapped case key and the wrapped keys of its objects."""
        case = case or self.world.case
        with self.world.hub.db.reading() as session:
            row = session.get_one(Case, case)
            objects = session.scalars(
                select(StoredObject.wrapped_key).where(StoredObject.case_id == case)
            ).all()
            return [row.key_wrapped, *objects]

    def names(self, case=None):
        return sorted(self.world.hub.vaults.store.names(f"{self.world.area}/{case or self.world.case}/"))

    def refusals(self):
        """Why, of each entry that says something was refused."""
        return [json.loads(entry.leaf)["fields"]["why"] for entry in self.world.events("access.refused")]


@pytest.fixture(scope="session")
def one_reader():
    with Reader() as reader:
        yield Remembering(reader)


@pytest.fixture
def desk(world, one_reader):
    own, world.hub.documents._reader = world.hub.documents._reader, one_reader
    yield Desk(world)
    world.hub.documents._reader = own


@pytest.fixture
def registry(world, desk):
    return Registry(world, desk)


def binary_columns():
    return {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
