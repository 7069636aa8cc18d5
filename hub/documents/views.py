"""Routes of documents: received, uploaded, read, superseded, changed, handed out."""

from collections.abc import Iterable, Mapping
from urllib.parse import quote

from flask import Blueprint, Request, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from hub.access.actor import Actor
from hub.access.permissions import Permission
from hub.documents import forms
from hub.documents.reader import ReaderUnavailable
from hub.documents.receive import MEGABYTE, Staged, as_binary, told_apart
from hub.documents.service import Delivery, EditPage, Faults, ReasonNeeded, UploadPage, Wanted
from hub.errors import Conflict, HubError, Invalid, Refused
from hub.ids import is_id, new_id
from hub.ledger.events import Reason
from hub.web import guard, held
from hub.web.errors import STATUS, told_of_storage
from hub.web.notices import Done, done
from hub.web.paging import page_number
from hub.web.routes import needs
from hub.web.services import services
from storage.errors import StorageError

blueprint = Blueprint("documents", __name__)
FORMS_TAKE = 4
"""How many files of the largest size one form without JavaScript may bring at once."""
FILES = frozenset({"documents.upload", "documents.send_upload", "documents.send_version"})
OVERHEAD = 1024 * 1024


@blueprint.url_value_preprocessor
def _allow_several(endpoint: str | None, _values: object) -> None:
    """A form may bring several files, each within the limit; the service refuses each one that is not."""
    if endpoint in FILES:
        request.max_content_length = FORMS_TAKE * services().config.max_upload + OVERHEAD


@blueprint.errorhandler(RequestEntityTooLarge)
def _too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    megabytes = services().config.max_upload // MEGABYTE
    several = (
        f" A form may bring up to {FORMS_TAKE * megabytes} MB at once." if request.endpoint in FILES else ""
    )
    sentence = f"That is too large: a file may have up to {megabytes} MB.{several} Nothing of it was kept."
    if guard.wants_json() or request.endpoint == "documents.stage":
        return {"error": sentence}, 413
    return render_template("errors/413.html", sentence=sentence), 413


@blueprint.get("/cases/<id:case>/documents/new")
@needs(Permission.DOCUMENT_UPLOAD)
def upload(case: str) -> ResponseReturnValue:
    form = forms.UploadForm(form_token=new_id())
    return _upload_page(services().documents.upload_page(guard.actor(), case), form, 200)


@blueprint.post("/cases/<id:case>/documents/new")
@needs(Permission.DOCUMENT_UPLOAD)
def send_upload(case: str) -> ResponseReturnValue:
    who, documents = guard.actor(), services().documents
    form = forms.UploadForm(request.form)
    received, wrong, status = _receive_all(who, case, request.files.getlist("files"))
    staged = [*filter(is_id, request.form.getlist("staged")), *(one.id for one in received)]
    if not wrong:
        try:
            form.offer((), ())
            documents.upload(who, case, form.details(), staged, form.form_token.data or "")
            return redirect(url_for("documents.receipt", case=case, token=form.form_token.data), 303)
        except Faults as faults:
            wrong = faults.by_field
    page = documents.upload_page(who, case)
    return _upload_page(page, form, status, wrong=wrong, sent=frozenset(staged))


def _upload_page(
    page: UploadPage,
    form: forms.UploadForm,
    status: int,
    *,
    wrong: Mapping[str, str] | None = None,
    sent: frozenset[str] = frozenset(),
) -> ResponseReturnValue:
    """`sent`: the files of this very form, which stay chosen; what is left from before waits to be chosen."""
    form.offer(page.owners, page.agencies)
    more = form.attach(dict(wrong or {}))
    files = told_apart(sorted(page.staged, key=lambda one: one.id not in sent))
    found = {
        "found": page,
        "form": form,
        "more": more,
        "staged": [one for one in files if one.id in sent],
        "earlier": [one for one in files if one.id not in sent],
        "max_bytes": services().config.max_upload,
    }
    return render_template("documents/upload.html", accept=forms.ACCEPT, **found), status


def _receive_all(
    who: Actor, case: str, files: Iterable[FileStorage]
) -> tuple[list[Staged], dict[str, str], int]:
    """What could be received, {'files': sentences} of what could not, and the status that says so."""
    received, sentences, status = [], [], 400
    for file in files:
        if not file.filename:
            continue
        try:
            received.append(_receive(who, case, file))
        except Invalid as invalid:
            sentences.append(invalid.sentence)
        except StorageError as error:
            status, sentence = told_of_storage(error)
            sentences.append(sentence)
            break
    return received, {"files": " ".join(sentences)} if sentences else {}, status


def _receive(who: Actor, case: str, file: FileStorage) -> Staged:
    return services().documents.receive(who, case, file.filename or "", as_binary(file.stream))


@blueprint.get("/documents/unread")
@needs(Permission.CASE_CHANGE)
def unread() -> ResponseReturnValue:
    """For coordinators: the documents of their cases of which search misses something."""
    page = page_number(request.args.get("page"))
    return render_template(
        "documents/unread.html", found=services().documents.unread_documents(guard.actor(), page)
    )


@blueprint.post("/cases/<id:case>/documents/files")
@needs(Permission.DOCUMENT_UPLOAD)
def stage(case: str) -> ResponseReturnValue:
    """One file (`file`), for the script of the form; always answers in JSON."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return {"error": "No file came with this."}, 400
    try:
        staged = _receive(guard.actor(), case, file)
    except (Invalid, Refused) as error:
        return {"error": error.sentence}, _status(error)
    told = {"id": staged.id, "name": staged.name, "size": staged.size, "sha256": staged.sha256}
    told["again"] = staged.again
    return {**told, "discard": url_for("documents.discard", case=case, staged=staged.id)}, 201


def _status(error: HubError) -> int:
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


@blueprint.post("/cases/<id:case>/documents/files/<id:staged>/discard")
@needs(Permission.DOCUMENT_UPLOAD)
def discard(case: str, staged: str) -> ResponseReturnValue:
    services().documents.discard(guard.actor(), case, staged)
    if guard.wants_json():
        return {"discarded": staged}
    return redirect(url_for("documents.upload", case=case), 303)


@blueprint.get("/cases/<id:case>/documents/receipts/<id:token>")
@needs(Permission.DOCUMENT_UPLOAD)
def receipt(case: str, token: str) -> ResponseReturnValue:
    lines = services().documents.receipt(guard.actor(), case, token)
    return render_template("documents/receipt.html", case=case, lines=lines)


@blueprint.get("/documents/<id:document>")
@needs(Permission.DOCUMENT_READ)
def show(document: str) -> ResponseReturnValue:
    """A page of it; without a reason for this case yet, the question for one."""
    version, page = _version(request.args.get("version")), page_number(request.args.get("page"))
    try:
        found = services().documents.read(guard.actor(), document, version=version, page=page)
    except ReasonNeeded:
        return _reason_page(document, 200)
    return render_template("documents/read.html", found=found)


def _version(text: str | None) -> int | None:
    number = page_number(text)
    return number if text == str(number) else None


def _reason_page(document: str, status: int, error: str = "") -> ResponseReturnValue:
    source = request.args if request.method == "GET" else request.form
    back = {"page": page_number(source.get("page")), "version": _version(source.get("version"))}
    return (
        render_template(
            "documents/reason.html",
            document=document,
            asked=services().documents.asking(guard.actor(), document),
            reasons=list(Reason),
            back=back,
            error=error,
            failed=bool(error),
        ),
        status,
    )


@blueprint.post("/documents/<id:document>/reason")
@needs(Permission.DOCUMENT_READ)
def give_reason(document: str) -> ResponseReturnValue:
    try:
        services().documents.give_reason(guard.actor(), document, request.form.get("reason", ""))
    except Invalid as invalid:
        return _reason_page(document, 400, invalid.sentence)
    page, version = page_number(request.form.get("page")), _version(request.form.get("version"))
    return redirect(url_for("documents.show", document=document, page=page, version=version), 303)


@blueprint.get("/documents/<id:document>/versions/<int(max=99999):version>/pages/<int(max=99999):page>/image")
@needs(Permission.DOCUMENT_READ)
def page_image(document: str, version: int, page: int) -> ResponseReturnValue:
    try:
        image = services().documents.page_image(guard.actor(), document, version, page)
    except ReaderUnavailable as unavailable:
        return {"error": unavailable.sentence}, 503
    return Response(image.data, mimetype=image.media_type)


@blueprint.get("/documents/<id:document>/readers")
@needs(Permission.DOCUMENT_READERS)
def readers(document: str) -> ResponseReturnValue:
    found = services().documents.readers(guard.actor(), document)
    return render_template("documents/readers.html", found=found)


@blueprint.get("/documents/<id:document>/versions/<int(max=99999):version>/original")
@needs(Permission.DOCUMENT_DOWNLOAD)
def original(document: str, version: int) -> ResponseReturnValue:
    """The file itself; HEAD and a range outside it get headers only."""
    hub, who = services(), guard.actor()
    wanted = Wanted(
        document=document,
        version=version,
        range_header=None if "If-Range" in request.headers else request.headers.get("Range"),
        head=request.method == "HEAD",
    )
    try:
        delivery = hub.documents.original(
            who, wanted, lambda: hub.sessions.is_live(who) and not hub.statement.unagreed(who)
        )
    except ReasonNeeded:
        return redirect(url_for("documents.show", document=document, version=version), 303)
    return _delivered(delivery)


def _delivered(delivery: Delivery) -> Response:
    body = delivery.body
    response = Response(body if body is not None else iter(()), mimetype=delivery.media_type)
    response.headers["Content-Disposition"] = disposition(delivery.file_name)
    response.headers["Accept-Ranges"] = "none" if delivery.media_type == "application/pdf" else "bytes"
    if delivery.outside:
        response.status_code = 416
        response.headers["Content-Range"] = f"bytes */{delivery.size}"
        response.headers["Content-Length"] = "0"
        return response
    if delivery.part is not None:
        response.status_code = 206
        first, stop = delivery.part
        response.headers["Content-Range"] = f"bytes {first}-{stop - 1}/{delivery.size}"
    if delivery.length is not None:
        response.headers["Content-Length"] = str(delivery.length)
    return response


def disposition(file_name: str) -> str:
    """RFC 6266: an ASCII name for old programs, and the true one in RFC 8187's form."""
    plain = "".join(c if " " <= c <= "~" and c not in '"\\%' else "_" for c in file_name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"


@blueprint.get("/documents/<id:document>/edit")
@needs(Permission.DOCUMENT_UPLOAD)
def edit(document: str) -> ResponseReturnValue:
    page = services().documents.edit_page(guard.actor(), document)
    return _edit_page(page, forms.EditForm(data={**forms.edit_data(page.details), "seen": page.seen}), 200)


@blueprint.post("/documents/<id:document>/edit")
@needs(Permission.DOCUMENT_UPLOAD)
def send_edit(document: str) -> ResponseReturnValue:
    who, documents = guard.actor(), services().documents
    form = forms.EditForm(request.form)
    try:
        form.offer((), ())
        documents.change(who, document, form.details(), seen=forms.whole(form.seen.data))
    except Faults as faults:
        return _edit_page(documents.edit_page(who, document), form, 400, wrong=faults.by_field)
    except Conflict as conflict:
        page = documents.edit_page(who, document)
        form.seen.data = str(page.seen)
        return _edit_page(page, form, 409, wrong={"seen": conflict.sentence})
    return done(url_for("documents.show", document=document), Done.DETAILS_SAVED)


def _edit_page(
    page: EditPage, form: forms.EditForm, status: int, *, wrong: Mapping[str, str] | None = None
) -> ResponseReturnValue:
    """A conflict has no field of its own to stand at: it heads the page."""
    form.offer(page.owners, page.agencies)
    conflict = [sentence for field, sentence in (wrong or {}).items() if field == "seen"]
    more = form.attach({field: text for field, text in (wrong or {}).items() if field != "seen"})
    shown = {"found": page, "form": form, "more": conflict + more, "failed": bool(wrong)}
    return render_template("documents/edit.html", **shown), status


@blueprint.get("/documents/<id:document>/versions/new")
@needs(Permission.DOCUMENT_UPLOAD)
def new_version(document: str) -> ResponseReturnValue:
    page = services().documents.edit_page(guard.actor(), document)
    return _version_page(page, forms.VersionForm(data={"seen": page.seen, "form_token": new_id()}), 200)


@blueprint.post("/documents/<id:document>/versions/new")
@needs(Permission.DOCUMENT_UPLOAD)
def send_version(document: str) -> ResponseReturnValue:
    who, documents = guard.actor(), services().documents
    form = forms.VersionForm(request.form)
    case = documents.case_to_fill(who, document)
    received, wrong, status = _receive_all(who, case, request.files.getlist("file"))
    staged = received[-1].id if received else (form.staged.data or "")
    if not wrong:
        try:
            token = form.form_token.data or ""
            seen = forms.whole(form.seen.data)
            documents.supersede(who, document, staged, seen=seen, form_token=token)
            return done(url_for("documents.show", document=document), Done.VERSION_ADDED)
        except Faults as faults:
            wrong = faults.by_field
        except Conflict as conflict:
            wrong, status = {"seen": conflict.sentence}, 409
    page = documents.edit_page(who, document)
    form.staged.data, form.seen.data = staged, str(page.seen)
    return _version_page(page, form, status, wrong=wrong)


def _version_page(
    page: EditPage, form: forms.VersionForm, status: int, *, wrong: Mapping[str, str] | None = None
) -> ResponseReturnValue:
    sentences = list((wrong or {}).values())
    if sentences:
        form.file.errors = sentences
    kept = [one for one in page.staged if one.id == form.staged.data]
    shown = {"found": page, "form": form, "staged": kept, "failed": bool(wrong)}
    return render_template("documents/version.html", accept=forms.ACCEPT, **shown), status


@blueprint.post("/documents/<id:document>/withdraw")
@needs(Permission.DOCUMENT_UPLOAD)
def withdraw(document: str) -> ResponseReturnValue:
    services().documents.withdraw(guard.actor(), document, seen=forms.whole(request.form.get("seen")))
    return done(url_for("documents.show", document=document), Done.DOCUMENT_WITHDRAWN)


@blueprint.post("/documents/<id:document>/restore")
@needs(Permission.DOCUMENT_UPLOAD)
def restore(document: str) -> ResponseReturnValue:
    services().documents.restore(guard.actor(), document, seen=forms.whole(request.form.get("seen")))
    return done(url_for("documents.show", document=document), Done.DOCUMENT_RESTORED)


def keep_files(who: Actor, sent: Request) -> list[tuple[str, str]]:
    """Files of a form that the gate turned away, received for their owner; the fields that name them."""
    values = sent.view_args or {}
    case = values.get("case") or services().documents.case_to_fill(who, values["document"])
    received, _, _ = _receive_all(who, case, [*sent.files.getlist("files"), *sent.files.getlist("file")])
    return [("staged", one.id) for one in received]


held.KEEPERS["documents.send_upload"] = keep_files
held.KEEPERS["documents.send_version"] = keep_files
