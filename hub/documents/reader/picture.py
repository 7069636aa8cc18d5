"""PNG, JPEG and TIFF: decoded in full as the check, then a reading copy. Runs in the child only."""

import io
import time
from collections.abc import Iterator

import pikepdf
from PIL import Image, ImageOps, ImageSequence

from hub.documents.reader.pdf import NOT_SEARCHABLE
from hub.documents.reader.results import Examined, Kind, Reason, Refused
from hub.documents.reader.scans import Scans

MOST_PIXELS = 50_000_000
MOST_FRAMES = 200
"""Pages of a TIFF."""
LEAST_PIXELS = 40_000
"""A smaller one, such as the emblem below an e-mail, holds no text to recognise."""
_LONG_SIDE_PIXELS = 3508
_LONG_SIDE_POINTS = 842
"""A4's, at 300 pixels an inch."""
_FORMATS = {Kind.PNG: "PNG", Kind.JPEG: "JPEG", Kind.TIFF: "TIFF"}
_EPOCH = time.gmtime(0)
"""A fixed date in the copy: the same picture gives the same bytes."""


def examine(data: bytes, kind: Kind, scans: Scans) -> Examined:
    pages: list[str] = []
    with _opened(data, kind) as image:
        copy = _as_pdf(_read(image, scans, pages))
    searchable = any(pages)
    return Examined(
        pages=tuple(pages),
        searchable=searchable,
        note=None if searchable else NOT_SEARCHABLE,
        unread=scans.unread,
        reading_copy=copy,
    )


def texts(data: bytes, kind: Kind, scans: Scans) -> Iterator[str]:
    """Of each of its pages, without a reading copy; nothing of a small picture."""
    with _opened(data, kind) as image:
        for frame in _frames(image):
            if frame.width * frame.height >= LEAST_PIXELS:
                yield _text(_for_paper(frame), scans)


def _read(image: Image.Image, scans: Scans, pages: list[str]) -> Iterator[Image.Image]:
    """Each page for the reading copy; its text is added to `pages`."""
    for frame in _frames(image):
        shown = _for_paper(frame)
        pages.append(_text(shown, scans))
        yield shown


def _text(shown: Image.Image, scans: Scans) -> str:
    return scans.text(lambda: shown.convert("L"))


def _frames(image: Image.Image) -> Iterator[Image.Image]:
    """Decoded whole, one at a time; raise Refused for too many, one too large, or a broken one."""
    frames = iter(ImageSequence.Iterator(image)) if image.format == "TIFF" else iter((image,))
    number = 0
    while (frame := _next(frames)) is not None:
        number += 1
        if number > MOST_FRAMES:
            raise Refused(
                Reason.TOO_LARGE,
                f"This picture has more than {MOST_FRAMES} pages. Save it as a PDF, or split it.",
            )
        _check_size(frame)
        yield _decoded(frame)


def _next(frames: Iterator[Image.Image]) -> Image.Image | None:
    """A broken directory is found on the way to the page that it describes."""
    try:
        return next(frames, None)
    except (OSError, SyntaxError, ValueError, KeyError, TypeError):
        raise _broken() from None


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
    except (OSError, SyntaxError, ValueError, EOFError, KeyError, TypeError):
        raise _broken() from None
    return image


def _for_paper(image: Image.Image) -> Image.Image:
    """Upright, on white, in grey or RGB, no more pixels than a page needs."""
    if image.mode == "1":
        image = image.convert("L")
    if max(image.size) > _LONG_SIDE_PIXELS:
        if image.mode in ("L", "RGB", "RGBA", "LA"):
            image = image.reduce(max(1, max(image.size) // _LONG_SIDE_PIXELS))
        image = ImageOps.contain(image, (_LONG_SIDE_PIXELS, _LONG_SIDE_PIXELS))
    image = ImageOps.exif_transpose(image)
    if image.mode == "L":
        return image
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper


def _as_pdf(images: Iterator[Image.Image]) -> bytes:
    """A page each, its long side that of A4; one at a time is in memory."""
    with pikepdf.new() as whole:
        for image in images:
            with pikepdf.open(io.BytesIO(_page(image))) as single:
                whole.pages.extend(single.pages)
        file = io.BytesIO()
        whole.save(file, deterministic_id=True)
        return file.getvalue()


def _page(image: Image.Image) -> bytes:
    file = io.BytesIO()
    resolution = max(image.size) * 72 / _LONG_SIDE_POINTS
    image.save(file, "PDF", resolution=resolution, quality=88, creationDate=_EPOCH, modDate=_EPOCH)
    return file.getvalue()


def _broken() -> Refused:
    return Refused(
        Reason.BROKEN, "This picture is damaged and cannot be shown in full. Upload it again from its source."
    )
