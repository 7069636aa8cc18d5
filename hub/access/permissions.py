"""What can be done, and which role may ever do it.

A permission is `resource:action`: the resource in the singular, the action a verb of the
service that asks for it. A role's grant is the most it may ever do; on a case or a document
`hub.access.policy` also asks how the person stands to it. Roles: the project's domain rules.
"""

from enum import StrEnum


class Permission(StrEnum):
    SELF = "self:manage"
    STATEMENT_AGREE = "statement:agree"
    STATEMENT_EDIT = "statement:edit"
    CASE_LIST = "case:list"
    CASE_READ = "case:read"
    CASE_OPEN = "case:open"
    CASE_CHANGE = "case:change"
    CASE_BREAK_GLASS = "case:break_glass"
    DOCUMENT_READ = "document:read"
    DOCUMENT_DOWNLOAD = "document:download"
    DOCUMENT_UPLOAD = "document:upload"
    DOCUMENT_READERS = "document:readers"
    MEETING_LIST = "meeting:list"
    MEETING_READ = "meeting:read"
    MEETING_ARRANGE = "meeting:arrange"
    MEETING_ISSUE = "meeting:issue"
    SEARCH = "search:run"
    LOG_READ = "log:read"
    LOG_EXPORT = "log:export"
    DISPOSAL_REQUEST = "disposal:request"
    DISPOSAL_READ = "disposal:read"
    DISPOSAL_DECIDE = "disposal:decide"
    HOLD_CHANGE = "hold:change"
    LOG_REVIEW = "log:review"
    ACCOUNT_MANAGE = "account:manage"
    SERVICE_STATUS = "service:status"


class Role(StrEnum):
    PRACTITIONER = "practitioner"
    ATTENDEE = "attendee"
    CHAIR = "chair"
    COORDINATOR = "coordinator"
    GOVERNANCE = "governance"
    ADMINISTRATOR = "administrator"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    Role.PRACTITIONER: "Agency practitioner",
    Role.ATTENDEE: "Attendee",
    Role.CHAIR: "Chair",
    Role.COORDINATOR: "Coordinator",
    Role.GOVERNANCE: "Information governance",
    Role.ADMINISTRATOR: "System administrator",
}

P = Permission
_EVERYONE = frozenset({P.SELF, P.STATEMENT_AGREE})
_READER = _EVERYONE | {P.CASE_LIST, P.CASE_READ, P.DOCUMENT_READ, P.MEETING_LIST, P.MEETING_READ, P.SEARCH}
_CONTRIBUTOR = _READER | {P.DOCUMENT_UPLOAD, P.DOCUMENT_DOWNLOAD, P.DOCUMENT_READERS}

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.PRACTITIONER: _CONTRIBUTOR | {P.CASE_BREAK_GLASS},
    Role.ATTENDEE: _READER,
    Role.CHAIR: _CONTRIBUTOR | {P.MEETING_ISSUE},
    Role.COORDINATOR: _CONTRIBUTOR
    | {P.CASE_OPEN, P.CASE_CHANGE, P.MEETING_ARRANGE, P.MEETING_ISSUE, P.STATEMENT_EDIT}
    | {P.DISPOSAL_REQUEST},
    Role.GOVERNANCE: _EVERYONE
    | {P.LOG_READ, P.LOG_EXPORT, P.LOG_REVIEW, P.SERVICE_STATUS}
    | {P.DISPOSAL_READ, P.DISPOSAL_DECIDE, P.HOLD_CHANGE},
    Role.ADMINISTRATOR: _EVERYONE | {P.ACCOUNT_MANAGE, P.SERVICE_STATUS},
}
