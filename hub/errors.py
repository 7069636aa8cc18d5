"""The errors a person can meet, one tree; `hub/web/errors.py` gives each its status.

HubError
|- NotHere       absent or not theirs: the same from outside
|  |- Gone       destroyed: for those who stood to it
|- Refused       they may know of it, but may not do this now; the sentence says why
|  |- Closed     the case takes nothing more
|- Invalid       a value that cannot be taken; carries the field
|- Conflict      somebody else changed it first
|- Throttled     too many tries
|- LogUnwritable the access log could not be committed: nothing is served
"""


class HubError(Exception):
    """One clear sentence for the person."""

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence


class NotHere(HubError):  # noqa: N818 - named for what the person is told
    """There is no such thing for this actor.

    `why` ('absent' or 'forbidden: ...') goes to the access log and never to the person.
    """

    def __init__(
        self, *, permission: str, why: str, case: str | None = None, document: str | None = None
    ) -> None:
        super().__init__("There is nothing here for you.")
        self.permission, self.why, self.case, self.document = permission, why, case, document


class Gone(NotHere):
    """It was destroyed: told only to those who stood to it; to all others it is as absent as anything."""

    def __init__(self, *, permission: str, case: str) -> None:
        super().__init__(permission=permission, why="shredded", case=case)
        self.sentence = "This was destroyed, and nobody can open it any more."


class Refused(HubError):  # noqa: N818
    """A rule forbids it; the sentence names the rule."""


class Closed(Refused):
    pass


class Invalid(HubError):  # noqa: N818
    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class Conflict(HubError):  # noqa: N818
    pass


class Throttled(HubError):  # noqa: N818
    def __init__(self, wait_seconds: int) -> None:
        minutes = max(1, -(-wait_seconds // 60))
        super().__init__(
            f"Too many tries. Wait {minutes} minute{'s' if minutes > 1 else ''}, then try again."
        )
        self.wait_seconds = wait_seconds


class LogUnwritable(HubError):  # noqa: N818
    def __init__(
        self,
        sentence: str = "The access log cannot be written just now, so nothing is shown. Try again in a minute.",
    ) -> None:
        super().__init__(sentence)
