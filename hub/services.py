"""Everything below the web layer, as one value: what a view, a command or a job is given to work with."""

from dataclasses import dataclass

from config import Config
from hub.backup.service import BackupService
from hub.cases.service import CaseService
from hub.clock import Clock
from hub.db import Database
from hub.disposal.service import DisposalService
from hub.disposal.shredding import Shredding
from hub.documents.service import DocumentService
from hub.governance.following import Following
from hub.governance.glass.service import GlassService
from hub.governance.queue.service import ReviewService
from hub.governance.service import GovernanceService
from hub.governance.supplied.service import SuppliedService
from hub.ledger.alarm import Alarm
from hub.meetings.service import MeetingService
from hub.people.service import PeopleService
from hub.people.sessions import Sessions
from hub.proof.anchored import Anchored
from hub.proof.checkpoints import Checkpoints
from hub.proof.ready import Readiness
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
    checkpoints: Checkpoints
    anchored: Anchored
    readiness: Readiness
    alarm: Alarm
    backup: BackupService
    disposal: DisposalService
    shredding: Shredding
    following: Following
    reviews: ReviewService
    glass: GlassService
    supplied: SuppliedService
