"""What each route asks of a person, declared beside it; `hub.web.guard` refuses to start without.

@blueprint.get("/cases/<id:case>")
@needs(Permission.CASE_READ)
def show(case: str) -> ResponseReturnValue: ...
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from flask import Flask
from flask.typing import RouteCallable
from werkzeug.routing import BaseConverter, IntegerConverter

from hub.access.permissions import Permission
from hub.ids import is_id

View = TypeVar("View", bound=Callable[..., object])


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """`permission` None: open to all. `agreed`: the current statement too. `before_agreeing`: see `needs`."""

    permission: Permission | None
    agreed: bool = True


OPEN = Needs(permission=None, agreed=False)
ATTRIBUTE = "hub_needs"


def needs(permission: Permission, *, before_agreeing: bool = False) -> Callable[[View], View]:
    """Ask for a signed-in person whose role has the permission and who agreed the current statement.

    `before_agreeing` lifts the last of these, for the few pages of a person's own that show
    nothing of any case: the statement itself, their sessions, signing out.
    """
    return _declare(Needs(permission=permission, agreed=not before_agreeing))


def open_to_all(view: View) -> View:
    """Closed is the rule; this names an exception."""
    return _declare(OPEN)(view)


def _declare(what: Needs) -> Callable[[View], View]:
    def declare(view: View) -> View:
        setattr(view, ATTRIBUTE, what)
        return view

    return declare


def needs_of(app: Flask, endpoint: str) -> Needs | None:
    view: RouteCallable = app.view_functions[endpoint]
    return getattr(view, ATTRIBUTE, None)


class NumberConverter(IntegerConverter):
    """`<int:version>`: as many digits as every database takes; anything longer is no route at all."""

    regex = r"[0-9]{1,9}"


class IdConverter(BaseConverter):
    """`<id:case>`: an opaque id; anything of another shape is no route at all."""

    regex = "[a-z2-7]{26}"

    def to_python(self, value: str) -> str:
        return value if is_id(value) else self._never(value)

    @staticmethod
    def _never(value: str) -> str:
        raise ValueError(value)
