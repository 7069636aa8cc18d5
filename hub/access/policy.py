"""Who may do what to which case: pure, deny by default, and no role is exempt.

* Nothing is allowed that a role's grant does not name (an actor without a role has none).
* A named exclusion outweighs everything (staff who know the person must not see the case).
* A coordinator stands to the cases they coordinate and to no others.
* A practitioner or chair stands to a case through their agency on it or their name on its team.
* Being invited to a meeting opens what was issued to that meeting, and nothing else of the case.
* A practitioner who broke the glass reads that case for as long as it is open: nothing of a narrowed audience, no change.
* A document whose audience was narrowed is for the owning agency, the audience and the
  coordinator; whoever was issued it at a meeting reads it as well.
"""

from dataclasses import dataclass
from enum import StrEnum

from hub.access.actor import Actor
from hub.access.permissions import GRANTS, Permission, Role


class Denied(Exception):  # noqa: N818 - a decision, not a fault
    """Why, in a few words for the access log; never shown to the person."""


class Standing(StrEnum):
    """How a person stands to a case."""

    NONE = "none"
    EXCLUDED = "excluded"
    COORDINATES = "coordinates"
    TEAM = "team"
    AGENCY = "agency"
    GLASS = "glass"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """What the policy needs to know of a case; all opaque ids."""

    case: str
    area: str
    coordinator: str
    agencies: frozenset[str]
    team: frozenset[str]
    excluded: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFacts:
    """`audience` None: everyone who stands to the case; `issued_to`: accounts that hold it from a meeting."""

    document: str
    owner: str
    uploader: str
    audience: frozenset[str] | None
    issued_to: frozenset[str]


_THROUGH_AGENCY = frozenset({Role.PRACTITIONER, Role.CHAIR, Role.ATTENDEE})
_ON_CASE = frozenset({Standing.COORDINATES, Standing.TEAM, Standing.AGENCY})
_BY_GLASS = frozenset({Permission.CASE_READ, Permission.DOCUMENT_READ, Permission.DOCUMENT_DOWNLOAD})


def require(actor: Actor, permission: Permission) -> None:
    """Raise Denied unless the actor's role may ever do this."""
    if actor.role is None or permission not in GRANTS[actor.role]:
        raise Denied("role")


def standing(actor: Actor, case: CaseFacts) -> Standing:
    if actor.account is None or actor.area != case.area:
        return Standing.NONE
    if actor.account in case.excluded:
        return Standing.EXCLUDED
    if actor.role is Role.COORDINATOR:
        return Standing.COORDINATES if actor.account == case.coordinator else Standing.NONE
    if actor.role not in _THROUGH_AGENCY:
        return Standing.NONE
    return _through_work(actor, case)


def _through_work(actor: Actor, case: CaseFacts) -> Standing:
    if actor.account in case.team:
        return Standing.TEAM
    if actor.role is not Role.ATTENDEE and actor.agency in case.agencies:
        return Standing.AGENCY
    if actor.role is Role.PRACTITIONER and case.case in actor.glass:
        return Standing.GLASS
    return Standing.NONE


def _suffices(stands: Standing, permission: Permission) -> bool:
    return stands in _ON_CASE or (stands is Standing.GLASS and permission in _BY_GLASS)


def require_on_case(actor: Actor, permission: Permission, case: CaseFacts) -> None:
    """Raise Denied unless the role may and the person stands to the case."""
    require(actor, permission)
    stands = standing(actor, case)
    if not _suffices(stands, permission):
        raise Denied(stands)


def require_on_document(
    actor: Actor, permission: Permission, case: CaseFacts, document: DocumentFacts
) -> None:
    """Raise Denied unless the person may do this to this document of this case."""
    require(actor, permission)
    stands = standing(actor, case)
    barred = stands is Standing.EXCLUDED or actor.area != case.area
    if barred or not _reads(actor, permission, stands, document):
        raise Denied("audience" if _suffices(stands, permission) else stands)


def _reads(actor: Actor, permission: Permission, stands: Standing, document: DocumentFacts) -> bool:
    if actor.account in document.issued_to:
        return True
    if stands is Standing.COORDINATES:
        return True
    if stands is Standing.GLASS:
        return permission in _BY_GLASS and document.audience is None
    return stands in _ON_CASE and (
        document.audience is None or actor.agency == document.owner or actor.agency in document.audience
    )
