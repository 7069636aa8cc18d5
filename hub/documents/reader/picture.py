"""PNG and JPEG: decoded in full as the check, then a reading copy of one page. Runs in the child only."""

import io
import time

from PIL import Image, ImageOps

from hub.documents.reader.pdf import NOT_SEARCHABLE
from hub.documents.reader.results import Examined, Kind, Reason, Refused

MOST_PIXELS = 50_000_000
_LONG_SIDE_PIXELS = 2480
_LONG_SIDE_POINTS = 842
"""A4's."""
_FORMATS = {Kind.PNG: "PNG", Kind.JPEG: "JPEG"}
_EPOCH = time.gmtime(0)
"""A fixed date in the copy: the same picture gives the same bytes."""


def examine(data: bytes, kind: Kind) -> Examined:
    with _opened(data, kind) as image:
        _check_size(image)
        shown = _for_paper(_decoded(image))
    return Examined(pages=("",), searchable=False, note=NOT_SEARCHABLE, reading_copy=_as_pdf(shown))


def _opened(data: bytes, kind: Kind) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = None  # our own limit has a sentence
    try:
        return Image.open(io.BytesIO(data), formats=[_FORMATS[kind]])
    except (OSError, SyntaxError, ValueError):
        raise _broken() from None


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise Refused(
            Reason.TOO_LARGE,
            f"This picture has {image.width:,} by {image.height:,} pixels; at most {MOST_PIXELS // 10**6} million "
            "are taken. Make it smaller.",
        )


def _decoded(image: Image.Image) -> Image.Image:
    try:
        image.load()
    except (OSError, SyntaxError, ValueError, EOFError):
        raise _broken() from None
    return image


def _for_paper(image: Image.Image) -> Image.Image:
    """Upright, on white, in grey or RGB, no more pixels than a page needs."""
    if max(image.size) > _LONG_SIDE_PIXELS and image.mode in ("L", "RGB", "RGBA", "LA"):
        image = image.reduce(max(1, max(image.size) // _LONG_SIDE_PIXELS))
    image.thumbnail((_LONG_SIDE_PIXELS, _LONG_SIDE_PIXELS))
    image = ImageOps.exif_transpose(image)
    if image.mode in ("L", "1"):
        return image.convert("L")
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper


def _as_pdf(image: Image.Image) -> bytes:
    file = io.BytesIO()
    resolution = max(image.size) * 72 / _LONG_SIDE_POINTS
    image.save(file, "PDF", resolution=resolution, quality=88, creationDate=_EPOCH, modDate=_EPOCH)
    return file.getvalue()


def _broken() -> Refused:
    return Refused(
        Reason.BROKEN, "This picture is damaged and cannot be shown in full. Upload it again from its source."
    )
