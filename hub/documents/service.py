"""What people, and the program itself, can do with documents; each part is a module of its own.

receive   files sealed as they come in, kept for their owner
filing    documents made of them, superseded, changed, withdrawn, restored
reading   pages as text and image, readers
deliver   originals handed out
prepare   text and reading copies, sweeps
rereading scans, and what an older reader could not read
health    what the reader is held by, what it could not read
lists     documents in lists, inside a caller's session
"""

from hub.documents.deliver import Delivering, Delivery, Wanted
from hub.documents.filing import EditPage, Faults, Filing, ReceiptLine, UploadPage
from hub.documents.health import Health
from hub.documents.lists import DocumentLine, Listing
from hub.documents.reading import ReaderLine, Readers, ReadingPage, ReasonNeeded
from hub.documents.receive import Receiving, Staged
from hub.documents.rereading import Rereading
from hub.documents.rules import Details

__all__ = [
    "Delivery",
    "Details",
    "DocumentLine",
    "DocumentService",
    "EditPage",
    "Faults",
    "ReaderLine",
    "Readers",
    "ReadingPage",
    "ReasonNeeded",
    "ReceiptLine",
    "Staged",
    "UploadPage",
    "Wanted",
]


class DocumentService(Receiving, Filing, Delivering, Rereading, Health, Listing):
    """One service; see `records.Part` for what it is made with."""
