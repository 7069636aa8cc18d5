"""Routes of reviews: the queue, one review, and the page on which the person answers."""

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from hub.access.permissions import Permission
from hub.documents.forms import whole
from hub.errors import Conflict, HubError, Invalid
from hub.governance.queue.forms import AnswerForm, AskForm, CloseForm
from hub.governance.queue.service import MAX_TEXT, Closing, Which
from hub.governance.rules import Flag, State
from hub.governance.words import ABOUT, FLAGS, KINDS, REASONS, WHYS, flag_words
from hub.ids import is_id
from hub.web import guard
from hub.web.notices import Done, done
from hub.web.paging import page_number
from hub.web.routes import needs
from hub.web.services import services

blueprint = Blueprint("reviews", __name__, url_prefix="/reviews")
WORDS = {
    "about": ABOUT,
    "reasons": REASONS,
    "kinds": KINDS,
    "whys": WHYS,
    "flag_words": flag_words,
    "flags": FLAGS,
    "Flag": Flag,
}


@blueprint.get("/")
@needs(Permission.LOG_REVIEW)
def index() -> ResponseReturnValue:
    hub, which = services(), _which()
    hub.following.catch_up()
    page = hub.reviews.queue(guard.actor(), which, page_number(request.args.get("page")))
    return render_template("reviews/index.html", page=page, which=which, states=State, **WORDS)


def _which() -> Which:
    """As the address asks; what is no such thing filters nothing."""
    state, about, person = (request.args.get(name, "") for name in ("state", "about", "person"))
    return Which(
        state=state if state in set(State) else "",
        about=about if about in ABOUT else "",
        person=person if is_id(person) else "",
    )


@blueprint.get("/<id:review>")
@needs(Permission.LOG_REVIEW)
def show(review: str) -> ResponseReturnValue:
    return _page(review, AskForm(), CloseForm(), 200)


def _page(
    review: str, ask: AskForm, close: CloseForm, status: int, more: list[str] | None = None
) -> ResponseReturnValue:
    found = services().reviews.show(guard.actor(), review)
    ask.seen.data = close.seen.data = str(found.seen)
    page = render_template(
        "reviews/show.html", found=found, ask=ask, close=close, more=more or [], maximum=MAX_TEXT,
        failed=status != 200, **WORDS,  # noqa: PLR2004 - fine as it is
    )  # fmt: skip
    return page, status


@blueprint.post("/<id:review>/ask")
@needs(Permission.LOG_REVIEW)
def ask(review: str) -> ResponseReturnValue:
    form = AskForm(request.form)
    try:
        services().reviews.ask(guard.actor(), review, form.question.data or "", whole(form.seen.data))
    except (Invalid, Conflict) as error:
        form.question.errors = [error.sentence]
        return _page(review, form, CloseForm(), _status(error))
    return done(url_for("reviews.show", review=review), Done.REVIEW_ASKED)


@blueprint.post("/<id:review>/close")
@needs(Permission.LOG_REVIEW)
def close(review: str) -> ResponseReturnValue:
    form = CloseForm(request.form)
    closing = Closing(outcome=form.outcome.data or "", note=form.note.data or "", seen=whole(form.seen.data))
    try:
        services().reviews.close(guard.actor(), review, closing)
    except Invalid as invalid:
        form[invalid.field].errors = [invalid.sentence]
        return _page(review, AskForm(), form, 400)
    except Conflict as conflict:
        return _page(review, AskForm(), form, 409, [conflict.sentence])
    return done(url_for("reviews.index"), Done.REVIEW_CLOSED)


def _status(error: HubError) -> int:
    return 409 if isinstance(error, Conflict) else 400


@blueprint.get("/<id:review>/answer")
@needs(Permission.SELF)
def answer(review: str) -> ResponseReturnValue:
    return _answer_page(review, AnswerForm(), 200)


def _answer_page(review: str, form: AnswerForm, status: int) -> ResponseReturnValue:
    found = services().reviews.question(guard.actor(), review)
    page = render_template(
        "reviews/answer.html",
        found=found,
        form=form,
        maximum=MAX_TEXT,
        failed=status != 200,  # noqa: PLR2004 - fine as it is
        **WORDS,
    )
    return page, status


@blueprint.post("/<id:review>/answer")
@needs(Permission.SELF)
def send_answer(review: str) -> ResponseReturnValue:
    form = AnswerForm(request.form)
    try:
        services().reviews.answer(guard.actor(), review, form.answer.data or "")
    except (Invalid, Conflict) as error:
        form.answer.errors = [error.sentence]
        return _answer_page(review, form, _status(error))
    return done(url_for("web.home"), Done.REVIEW_ANSWERED)
