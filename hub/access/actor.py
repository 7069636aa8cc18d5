"""Who is acting: a person in a session, a command at the machine, or the program itself."""

from dataclasses import dataclass

from hub.access.permissions import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """`account`, `agency` and `session` are opaque ids; `role` is None for the program itself.

    `glass`: cases that this person has open by break-glass at the moment of this request.
    """

    area: str
    account: str | None
    agency: str | None
    role: Role | None
    name: str
    agency_name: str = ""
    session: str | None = None
    address: str = ""
    device: str = ""
    glass: frozenset[str] = frozenset()


def program(area: str, *, what: str = "program") -> Actor:
    """The hub acting by itself: indexing, rendering, start and stop; holds no permission."""
    return Actor(area=area, account=None, agency=None, role=None, name=what)
