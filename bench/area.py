"""A small invented area in a home of its own, made through the hub's services where it has one for it."""

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from config import Config
from hub.access.actor import Actor
from hub.access.permissions import Role
from hub.app import Services, build_services
from hub.cases.model import Case
from hub.cases.rules import Category, Criterion, EntryRoute, Level
from hub.cases.sealed import Nominal
from hub.cases.service import NewCase
from hub.commands.install import prepare
from hub.db import UnitOfWork
from hub.documents.model import Document, DocumentVersion, TextState
from hub.documents.objects import store
from hub.documents.records import Said, seal_file_name, seal_said
from hub.documents.rules import MARKING
from hub.ids import new_id
from hub.ledger.events import DocumentUploaded, Reason
from hub.people.founding import found_area
from hub.people.model import Account, Agency
from hub.statement.rules import PARTS
from storage.vault import SealedObject, Vault

HERE = {"address": "127.0.0.1", "device": ""}


@dataclass(slots=True, kw_only=True)
class Bench:
    """A prepared home: `hub` are its services in this process, `token` signs in its practitioner."""

    folder: Path
    config: Config
    hub: Services
    agency: str
    coordinator: Actor
    practitioner: Actor
    token: str
    cases: dict[int, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.config.home

    @property
    def cookies(self) -> dict[str, str]:
        return {"hub_session": self.token}

    def case_of(self, documents: int) -> str:
        """The id of a case with as many documents; the same one for the same number."""
        if documents not in self.cases:
            case = self._open_case()
            self._fill(case, [os.urandom(2000) for _ in range(documents)])
            self.cases[documents] = case
        return self.cases[documents]

    def fill_case(self, contents: list[bytes]) -> str:
        """The id of a new case with these documents, of whose coming the log has no entries: they are many."""
        case = self._open_case()
        with self.hub.db.work() as work:
            vault = self.hub.vaults.of(work.session, work.session.get_one(Case, case))
            sealed = [vault.put("original", [data]) for data in contents]
            rows = [self._rows(work, vault, one, number) for number, one in enumerate(sealed)]
            work.session.add_all(document for document, _ in rows)
            work.session.flush()
            work.session.add_all(version for _, version in rows)
            work.commit()
        return case

    def document_of(self, data: bytes) -> str:
        """The id of a text document of this content, whose reading was given a reason."""
        document = self._fill(self._open_case(), [data])[0]
        self.hub.documents.give_reason(self.practitioner, document, Reason.CASEWORK)
        return document

    def _open_case(self) -> str:
        return self.hub.cases.open_case(
            self.coordinator,
            NewCase(
                form=new_id(),
                nominal=Nominal(name="Bertie Bench-Fable", aliases=(), born=date(1980, 2, 29), visor=None),
                category=Category(1),
                level=Level(2),
                criteria=frozenset(Criterion),
                reason="Opened to be measured, with an invented person.",
                route=EntryRoute.SENTENCE,
                locality="Northfen",
                lead_agency=self.agency,
            ),
        )

    def _fill(self, case: str, contents: list[bytes]) -> list[str]:
        """Documents put past the intake, which takes no noise: sealed by the vault, with their rows and entries."""
        from hub.cases.access import load_case
        from hub.documents.receive import UPLOAD

        with self.hub.db.work() as work:
            row = load_case(work.session, self.practitioner, UPLOAD, case)
            vault = self.hub.vaults.of(work.session, row)
            sealed = [vault.put("original", io.BytesIO(data)) for data in contents]
            made = [self._document(work, vault, one, number) for number, one in enumerate(sealed)]
            work.commit()
        return made

    def _document(self, work: UnitOfWork, vault: Vault, sealed: SealedObject, number: int) -> str:
        document, version = self._rows(work, vault, sealed, number)
        work.session.add(document)
        work.session.flush()
        work.session.add(version)
        work.record(
            self.practitioner,
            DocumentUploaded(
                case=vault.case,
                document=document.id,
                version=1,
                size=sealed.size,
                sha256=sealed.sealed_sha256,
            ),
        )
        return document.id

    def _rows(
        self, work: UnitOfWork, vault: Vault, sealed: SealedObject, number: int
    ) -> tuple[Document, DocumentVersion]:
        """The first must be in the database before the second."""
        document, moment = new_id(), datetime.now(UTC) - timedelta(minutes=number)
        original = store(work, vault, sealed, moment)
        said = Said(title=f"Invented notes {number}", author="", necessity="To be measured.")
        return (
            Document(
                id=document,
                case_id=vault.case,
                type="agency-report",
                owner_id=self.agency,
                uploader_id=self.practitioner.account,
                marking=MARKING,
                dated=date(2026, 3, 1),
                retention_class="agency",
                narrowed=False,
                sealed_details=seal_said(vault, document, said),
                current=1,
                created_at=moment,
                changed_at=moment,
                form_token=new_id(),
            ),
            DocumentVersion(
                document_id=document,
                number=1,
                kind="txt",
                original_id=original.id,
                sealed_file_name=seal_file_name(vault, document, 1, f"notes-{number}.txt"),
                uploaded_by=self.practitioner.account,
                uploaded_at=moment,
                text_state=TextState.NO_TEXT,
            ),
        )


@contextmanager
def bench(database_url: str = "") -> Iterator[Bench]:
    """A home below the temporary folder, removed afterwards; SQLite in it where no other database is named."""
    with TemporaryDirectory(prefix="hub-bench-") as name:
        folder = Path(name)
        config = Config.from_env({"HUB_HOME": str(folder / "home"), "HUB_DATABASE_URL": database_url})
        prepare(config, demo=False, progress=lambda _line: None)
        made = _populated(folder, config)
        try:
            yield made
        finally:
            made.hub.documents.close()
            made.hub.db.engine.dispose()


def _populated(folder: Path, config: Config) -> Bench:
    hub = build_services(config)
    with hub.db.work() as work:
        area = found_area(work.session, hub.clock, hub.vaults, name="Fenmarch", localities=["Northfen"])
        agency = Agency(id=new_id(), area_id=area.id, name="Fenmarch Police (fictional)", kind="police")
        work.session.add(agency)
        work.session.flush()
        tokens = {role: _signed_in(work, hub, agency, role) for role in (Role.COORDINATOR, Role.PRACTITIONER)}
        work.commit()
    actors = {role: _actor(hub, token) for role, token in tokens.items()}
    return Bench(
        folder=folder,
        config=config,
        hub=hub,
        agency=agency.id,
        coordinator=actors[Role.COORDINATOR],
        practitioner=actors[Role.PRACTITIONER],
        token=tokens[Role.PRACTITIONER],
    )


def _signed_in(work: UnitOfWork, hub: Services, agency: Agency, role: Role) -> str:
    name = f"{role.value.title()} Bench-Fable"
    account = Account(
        id=new_id(),
        area_id=agency.area_id,
        agency_id=agency.id,
        email=f"{role.value}@fenmarch.example",
        name=name,
        role=role,
        state="active",
        created_at=hub.clock(),
    )
    work.session.add(account)
    work.session.flush()
    token, _ = hub.sessions.start(work, account, **HERE)
    return token


def _actor(hub: Services, token: str) -> Actor:
    """As the door would make it, the statement agreed."""
    visit = hub.sessions.find(token, **HERE)
    if visit is None:
        raise RuntimeError("the session just begun is not there")
    version = hub.statement.current(visit.actor)
    hub.statement.agree(visit.actor, version=version.id, parts=frozenset(PARTS))
    return visit.actor


def content(size: int) -> bytes:
    """Bytes that look like noise, the same each time."""
    return hashlib.shake_256(b"bench").digest(size)
