"""A world with something sealed in every place that a rotation must reach."""

from datetime import date

import pytest
from sqlalchemy import inspect, select

from hub.access.actor import program
from hub.cases.model import Case
from hub.cases.service import Decision
from hub.documents.model import StoredObject
from hub.documents.objects import sealed_object
from hub.keys.cases import Parts
from hub.keys.sealed import CASE_TABLES
from hub.keys.service import KeyService
from hub.ledger.events import DocumentProcessed
from hub.search.service import Request
from tests.documents.conftest import Desk, one_reader

__all__ = ["Keys", "one_reader"]
TITLE = "Minutes of a fictional meeting"
TEXT = b"Fictional minutes: Norman Nominal-Fable was seen near the quayside.\n" * 40


class Keys:
    """The hub's key service, and what a person would see of a case."""

    def __init__(self, world):
        self.world, self.hub = world, world.hub
        self.shown = []
        self.service = KeyService(
            Parts(
                db=world.hub.db, clock=world.hub.clock, vaults=world.hub.vaults,
                progress=lambda *told: self.shown.append(told), because="a drill of the tests",
            )
        )  # fmt: skip

    @property
    def db(self):
        return self.hub.db

    @property
    def vaults(self):
        return self.hub.vaults

    def fill(self, case):
        """A document prepared and searchable, one staged, an exclusion, a change with a reason, an asked search."""
        world, desk = self.world, Desk(self.world)
        actor = world.actor("coordinator")
        document = desk.prepared(TEXT, "minutes.txt", title=TITLE, case=case)
        desk.stage(b"waits for its document\n" * 9, "waiting.txt", "police", case)
        world.exclude("excluded", case)
        with self.db.reading() as session:
            seen = session.get_one(Case, case).row_version
        self.hub.cases.change_review(
            actor, case, date(2026, 4, 1), Decision(reason="A fictional reason.", seen=seen)
        )
        self.hub.search.keep(actor, [("q", "quayside")])
        self.hub.people.hold_form(world.people["police"], path="/x", fields=[("a", "b")])
        return document

    def row(self, case):
        with self.db.reading() as session:
            return session.get_one(Case, case)

    def read(self, case):
        """All that the case's rows and objects say, opened through the vault of now."""
        said = {}
        with self.db.reading() as session:
            vault = self.vaults.of(session, session.get_one(Case, case))
            for table in CASE_TABLES:
                for row in session.scalars(select(table.model).where(table.rows(case))):
                    for name, value in table.values.items():
                        said[opening_of(table, name, row)] = opened(vault, value, row, getattr(row, name))
        return said

    def content(self, case, stored):
        """One object's content, as the hub would read it for itself."""
        with self.db.work() as work:
            vault = self.vaults.of(work.session, work.session.get_one(Case, case))
            record = sealed_object(vault, work.session.get_one(StoredObject, stored))
            entry = work.record(
                program(self.world.area),
                DocumentProcessed(case=case, document=stored, version=1, purpose="check"),
            )
            work.commit()
        receipt = work.receipt(entry, case=case, objects=[stored], purpose="check")
        with vault.open(record, receipt) as reader:
            return reader.read()

    def objects(self, case):
        with self.db.reading() as session:
            return list(session.scalars(select(StoredObject.id).where(StoredObject.case_id == case)))

    def found(self, text="quayside", who="coordinator"):
        answer = self.hub.search.search(self.world.actor(who), Request(text=text))
        return [one.title for one in answer.found]


def opening_of(table, name, row):
    return (table.model.__tablename__, name, *inspect(row).identity)


def opened(vault, value, row, sealed):
    kind = type(value).__name__
    if kind == "_Field":
        return vault.open_field(value.field, value.row(row), sealed)
    if kind == "_Blob":
        return vault.open_blob(value.kind, row.case_id, row.version, sealed)
    return vault.holds_key(sealed_object(vault, row))


@pytest.fixture
def keys(world, one_reader):
    own, world.hub.documents._reader = world.hub.documents._reader, one_reader
    made = Keys(world)
    made.document = made.fill(world.case)
    yield made
    world.hub.documents._reader = own
