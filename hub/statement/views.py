"""Routes of the statement: reading and agreeing it, editing and publishing it, its register."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape

from hub.access.permissions import GRANTS, Permission
from hub.errors import Conflict, Invalid
from hub.statement.forms import AgreeForm, EditForm, PublishForm
from hub.statement.rules import PARTS
from hub.web import guard
from hub.web.notices import Done, done
from hub.web.routes import needs
from hub.web.services import services

blueprint = Blueprint("statement", __name__, url_prefix="/statement")


@blueprint.app_template_filter("prose")
def prose(text: str) -> Markup:
    """Paragraphs, and lists of lines that begin with `* `; everything escaped, nothing else interpreted."""
    return Markup("").join(_block(block) for block in text.split("\n\n") if block.strip())


def _block(block: str) -> Markup:
    lines = block.splitlines()
    if all(line.startswith("* ") for line in lines):
        items = Markup("").join(Markup("<li>{}</li>").format(line[2:]) for line in lines)
        return Markup('<ul class="govuk-list govuk-list--bullet">{}</ul>').format(items)
    broken = Markup("<br>").join(escape(line) for line in lines)
    return Markup('<p class="govuk-body">{}</p>').format(broken)


@blueprint.get("/")
@needs(Permission.STATEMENT_AGREE, before_agreeing=True)
def show() -> ResponseReturnValue:
    """The text in force, with what this person has agreed of it."""
    who = guard.actor()
    if services().statement.unagreed(who):
        return redirect(url_for("statement.agree"))
    granted = GRANTS[who.role] if who.role else frozenset()
    return render_template(
        "statement/show.html",
        version=services().statement.current(who),
        editor=Permission.STATEMENT_EDIT in granted,
        overseer=bool({Permission.STATEMENT_EDIT, Permission.LOG_READ} & granted),
    )


@blueprint.get("/agree")
@needs(Permission.STATEMENT_AGREE, before_agreeing=True)
def agree() -> ResponseReturnValue:
    return _agree_page(AgreeForm(), [], 200)


def _agree_page(form: AgreeForm, errors: list[str], status: int) -> ResponseReturnValue:
    who = guard.actor()
    left = services().statement.unagreed(who)
    if not left:
        return redirect(guard.return_path(url_for("web.home")), 303)
    version = services().statement.current(who)
    page = render_template(
        "statement/agree.html",
        form=form,
        errors=errors,
        left=left,
        version=version,
        parts=PARTS,
        failed=bool(errors),
    )
    return page, status


@blueprint.post("/agree")
@needs(Permission.STATEMENT_AGREE, before_agreeing=True)
def send_agreement() -> ResponseReturnValue:
    form = AgreeForm(request.form)
    ticked = frozenset(part for part in PARTS if form[part.value].data)
    try:
        left = services().statement.agree(guard.actor(), version=str(form.version.data), parts=ticked)
    except Conflict as conflict:
        return _agree_page(AgreeForm(), [conflict.sentence], 409)
    if left:
        return _agree_page(
            form, [f"Agree the {part.label.lower()} statement to go on." for part in left], 400
        )
    return redirect(guard.return_path(url_for("web.home")), 303)


@blueprint.get("/edit")
@needs(Permission.STATEMENT_EDIT, before_agreeing=True)
def edit() -> ResponseReturnValue:
    draft = services().statement.draft(guard.actor())
    form = EditForm(
        data={"confidentiality": draft.confidentiality, "equality": draft.equality, "seen": draft.row_version}
    )
    return render_template("statement/edit.html", form=form, more=[], saved=draft.row_version > 0)


@blueprint.post("/edit")
@needs(Permission.STATEMENT_EDIT, before_agreeing=True)
def save() -> ResponseReturnValue:
    form = EditForm(request.form)
    if not form.validate():
        return render_template("statement/edit.html", form=form, more=[], saved=False), 400
    try:
        services().statement.save(
            guard.actor(),
            confidentiality=str(form.confidentiality.data),
            equality=str(form.equality.data),
            seen=int(form.seen.data or 0),
        )
    except Conflict as conflict:
        return _overtaken(form, conflict.sentence)
    except Invalid as invalid:
        form[invalid.field].errors = [invalid.sentence]
        return render_template("statement/edit.html", form=form, more=[], saved=False), 400
    return done(url_for("statement.preview"), Done.STATEMENT_SAVED)


def _overtaken(form: EditForm, sentence: str) -> ResponseReturnValue:
    """The text typed stays; saving again from this page replaces what somebody else saved, knowingly."""
    form.seen.data = services().statement.draft(guard.actor()).row_version
    form.seen.raw_data = None
    more = [f"{sentence} Saving again replaces theirs."]
    return render_template("statement/edit.html", form=form, more=more, saved=False, failed=True), 409


@blueprint.get("/preview")
@needs(Permission.STATEMENT_EDIT, before_agreeing=True)
def preview() -> ResponseReturnValue:
    return _preview_page(PublishForm(), [], 200)


def _preview_page(form: PublishForm, more: list[str], status: int) -> ResponseReturnValue:
    draft = services().statement.draft(guard.actor())
    if draft.row_version == 0:
        return redirect(url_for("statement.edit"), 303)
    form.seen.data, form.seen.raw_data = draft.row_version, None
    return render_template("statement/preview.html", form=form, draft=draft, more=more, parts=PARTS), status


@blueprint.post("/publish")
@needs(Permission.STATEMENT_EDIT, before_agreeing=True)
def publish() -> ResponseReturnValue:
    form = PublishForm(request.form)
    if not form.validate():
        return _preview_page(form, [], 400)
    try:
        services().statement.publish(
            guard.actor(), reason=str(form.reason.data), seen=int(form.seen.data or 0)
        )
    except Conflict as conflict:
        return _preview_page(form, [conflict.sentence], 409)
    except Invalid as invalid:
        form[invalid.field].errors = [invalid.sentence]
        return _preview_page(form, [], 400)
    return done(url_for("statement.show"), Done.STATEMENT_PUBLISHED)


@blueprint.get("/versions")
@needs(Permission.STATEMENT_AGREE, before_agreeing=True)
def versions() -> ResponseReturnValue:
    return render_template("statement/versions.html", versions=services().statement.versions(guard.actor()))


@blueprint.get("/versions/<int:number>")
@needs(Permission.STATEMENT_AGREE, before_agreeing=True)
def version(number: int) -> ResponseReturnValue:
    found = services().statement.version(guard.actor(), number)
    return render_template("statement/version.html", version=found, parts=PARTS)


@blueprint.get("/register")
@needs(Permission.STATEMENT_AGREE)
def register() -> ResponseReturnValue:
    """For editors and information governance; anyone else is told that there is nothing here."""
    statement, who = services().statement, guard.actor()
    return render_template(
        "statement/register.html", agreed=statement.register(who), waiting=statement.not_agreed(who)
    )
