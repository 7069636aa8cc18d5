"""Small files to hand in."""

import io

from reportlab.pdfgen.canvas import Canvas


def pdf(*pages: str) -> bytes:
    """One line of text on each page."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for text in pages:
        canvas.drawString(72, 720, text)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()
