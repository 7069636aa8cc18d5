"""How a view reaches the services that `hub.app` put together."""

from typing import TYPE_CHECKING, cast

from flask import current_app

if TYPE_CHECKING:
    from hub.app import Services


def services() -> "Services":
    return cast("Services", current_app.extensions["hub"])
