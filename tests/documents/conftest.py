"""What the tests of documents share: small files, and the way of one through the browser."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from reportlab.pdfgen.canvas import Canvas

from hub.documents.reader import Reader
from hub.documents.rules import Details
from hub.documents.service import ReceiptLine
from hub.ids import new_id
from tests.world import World

WORD = "Zebrafinch"


def pdf(*pages: str) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pageCompression=0, invariant=1)
    for text in pages or (f"{WORD} assessment of an invented person.",):
        canvas.drawString(72, 720, text)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def docx(text: str = WORD, *, extra: dict[str, bytes] | None = None) -> bytes:
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = (
        f'<w:document xmlns:w="{space}"><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>'
    )
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        f'<Override PartName="/word/document.xml" ContentType="{kind}"/></Types>'
    )
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    links = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{relation}" Target="word/document.xml"/></Relationships>'
    )
    parts = {
        "[Content_Types].xml": types.encode(),
        "_rels/.rels": links.encode(),
        "word/document.xml": body.encode(),
    }
    return zipped(parts | (extra or {}))


def zipped(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@dataclass
class Desk:
    """Does with documents what a person would, through the service or the browser."""

    world: World

    @property
    def service(self) -> Any:
        return self.world.hub.documents

    def details(self, **more: Any) -> Details:
        values = {
            "title": "Assessment of March",
            "type": "risk-assessment",
            "owner": self.world.agencies["police"],
            "dated": date(2026, 3, 1),
            "audience": None,
            "necessity": "The others plan the next visits with it.",
            "attested": True,
            "retention_class": "agency",
        }
        return Details(**(values | more))

    def form(self, **more: Any) -> dict[str, Any]:
        values = {
            "form_token": new_id(),
            "title": "Assessment of March",
            "type": "risk-assessment",
            "owner": self.world.agencies["police"],
            "dated-day": "1",
            "dated-month": "3",
            "dated-year": "2026",
            "audience_is": "all",
            "necessity": "The others plan the next visits with it.",
            "retention_class": "agency",
            "attested": "y",
        }
        return values | more

    def stage(self, data: bytes, name: str = "assessment.pdf", who: str = "police", case: str = "") -> str:
        return self.service.receive(self.world.actor(who), case or self.world.case, name, io.BytesIO(data)).id

    def upload(
        self, data: bytes, name: str = "assessment.pdf", who: str = "police", **more: Any
    ) -> ReceiptLine:
        case = more.pop("case", self.world.case)
        staged = self.stage(data, name, who, case)
        return self.service.upload(self.world.actor(who), case, self.details(**more), [staged], new_id())[0]

    def prepared(self, data: bytes, name: str = "assessment.pdf", who: str = "police", **more: Any) -> str:
        line = self.upload(data, name, who, **more)
        self.service.prepare(line.document, 1)
        return line.document

    def reader(self, who: str, document: str, reason: str = "casework") -> FlaskClient:
        """A browser in which the reason was given already."""
        self.service.give_reason(self.world.actor(who), document, reason)
        return self.world.client(who)


@pytest.fixture(scope="session")
def one_reader() -> Iterator[Reader]:
    """Starting its process costs seconds; what it confines is each file, so tests can share it."""
    with Reader() as reader:
        yield reader


@pytest.fixture
def desk(world: World, one_reader: Reader) -> Iterator[Desk]:
    own, world.hub.documents._reader = world.hub.documents._reader, one_reader
    yield Desk(world)
    world.hub.documents._reader = own
