"""The event vocabulary in people's words; a test holds it to the vocabulary itself."""

from collections.abc import Mapping
from typing import Any

from hub.access.permissions import Permission
from hub.governance.entries import Line
from hub.governance.rules import Flag, GlassReason, Kind, Why
from hub.ledger.events import Reason

EVENTS = {
    "session.signed_in": "Signed in",
    "session.sign_in_failed": "Failed to sign in",
    "session.signed_out": "Session ended",
    "account.enrolled": "Enrolled a second factor",
    "account.created": "Created an account",
    "account.changed": "Changed an account",
    "statement.published": "Published the statement",
    "statement.drafted": "Drafted the statement",
    "statement.agreed": "Agreed a part of the statement",
    "statement.affirmed": "Re-affirmed the statement for a meeting",
    "case.listed": "Looked at the list of cases",
    "case.viewed": "Looked at a case",
    "case.opened": "Opened a case",
    "case.changed": "Changed a case",
    "case.team_changed": "Changed who is on a case",
    "glass.asked": "Asked to open a case by break-glass",
    "glass.opened": "Opened a case by break-glass",
    "glass.ended": "Break-glass ended",
    "form.kept": "A form that was not sent was kept",
    "form.shown": "Looked at a form that was not sent",
    "form.erased": "A form that was kept was erased",
    "document.received": "Sent a file",
    "document.received_discarded": "Discarded a file not yet used",
    "document.uploaded": "Uploaded a document",
    "document.superseded": "Uploaded a new version",
    "document.changed": "Changed a document's details",
    "document.prepared": "Prepared a document for reading",
    "document.processed": "Processed a document",
    "document.page_viewed": "Read a page",
    "document.download_started": "Began a download",
    "document.download_ended": "Ended a download",
    "document.readers_viewed": "Looked at who has read a document",
    "meeting.listed": "Looked at the list of meetings",
    "meeting.viewed": "Looked at a meeting",
    "meeting.arranged": "Arranged a meeting",
    "meeting.case_listed": "Changed a meeting's cases",
    "meeting.invited": "Changed who is invited",
    "meeting.issued": "Issued a document to a meeting",
    "keys.rotated": "Rotated a key of the service",
    "keys.case_rotated": "Rotated a case's key",
    "keys.escrowed": "Split the root keys into shares",
    "keys.drilled": "Tried the shares of the root keys",
    "keys.recovered": "Recovered the root keys from shares",
    "vault.listed": "Listed what is stored",
    "vault.recovery_key": "Handed out a stored object's own key",
    "vault.checked": "Opened stored objects to check them",
    "vault.swept": "Removed stored objects that nothing names",
    "disposal.hold_set": "Set a legal hold",
    "disposal.hold_lifted": "Lifted a legal hold",
    "disposal.requested": "Asked for the destruction of a case",
    "disposal.withdrawn": "Withdrew a request to destroy a case",
    "disposal.refused": "Decided to keep a case",
    "disposal.approved": "Approved the destruction of a case",
    "disposal.certified": "Completed the destruction of a case",
    "disposal.viewed": "Looked at holds and disposal",
    "disposal.certificate_read": "Took a disposal certificate",
    "case.shredded": "Destroyed the keys of a case",
    "search.run": "Searched",
    "search.shown": "Was shown lines of a document by search",
    "search.record_shown": "Was shown who a nominal is by search",
    "search.indexed": "Made a case searchable anew",
    "log.read": "Looked at the access log",
    "log.exported": "Exported the access log",
    "log.bundled": "Exported the access log with its proofs",
    "log.receipt_made": "Made reading receipts of a person",
    "review.asked": "Asked a person about what they opened",
    "review.answered": "Answered a question about what they opened",
    "review.closed": "Closed a review",
    "access.refused": "Was refused",
    "backup.created": "Made a backup",
    "backup.opened": "Opened a backup to check it",
    "backup.verified": "Checked a backup",
    "backup.pruned": "Removed older backups",
    "backup.restored": "Put the hub back to a backup",
    "log.restore_accepted": "An older state of the hub was accepted after a restore",
    "service.started": "The service started",
    "service.stopped": "The service stopped",
    "service.command_run": "A command was run at the machine",
}

WITH_PAGE = frozenset({"document.page_viewed", "search.shown"})
"""Told in the sentence itself: on which page."""


def describe(line: Line) -> str:
    """What happened, with the page where there is one."""
    said = EVENTS.get(line.event, line.event)
    page = line.detail.get("page")
    return f"{said} (page {page})" if line.event in WITH_PAGE and page else said


FIELDS = {
    "account_role": "role",
    "after": "after",
    "before": "before",
    "bytes": "bytes sealed",
    "cases": "cases",
    "category": "category",
    "code": "because",
    "command": "command",
    "count": "how many",
    "delivered": "bytes sent",
    "documents": "documents",
    "first": "from byte",
    "fingerprint": "fingerprint of the keys",
    "form": "shown as",
    "from_entry": "from entry",
    "hours": "hours at most",
    "to_entry": "to entry",
    "kind": "what it was",
    "how": "how it ended",
    "last": "to byte",
    "level": "level",
    "meetings": "meetings",
    "objects": "sealed objects",
    "opened": "with private values",
    "page": "page",
    "pages": "pages",
    "part": "part",
    "purpose": "for",
    "entries": "entries of the log in it",
    "signed": "entries once signed",
    "faults": "faults found",
    "kept": "snapshots kept",
    "missing": "objects missing",
    "snapshot": "snapshot",
    "snapshots": "snapshots removed",
    "result": "result",
    "route": "route",
    "rows": "entries",
    "size": "size in bytes",
    "started": "started by entry",
    "shares": "shares",
    "step": "step",
    "subject": "about",
    "total": "matches",
    "threshold": "shares needed",
    "version": "version",
    "versions": "how many keys",
    "what": "what",
    "why": "why",
}
LEFT_OUT = frozenset(
    {
        "glass",
        "held",
        "repository",
        "review",
        "stored",
        "draft",
        "meeting",
        "sha256",
        "staged",
        "permission",
        "case",
        "document",
        "reason",
        "hold",
        "request",
        "key",
        "text_sha256",
    }
)
"""Opaque ids and hashes; a permission is in the sentence of its refusal; the last three have columns."""

VALUES = {
    ("form", "image"): "a picture of the page",
    ("form", "text"): "the words of the page",
    ("form", "details"): "its title and details",
    ("form", "pdf"): "a PDF",
    ("page", "log"): "the entries",
    ("page", "document"): "who has seen a document",
    ("page", "person"): "what a person has seen",
    ("page", "agency"): "what an agency has seen",
    ("page", "case"): "who has seen a case",
    ("page", "figures"): "the figures",
    ("page", "peers"): "people compared with their peers",
    ("page", "register"): "who has agreed the statement",
    ("page", "reviews"): "the reviews",
    ("page", "review"): "one review",
    ("page", "question"): "what they are asked about",
    ("page", "break-glass"): "who opened their cases by break-glass",
    ("page", "proofs"): "what can be exported with proofs",
    ("purpose", "indexing"): "making it searchable",
    ("purpose", "rewrap"): "changing its key",
    ("purpose", "check"): "checking it is whole",
    ("kind", "nominal"): "who the nominal is",
    ("result", "ready"): "ready to read",
    ("why", "details"): "what they entered was wrong",
    ("what", "nominal"): "the nominal's details",
    ("what", "review"): "when the next review is due",
    ("what", "details"): "title and details",
    ("what", "audience"): "for whom it is",
    ("part", "equality"): "equality and diversity",
    ("how", "time over"): "its time was over",
}
PLAIN = frozenset({
    "approved", "area", "begun", "finished", "hashes", "opened", "other", "root", "same", "seals", "sealing again",
    "taken up", "waiting", "added", "agency added", "agency removed", "arranged", "by an administrator", "by the person", "cancelled", "category",
    "changed", "closed", "confidentiality", "coordinator", "exclusion added", "exclusion lifted", "explained",
    "from another session", "given back", "invited", "invited again", "lead agency", "level", "member added",
    "member removed", "minutes", "papers", "removed", "reopened", "restored", "suspended", "timed out", "withdrawn",
})  # fmt: skip
"""Codes that are words already."""
KINDS = {
    Kind.CASE: "Looked at the case",
    Kind.PAGE: "Read a page",
    Kind.DOWNLOAD: "Downloaded a document",
    Kind.HIT: "Was shown lines by search",
    Kind.REFUSAL: "Was refused",
}
WHYS = {
    Why.COORDINATOR: "coordinates the case",
    Why.TEAM: "on the case's team",
    Why.ISSUED: "the document was issued to them",
    Why.INVITED: "invited to a meeting of the case around that day",
    Why.SUPPLIED: "their agency supplied the document",
    Why.CONTRIBUTED: "worked on the case themselves lately",
    Why.AGENCY_MEETING: "their agency works the case, around a meeting of it",
    Why.AGENCY_NEW: "their agency came to the case lately",
    Why.GLASS: "break-glass",
    Why.AGENCY_ONLY: "their agency works the case; nothing says that they do",
    Why.NOTHING: "nothing ties them to the case",
    Why.REFUSED: "refused",
}
FLAGS = {
    Flag.OUT_OF_HOURS: "Out of hours",
    Flag.BULK: "In bulk",
    Flag.LEFT: "Left since",
    Flag.NEW_PLACE: "New device or address",
    Flag.GLASS: "Break-glass",
    Flag.REFUSALS: "Repeated refusals",
}
ABOUT = {
    "case": "A case, unexpectedly",
    "person": "Their whole day",
    "glass": "Break-glass",
    "left": "The weeks before they were suspended",
}

REASONS = {one.value: one.label for one in (*Reason, *GlassReason)}
"""Why a document or case was opened, as the person chose it."""


def flag_words(flags: Flag) -> list[str]:
    return [words for flag, words in FLAGS.items() if flag & flags]


WANTED = {
    Permission.SELF: "to manage their own account",
    Permission.STATEMENT_AGREE: "to read the statement",
    Permission.STATEMENT_EDIT: "to edit the statement or see who agreed it",
    Permission.CASE_LIST: "to list cases",
    Permission.CASE_READ: "to read a case",
    Permission.CASE_OPEN: "to open a case",
    Permission.CASE_CHANGE: "to change a case",
    Permission.CASE_BREAK_GLASS: "to open a case by break-glass",
    Permission.DOCUMENT_READ: "to read a document",
    Permission.DOCUMENT_DOWNLOAD: "to download a document",
    Permission.DOCUMENT_UPLOAD: "to upload a document",
    Permission.DOCUMENT_READERS: "to see who has read a document",
    Permission.MEETING_LIST: "to list meetings",
    Permission.MEETING_READ: "to read a meeting",
    Permission.MEETING_ARRANGE: "to arrange a meeting",
    Permission.MEETING_ISSUE: "to issue a document to a meeting",
    Permission.SEARCH: "to search",
    Permission.LOG_READ: "to read the access log",
    Permission.LOG_EXPORT: "to export the access log",
    Permission.LOG_REVIEW: "to review what people opened",
    Permission.DISPOSAL_REQUEST: "to ask for the destruction of a case",
    Permission.DISPOSAL_READ: "to see holds and disposal",
    Permission.DISPOSAL_DECIDE: "to decide on the destruction of a case",
    Permission.HOLD_CHANGE: "to set or lift a legal hold",
    Permission.ACCOUNT_MANAGE: "to manage accounts",
    Permission.SERVICE_STATUS: "to see how the service runs",
}
WHY = {
    "absent": "which does not exist",
    "shredded": "whose key was destroyed",
    "forbidden: role": "which their role may not",
    "forbidden: none": "which is not theirs",
    "forbidden: not theirs": "which is not theirs",
    "forbidden: excluded": "from which they are excluded",
    "forbidden: audience": "which is not for them",
    "forbidden: withdrawn": "which is withdrawn",
    "forbidden: legal hold": "on which a legal hold stands",
    "forbidden: case open": "which is open",
    "forbidden: destroyed": "which is destroyed",
    "forbidden: asked already": "for which that was asked already",
    "forbidden: request over": "for which no request stands",
    "forbidden: decided already": "which was decided already",
    "forbidden: own request": "for which they asked themselves",
    "forbidden: suspended": "with a suspended account",
    "forbidden: not approved": "which nobody has approved",
    "forbidden: still kept": "which is to be kept longer",
    "forbidden: lifted already": "whose hold was lifted already",
}


def details(line: Line) -> str:
    """The other fields of an entry in words, for the page and the export alike."""
    if line.event == "access.refused":
        return _refusal(line.detail)
    told = {"page"} if line.event in WITH_PAGE else set()
    said = ((name, value) for name, value in line.detail.items() if name in FIELDS and name not in told)
    return "; ".join(f"{FIELDS[name]}: {VALUES.get((name, str(value)), value)}" for name, value in said)


def _refusal(detail: Mapping[str, Any]) -> str:
    wanted = WANTED.get(detail.get("permission", ""), "something")
    why = str(detail.get("why", ""))
    return f"wanted {wanted}, {WHY.get(why, why)}"
