"""Reads hostile files: bytes in, results out; no database, no web, no vault.

    kinds.identify      what the bytes are, before anything parses them
    Reader (client)     hands a document to a confined child (child, guards) and checks its answer (wire)
    jobs                what a child can do: examine, render_page, watermark_pdf
    scans, recogniser   text in pictures, in a second process of the same kind when this machine has Tesseract

Only the child's process imports the parsing libraries.
"""

from hub.documents.reader.client import Document, Limits, Reader
from hub.documents.reader.kinds import clean_file_name, identify
from hub.documents.reader.results import (
    VERSION,
    Examined,
    Guard,
    Kind,
    ReaderUnavailable,
    Reason,
    Refused,
    Rendered,
    TooCostly,
)

__all__ = [
    "VERSION",
    "Document",
    "Examined",
    "Guard",
    "Kind",
    "Limits",
    "Reader",
    "ReaderUnavailable",
    "Reason",
    "Refused",
    "Rendered",
    "TooCostly",
    "clean_file_name",
    "identify",
]
