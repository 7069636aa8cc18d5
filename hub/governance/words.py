"""The event vocabulary in people's words; a test holds it to the vocabulary itself."""

from hub.governance.service import Line

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
    "search.run": "Searched",
    "search.shown": "Was shown lines of a document by search",
    "log.read": "Looked at the access log",
    "log.exported": "Exported the access log",
    "access.refused": "Was refused",
    "service.started": "The service started",
    "service.stopped": "The service stopped",
    "service.command_run": "A command was run at the machine",
}


def describe(line: Line) -> str:
    """What happened, with the page where there is one."""
    said = EVENTS.get(line.event, line.event)
    page = line.detail.get("page")
    return (
        f"{said} (page {page})" if line.event in ("document.page_viewed", "search.shown") and page else said
    )
