"""Routes of the exported log: the page that offers it, the zip."""

from collections.abc import Iterator
from contextlib import closing

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from hub.access.permissions import Permission
from hub.errors import NotHere
from hub.governance.bundles.forms import BundleForm
from hub.governance.service import Choices
from hub.ids import is_id
from hub.proof.export import Exporter, Wanted
from hub.web import guard
from hub.web.fields import choices
from hub.web.routes import needs
from hub.web.services import services

blueprint = Blueprint("bundles", __name__, url_prefix="/log/bundle")


@blueprint.get("/")
@needs(Permission.LOG_EXPORT)
def ask() -> ResponseReturnValue:
    return render_template("bundles/ask.html", form=_form(services().governance.exportable(guard.actor())))


@blueprint.post("/")
@needs(Permission.LOG_EXPORT)
def send() -> ResponseReturnValue:
    """The bundle as a zip, streamed; recorded before its first byte, and cut when the right to it ends."""
    hub, who = services(), guard.actor()
    known = hub.governance.choices(who)
    form = _form(known)
    case = str(form.case.data or "")
    if case and case not in known.cases:
        raise NotHere(permission=Permission.LOG_EXPORT, why="absent", case=case if is_id(case) else None)
    wanted = Wanted(area=who.area, case=case or None, opened=bool(form.opened.data))
    exporter = Exporter(
        hub.db, hub.clock, hub.vaults.open_log, hub.checkpoints, hub.checkpoints.witnesses.keys
    )
    exporter.record(who, wanted)

    def pieces() -> Iterator[bytes]:
        still = lambda: hub.sessions.is_live(who) and not hub.statement.unagreed(who)  # noqa: E731 - one use
        with closing(exporter.zipped(wanted, still)) as made:
            yield from made

    headers = {"Content-Disposition": 'attachment; filename="access-log.zip"'}
    return Response(pieces(), mimetype="application/zip", headers=headers)


def _form(known: Choices) -> BundleForm:
    form = BundleForm(request.form)
    form.case.choices = choices([("", "The whole log of the area"), *known.cases.items()])
    return form
