"""The text of an e-mail: the usual headers, its body, its attachments, and e-mails within it some levels deep."""

import email
import email.policy
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from typing import Protocol

from lxml import etree, html

from hub.documents.reader.blocks import Block, body, heading, row

_HEADERS = ("From", "To", "Cc", "Date", "Subject")
_UNSEEN = frozenset({"script", "style", "head", "title", "template", "noscript"})
_LINES = frozenset(
    {"p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "blockquote", "hr"}
)
MOST_LEVELS = 4
"""Of e-mails within one another that are read; the outermost is the first."""
MOST_ATTACHMENTS = 200
"""Of one e-mail, at every level together."""


@dataclass(slots=True)
class _Count:
    left: int = MOST_ATTACHMENTS


@dataclass(frozen=True, slots=True)
class Within:
    """How deep an e-mail lies in the file, and how many attachments of the file may still be read."""

    level: int = 1
    count: _Count = field(default_factory=_Count)


class Attachments(Protocol):
    """Who reads what is attached. Neither raises for a bad attachment: a block says so."""

    def read(self, name: str, data: bytes, within: Within) -> Iterator[Block]: ...

    def leave_out(self, why: str) -> Block: ...


def read(data: bytes, attachments: Attachments, within: Within) -> Iterator[Block]:
    yield from _all(email.message_from_bytes(data, policy=email.policy.default), attachments, within)


def _all(message: EmailMessage, attachments: Attachments, within: Within) -> Iterator[Block]:
    if within.level > MOST_LEVELS:
        yield attachments.leave_out("It lies too deep: an e-mail within e-mails within others.")
        return
    yield from _message(message)
    for part in message.iter_attachments():
        if within.count.left <= 0:
            yield attachments.leave_out(f"More than {MOST_ATTACHMENTS} attachments came with this e-mail.")
            return
        within.count.left -= 1
        yield from _part(part, attachments, within)


def _part(part: Message, attachments: Attachments, within: Within) -> Iterator[Block]:
    deeper = Within(within.level + 1, within.count)
    name = _name(part)
    yield heading(f"Attachment: {name}", 3)
    if part.get_content_type() != "message/rfc822":
        yield from attachments.read(name, _payload(part), deeper)
        return
    inner = part.get_payload(0) if part.is_multipart() else None
    if isinstance(inner, EmailMessage):
        yield from _all(inner, attachments, deeper)
    else:
        yield attachments.leave_out("This e-mail is damaged.")


def _message(message: EmailMessage) -> Iterator[Block]:
    raw = {name.lower(): value for name, value in reversed(list(message.raw_items()))}
    yield heading(_decoded(raw.get("subject", "")) or "E-mail without a subject", 1)
    for name in _HEADERS:
        if name.lower() in raw:
            yield row((name, _decoded(raw[name.lower()])))
    yield body("")
    yield from (body(line) for line in (_said(message, "plain") or _said(message, "html")).splitlines())


def _said(message: EmailMessage, form: str) -> str:
    """The body in one form; empty when there is none or it says nothing."""
    part = message.get_body((form,))
    if part is None:
        return ""
    text = _text(_payload(part), part.get_content_charset())
    text = _stripped(text) if part.get_content_type() == "text/html" else text
    return text if text.strip() else ""


def _name(part: Message) -> str:
    raw = part.get_filename()
    return _decoded(str(raw)) if raw else f"without a name ({part.get_content_type()})"


def _decoded(raw: object) -> str:
    """RFC 2047 words, on one line. Headers that cannot be decoded stay as they came."""
    text = str(raw)
    with suppress(MessageError, LookupError, ValueError):
        text = str(make_header(decode_header(text)))
    return " ".join(text.split())


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(data: bytes, charset: str | None) -> str:
    try:
        return data.decode(charset or "utf-8")
    except (LookupError, ValueError):
        return data.decode("cp1252", "replace")


def _stripped(text: str) -> str:
    """What an HTML body says, its blocks on lines of their own; nothing in it is followed or run."""
    parser = etree.HTMLParser(no_network=True, huge_tree=False, remove_comments=True, encoding="utf-8")
    try:
        root = html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        return ""
    lines = "".join(_seen(root)).splitlines()
    return "\n".join(" ".join(line.split()) for line in lines)


def _seen(element: etree._Element) -> Iterator[str]:
    skipped = element.tag in _UNSEEN
    if not skipped:
        yield "\n" if element.tag in _LINES else " " if element.tag in ("td", "th") else ""
        yield (element.text or "").replace("\n", " ")
        for child in element:
            yield from _seen(child)
        yield "\n" if element.tag in _LINES else ""
    yield (element.tail or "").replace("\n", " ")
