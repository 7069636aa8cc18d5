"""Where notices go."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hub.mail import MailError, Notices, Outbox, Smtp, carrier_from_url

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_an_address_names_its_carrier(tmp_path: Path) -> None:
    assert carrier_from_url(f"outbox:{tmp_path}") == Outbox(folder=tmp_path)
    assert carrier_from_url("smtps://u%40x:p%3A@mail.example") == Smtp(
        host="mail.example", port=465, user="u@x", password="p:", tls=True
    )
    assert carrier_from_url("smtp://mail.example:2525") == Smtp(
        host="mail.example", port=2525, user="", password="", tls=False
    )


@pytest.mark.parametrize("url", ["", "outbox:", "smtp://", "http://mail.example", "mail.example"])
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(MailError, match="HUB_MAIL_URL"):
        carrier_from_url(url)


def test_each_recipient_has_a_message_of_their_own_that_only_the_owner_reads(tmp_path: Path) -> None:
    Notices(Outbox(folder=tmp_path / "out"), lambda: NOW, public_url="https://hub.example").send(
        ["a@fenmarch.example", "b@fenmarch.example"], "/meetings/x"
    )
    files = sorted((tmp_path / "out").iterdir())
    assert [path.suffix for path in files] == [".eml", ".eml"]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    texts = [path.read_text() for path in files]
    assert all("https://hub.example/meetings/x" in text for text in texts)
    assert sum("a@fenmarch.example" in text for text in texts) == 1


def test_a_server_that_does_not_answer_is_no_fault() -> None:
    nobody = Smtp(host="127.0.0.1", port=1, user="", password="", tls=False)
    with capture_logs() as said:
        Notices(nobody, lambda: NOW).send(["a@fenmarch.example"], "/x")
    assert [(one["event"], one["messages"]) for one in said] == [("mail", 1)]
    assert "a@fenmarch" not in str(said)
