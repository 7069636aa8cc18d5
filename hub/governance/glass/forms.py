"""What is asked of somebody who opens a case that they do not stand to."""

from wtforms import Form, RadioField, StringField, TextAreaField

from hub.governance.rules import GlassReason
from hub.web.fields import choices


class GlassForm(Form):  # type: ignore[misc]
    reference = StringField("Reference of the case", description="All of it, such as FEN-2026-0001.")
    reason = RadioField(
        "Why you must open it", choices=choices([(one.value, one.label) for one in GlassReason])
    )
    why = TextAreaField(
        "What happened, and who asked you",
        description="Information governance and the case's coordinator read this. Do not name the nominal.",
    )
