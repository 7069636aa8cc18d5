"""The closed list of what a child can do, each a function of the document's bytes and plain arguments."""

import encodings
import importlib
import io
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from hub.documents.reader import marked, pdf
from hub.documents.reader.results import Examined, Kind

Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`head` is plain JSON; the body is `body`, or for large ones what `body_to` writes."""

    head: Mapping[str, object] = field(default_factory=dict)
    body: bytes = b""
    body_to: Callable[[BinaryIO], None] | None = None


def examine(data: bytes, arguments: Arguments) -> Answer:
    return _examined(_EXAMINERS[Kind(arguments["kind"])](data))


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
    lines = ("OFFICIAL", "warm-up")
    for sample in (_written_page(), _photographed_page()):
        examine(sample, {"kind": Kind.PDF})
        render_page(sample, {"page": 1, "watermark": lines, "width": 600})
        written = watermark_pdf(sample, {"watermark": lines}).body_to
        if written is not None:
            written(io.BytesIO())


def _written_page() -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(300, 400))
    canvas.drawString(20, 300, "warm-up")
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def _photographed_page() -> bytes:
    file = io.BytesIO()
    Image.effect_noise((60, 80), 60).convert("RGB").save(file, "PDF")
    return file.getvalue()


def _examined(found: Examined) -> Answer:
    head = {"pages": found.pages, "searchable": found.searchable, "note": found.note}
    return Answer(head=head, body=found.reading_copy or b"")


_EXAMINERS: dict[Kind, Callable[[bytes], Examined]] = {Kind.PDF: pdf.examine}
JOBS: dict[str, Callable[[bytes, Arguments], Answer]] = {
    "examine": examine,
    "render_page": render_page,
    "watermark_pdf": watermark_pdf,
}
