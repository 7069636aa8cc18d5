"""Everything below the web layer, as one value: what a view, a command or a job is given to work with."""

from dataclasses import dataclass

from config import Config
from hub.backup.service import BackupService
from hub.cases.service import CaseService
from hub.clock import Clock
from hub.db import Database
from hub.documents.service import DocumentService
from hub.governance.service import GovernanceService
from hub.ledger.checkpoints import Checkpoints
from hub.meetings.service import MeetingService
from hub.people.service import PeopleService
from hub.people.sessions import Sessions
from hub.search.service import SearchService
from hub.statement.service import StatementService
from hub.vaults import Vaults


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    config: Config
    clock: Clock
    db: Database
    vaults: Vaults
    sessions: Sessions
    people: PeopleService
    statement: StatementService
    cases: CaseService
    documents: DocumentService
    meetings: MeetingService
    search: SearchService
    governance: GovernanceService
    backup: BackupService
    checkpoints: Checkpoints
