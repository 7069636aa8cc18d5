"""The page on which an agency sees who read what it supplied."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from hub.access.permissions import Permission
from hub.documents.forms import whole
from hub.web import guard
from hub.web.routes import needs
from hub.web.services import services

blueprint = Blueprint("supplied", __name__, url_prefix="/supplied")


@blueprint.get("/")
@needs(Permission.DOCUMENT_READERS)
def index() -> ResponseReturnValue:
    services().following.catch_up()
    found = services().supplied.readers(guard.actor(), max(0, whole(request.args.get("before"))))
    return render_template("supplied/index.html", found=found)
