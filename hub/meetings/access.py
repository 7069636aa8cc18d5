"""Which meetings a person may see: those they are invited to, chair or coordinate."""

from sqlalchemy import ColumnElement, and_, exists, false, or_
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.check import authorise
from hub.access.permissions import GRANTS, Permission, Role
from hub.errors import NotHere
from hub.meetings.model import Meeting, MeetingInvitee


def load_meeting(session: Session, actor: Actor, permission: Permission, meeting: str) -> Meeting:
    """The meeting, if the actor may do this to it. Raises NotHere, alike for absent and forbidden.

    Arranging is for its coordinator; issuing for its coordinator and its chair.
    """
    authorise(actor, permission)
    row = session.get(Meeting, meeting)
    invited = session.get(MeetingInvitee, (meeting, str(actor.account))) is not None
    if row is None:
        raise NotHere(permission=permission, why="absent")
    if row.area_id != actor.area or not _stands(actor, permission, row, invited=invited):
        raise NotHere(permission=permission, why="forbidden: none")
    return row


def _stands(actor: Actor, permission: Permission, meeting: Meeting, *, invited: bool) -> bool:
    if permission is Permission.MEETING_ARRANGE:
        return coordinates(actor, meeting)
    if permission is Permission.MEETING_ISSUE:
        return coordinates(actor, meeting) or chairs(actor, meeting)
    return invited or coordinates(actor, meeting) or chairs(actor, meeting)


def coordinates(actor: Actor, meeting: Meeting) -> bool:
    return actor.role is Role.COORDINATOR and actor.account == meeting.coordinator_id


def chairs(actor: Actor, meeting: Meeting) -> bool:
    return actor.role is Role.CHAIR and actor.account == meeting.chair_id


def visible_meetings(actor: Actor) -> ColumnElement[bool]:
    """The condition on `Meeting` that holds for what `load_meeting` gives for reading."""
    if actor.role is None or Permission.MEETING_READ not in GRANTS[actor.role]:
        return false()
    stands = [
        exists().where(MeetingInvitee.meeting_id == Meeting.id, MeetingInvitee.account_id == actor.account)
    ]
    if actor.role is Role.COORDINATOR:
        stands.append(Meeting.coordinator_id == actor.account)  # type: ignore[arg-type]
    if actor.role is Role.CHAIR:
        stands.append(Meeting.chair_id == actor.account)  # type: ignore[arg-type]
    return and_(Meeting.area_id == actor.area, or_(*stands))
