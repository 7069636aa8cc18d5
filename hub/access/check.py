"""The role's permission, asked at the door of a service."""

from hub.access.actor import Actor
from hub.access.permissions import Permission
from hub.access.policy import Denied, require
from hub.errors import NotHere


def authorise(actor: Actor, permission: Permission) -> None:
    """Raise NotHere, with the reason for the access log, unless the actor's role may ever do this."""
    try:
        require(actor, permission)
    except Denied as denied:
        raise NotHere(permission=permission, why=f"forbidden: {denied}") from denied
