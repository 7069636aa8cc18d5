"""Pages as a scanner makes them: pictures of words, nothing in them real."""

import io

from PIL import Image, ImageDraw

from hub.documents.reader import fonts

SIZE = (1240, 1754)
"""A4 at 150 pixels an inch: legible, and quick to recognise."""


def page(*lines: str, turned: int = 0) -> Image.Image:
    image = Image.new("L", SIZE, 255)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((100, 150 + 45 * number), line, fill=0, font=fonts.drawn("regular", 26))
    return image.rotate(turned, expand=True, fillcolor=255)


def pdf(*pages: Image.Image) -> bytes:
    return _saved(pages, "PDF", resolution=150)


def tiff(*pages: Image.Image) -> bytes:
    return _saved([one.convert("1") for one in pages], "TIFF", compression="group4")


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _saved(pages, picture_format: str, **how) -> bytes:
    file = io.BytesIO()
    pages[0].save(file, picture_format, save_all=True, append_images=list(pages[1:]), **how)
    return file.getvalue()
