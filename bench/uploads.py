"""From sending a 1 MB PDF to finding a word of it, against taking its text out alone."""

import io
import random
import re
import time

from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from bench.area import Bench
from bench.client import Browser
from bench.lines import middle, ms, progress, tell, timed
from bench.serving import hub
from hub.documents.reader import Kind
from hub.documents.reader.client import Reader
from hub.ids import new_id

ROUNDS = 5
PAGES, LINES = 40, 40
SIZE = 1_000_000
POLL = 0.02
PATIENCE = 30.0
WORDS = [
    "review",
    "plan",
    "visit",
    "housing",
    "risk",
    "level",
    "agency",
    "meeting",
    "contact",
    "evening",
    "school",
    "licence",
    "report",
    "agreed",
]


def upload(bench: Bench) -> None:
    progress("upload: a 1 MB PDF until it is found ...")
    case = bench.case_of(5)
    taken: list[float] = []
    alone: list[float] = []
    with hub(bench.home) as (port, _), Reader() as reader:
        browser = Browser(port=port, cookies=bench.cookies)
        for number in range(ROUNDS + 1):
            word = f"quillfen{number}"
            data = pdf(word)
            extracting = timed(lambda data=data: reader.examine(Kind.PDF, data))
            searching = timed(lambda word=word, data=data: until_found(browser, bench, case, word, data))
            if number:
                taken.append(searching)
                alone.append(extracting)
        browser.close()
    more = middle([ours - theirs for ours, theirs in zip(taken, alone, strict=True)])
    detail = (
        f"seconds more than the text alone; {PAGES} pages, {SIZE / 1e6:.0f} MB: sent, filed, prepared and found by "
        f"its uploader's search {ms(middle(taken))}, text taken out by the same reader {ms(middle(alone))}"
    )
    tell("upload_until_found_seconds_more", more, target=0.5, better="lower", detail=detail)


def until_found(browser: Browser, bench: Bench, case: str, word: str, data: bytes) -> None:
    form = browser.get(f"/cases/{case}/documents/new").decode()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', form)
    if token is None:
        raise RuntimeError("the upload form has no token")
    body, kind = multipart(_fields(bench, token.group(1)), f"{word}.pdf", data)
    status, answer = browser.post(f"/cases/{case}/documents/new", body, kind)
    if status != 303:
        raise RuntimeError(f"the upload answered {status}: {_sentences(answer)}")
    ends = time.monotonic() + PATIENCE
    while b'hub-result"' not in searched(browser, word, token.group(1)):
        if time.monotonic() > ends:
            raise RuntimeError(f"{word} was not found within {PATIENCE:.0f} s")
        time.sleep(POLL)


def searched(browser: Browser, words: str, token: str) -> bytes:
    """The first page of what a search finds."""
    _, answer = browser.post_form("/search/", {"csrf_token": token, "q": words})
    address = re.search(rb'href="(/search/[a-z2-7]{26})"', answer)
    if address is None:
        raise RuntimeError("the search was not taken")
    return browser.get(address.group(1).decode())


def _fields(bench: Bench, token: str) -> dict[str, str]:
    return {
        "csrf_token": token,
        "form_token": new_id(),
        "title": "",
        "type": "agency-report",
        "owner": bench.agency,
        "dated-day": "1",
        "dated-month": "3",
        "dated-year": "2026",
        "audience_is": "all",
        "necessity": "The others plan the next visits with it.",
        "retention_class": "agency",
        "attested": "y",
    }


def _sentences(answer: bytes) -> str:
    return " ".join(re.findall(r'error-message"[^>]*>(.*?)</', answer.decode(), re.DOTALL))[:300]


def multipart(fields: dict[str, str], name: str, data: bytes) -> tuple[bytes, str]:
    """The body of a form with one file, and its content type."""
    boundary = f"bench-{new_id()}"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in fields.items()
    ]
    file = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
        "Content-Type: application/pdf\r\n\r\n"
    )
    body = "".join([*parts, file]).encode() + data + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


def pdf(word: str) -> bytes:
    """Pages of invented prose, `word` on the last, filled up to 1 MB with a picture of noise."""
    chance = random.Random(word)
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for page in range(PAGES):
        for line in range(LINES):
            canvas.drawString(60, 780 - 17 * line, " ".join(chance.choices(WORDS, k=11)))
        if page == PAGES - 1:
            canvas.drawString(60, 60, word)
            side = int(((SIZE - buffer.tell() - 60_000) / 3) ** 0.5)
            canvas.drawImage(_noise(side, chance), 60, 80, 100, 100)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _noise(side: int, chance: random.Random) -> ImageReader:
    from PIL import Image

    return ImageReader(Image.frombytes("RGB", (side, side), chance.randbytes(3 * side * side)))
