"""The forms of documents; what may be chosen is decided by the service, which gives back every fault at once."""

from datetime import date
from typing import Any

from wtforms import (
    BooleanField,
    FileField,
    Form,
    HiddenField,
    MultipleFileField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)

from hub.documents.rules import DOCUMENT_TYPES, MARKING, RETENTION_CLASSES, Details, tidy_line, tidy_text
from hub.web.fields import DateBoxes, choices

PICK = ("", "Choose one")
ALL, CHOSEN = "all", "chosen"
ACCEPT = ".pdf,.docx,.odt,.txt,.eml,.png,.jpg,.jpeg,.tif,.tiff"


class DetailsForm(Form):  # type: ignore[misc]
    """`offer` before anything is rendered: choices are the case's."""

    title = StringField(
        "Title", description="Leave it empty to use the name of the file. Several files keep their own names."
    )
    type = SelectField("Type of document", choices=choices([PICK, *DOCUMENT_TYPES.items()]))
    owner = SelectField("Owning agency", description="It stays responsible for the information in it.")
    dated = DateBoxes("Date of the document")
    author = StringField("Author (optional)")
    form_code = StringField("Form code (optional)", description="As printed on the form, such as MAPPA C.")
    audience_is = RadioField(
        "Who needs it",
        choices=choices([(ALL, "All agencies on the case"), (CHOSEN, "Only some agencies")]),
        default=ALL,
    )
    audience = SelectMultipleField(
        "Agencies", description="The owning agency, yours and the coordinator can always read it."
    )
    necessity = TextAreaField(
        "Why they need it",
        description="Sharing must be necessary and proportionate: how does it help to assess or manage the risk?",
    )
    retention_class = SelectField(
        "How long it is kept", choices=choices(RETENTION_CLASSES.items()), default="agency"
    )
    attested = BooleanField(f"It is marked {MARKING}, and nothing in it is above OFFICIAL")

    def offer(self, owners: tuple[tuple[str, str], ...], agencies: tuple[tuple[str, str], ...]) -> None:
        self.owner.choices = choices(owners)
        self.audience.choices = choices(agencies)

    def details(self) -> Details:
        chosen = self.audience_is.data == CHOSEN
        return Details(
            title=tidy_line(self.title.data or ""),
            type=self.type.data or "",
            owner=self.owner.data or "",
            dated=self.dated.data if isinstance(self.dated.data, date) else None,
            audience=frozenset(self.audience.data or ()) if chosen else None,
            necessity=tidy_text(self.necessity.data or ""),
            attested=bool(self.attested.data),
            retention_class=self.retention_class.data or "",
            author=tidy_line(self.author.data or ""),
            form_code=tidy_line(self.form_code.data or ""),
        )

    def attach(self, faults: dict[str, str]) -> list[str]:
        """Put each sentence on its field; those that belong to none of this form come back."""
        for field, sentence in faults.items():
            if field in self:
                self[field].errors = [sentence]
        return [sentence for field, sentence in faults.items() if field not in self]


class UploadForm(DetailsForm):
    form_token = HiddenField()
    files = MultipleFileField("Files", description="PDF, DOCX, ODT, TXT, EML, PNG, JPEG or TIFF.")


class EditForm(DetailsForm):
    seen = HiddenField()


class VersionForm(Form):  # type: ignore[misc]
    form_token = HiddenField()
    seen = HiddenField()
    staged = HiddenField()
    file = FileField("New version", description="PDF, DOCX, ODT, TXT, EML, PNG, JPEG or TIFF.")


def edit_data(details: Details) -> dict[str, Any]:
    """What an EditForm begins with."""
    return {
        "title": details.title,
        "type": details.type,
        "owner": details.owner,
        "dated": details.dated,
        "author": details.author,
        "form_code": details.form_code,
        "audience_is": ALL if details.audience is None else CHOSEN,
        "audience": sorted(details.audience or ()),
        "necessity": details.necessity,
        "retention_class": details.retention_class,
        "attested": True,
    }


def whole(text: str | None) -> int:
    """A number from a hidden field; -1, which nothing ever is, for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else -1  # noqa: PLR2004 - fits an INTEGER
