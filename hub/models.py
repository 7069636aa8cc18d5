"""Every table, so that whoever needs `Base.metadata` whole imports this one module."""

from hub.backup import model as backup
from hub.cases import model as cases
from hub.db import Base
from hub.disposal import model as disposal
from hub.documents import model as documents
from hub.governance import model as governance
from hub.ledger import model as ledger
from hub.meetings import model as meetings
from hub.people import model as people
from hub.search import model as search
from hub.statement import model as statement

__all__ = [
    "Base",
    "backup",
    "cases",
    "disposal",
    "documents",
    "governance",
    "ledger",
    "meetings",
    "people",
    "search",
    "statement",
]
