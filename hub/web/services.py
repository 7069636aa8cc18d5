"""How a view reaches the services that `hub.app` put together."""

from typing import cast

from flask import current_app

from hub.services import Services


def services() -> Services:
    return cast("Services", current_app.extensions["hub"])
