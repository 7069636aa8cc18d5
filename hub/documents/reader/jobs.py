"""The closed list of what a child can do, each a function of the document's bytes and plain arguments."""

import encodings
import importlib
import io
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from hub.documents.reader import marked, pdf, picture, samples, text
from hub.documents.reader.recogniser import Recogniser
from hub.documents.reader.results import PICTURES, Examined, Kind
from hub.documents.reader.scans import Scans

Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`head` is plain JSON; the body is `body`, or for large ones what `body_to` writes."""

    head: Mapping[str, object] = field(default_factory=dict)
    body: bytes = b""
    body_to: Callable[[BinaryIO], None] | None = None


def examine(data: bytes, arguments: Arguments) -> Answer:
    return _read(data, arguments, Scans())


def recognising(recogniser: Recogniser) -> Callable[[bytes, Arguments], Answer]:
    """The job that examines and recognises text in pictures, for `seconds` of processor altogether."""

    def recognise(data: bytes, arguments: Arguments) -> Answer:
        return _read(data, arguments, Scans(recogniser.text, arguments["seconds"]))

    return recognise


def _read(data: bytes, arguments: Arguments, scans: Scans) -> Answer:
    kind = Kind(arguments["kind"])
    if kind is Kind.PDF:
        return _examined(pdf.examine(data, scans))
    if kind in PICTURES:
        return _examined(picture.examine(data, kind, scans))
    return _examined(text.examine(data, kind, scans))


def render_page(data: bytes, arguments: Arguments) -> Answer:
    shown = marked.render_page(
        data, arguments["page"], watermark=tuple(arguments["watermark"]), width=arguments["width"]
    )
    head = {"media_type": shown.media_type, "width": shown.width, "height": shown.height}
    return Answer(head=head, body=shown.data)


def watermark_pdf(data: bytes, arguments: Arguments) -> Answer:
    return Answer(body_to=marked.watermark_pdf(data, tuple(arguments["watermark"])))


def warm_up() -> None:
    """Run each job once, so that nothing is left to import or open when children are confined."""
    for module in pkgutil.iter_modules(encodings.__path__):
        if module.name not in ("mbcs", "oem"):  # exist on Windows only
            importlib.import_module(f"encodings.{module.name}")
    for kind, data in samples.one_of_each():
        shown = examine(data, {"kind": kind}).body or data
        render_page(shown, {"page": 1, "watermark": ["OFFICIAL", "warm-up"], "width": 600})
        written = watermark_pdf(shown, {"watermark": ["OFFICIAL", "warm-up"]}).body_to
        if written is not None:
            written(io.BytesIO())


def _examined(found: Examined) -> Answer:
    head = {"pages": found.pages, "searchable": found.searchable, "note": found.note}
    head |= {"unread": found.unread, "left_out": found.left_out}
    return Answer(head=head, body=found.reading_copy or b"")


JOBS: dict[str, Callable[[bytes, Arguments], Answer]] = {
    "examine": examine,
    "render_page": render_page,
    "watermark_pdf": watermark_pdf,
}
