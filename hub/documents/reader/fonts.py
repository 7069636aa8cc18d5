"""The one typeface of everything the reader draws: Bitstream Vera, which reportlab's own package carries.

Read once, at import: a confined child can open no file.
"""

import io
from functools import lru_cache
from pathlib import Path

import reportlab
from PIL import ImageFont
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

_FOLDER = Path(reportlab.__file__).parent / "fonts"
_FILES = {"regular": (_FOLDER / "Vera.ttf").read_bytes(), "bold": (_FOLDER / "VeraBd.ttf").read_bytes()}

REGULAR, BOLD = "Vera", "Vera-Bold"


def _register(name: str, weight: str) -> TTFont:
    font = TTFont(name, io.BytesIO(_FILES[weight]))
    pdfmetrics.registerFont(font)
    return font


_LAID_OUT = {REGULAR: _register(REGULAR, "regular"), BOLD: _register(BOLD, "bold")}
GLYPHS = frozenset(_LAID_OUT[REGULAR].face.charToGlyph) & frozenset(_LAID_OUT[BOLD].face.charToGlyph)
"""Code points that can be drawn."""


@lru_cache(maxsize=64)
def drawn(weight: str, size: int) -> ImageFont.FreeTypeFont:
    """The font for pictures, `size` in pixels; the basic layout engine loads no further library."""
    return ImageFont.truetype(io.BytesIO(_FILES[weight]), size, layout_engine=ImageFont.Layout.BASIC)
