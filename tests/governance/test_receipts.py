"""Reading receipts for a court: what stands in the PDF is true, whole, and can be proved from the paper alone."""

import re
from base64 import b64decode

import pypdfium2
import pytest

from hub.errors import Refused
from hub.governance import receipts
from hub.governance.receipts import as_pdf
from hub.ledger.entries import leaf_hash
from hub.ledger.events import PageViewed
from hub.statement.rules import PARTS
from tests.documents.conftest import Desk, pdf
from tests.ledger.second import root_by

CONFIDENTIALITY = "Nothing that is said here leaves the room. " * 3
EQUALITY = "Everybody voices what touches equality & diversity. " * 3


def on_paper(data):
    """The text of a PDF, its lines joined as they were broken."""
    document = pypdfium2.PdfDocument(data)
    try:
        pages = [page.get_textpage() for page in document]
        return "\n".join(page.get_text_bounded() for page in pages).replace("\r\n", "\n")
    finally:
        document.close()


def flat(text):
    return re.sub(r"\s+", "", text)


def agree(world, who):
    """A second version, which everyone must agree anew."""
    editor, statement = world.actor("coordinator"), world.hub.statement
    statement.save(editor, confidentiality=CONFIDENTIALITY, equality=EQUALITY, seen=0)
    statement.publish(editor, reason="Plainer words.", seen=statement.draft(editor).row_version)
    for name in (who, "governance"):
        found = statement.current(world.actor(name))
        statement.agree(world.actor(name), version=found.id, parts=frozenset(PARTS))
    return found


@pytest.fixture
def read(world):
    """A document that probation read one page of, after agreeing a new statement; a signed checkpoint over it."""
    document = Desk(world).upload(pdf("words"), "w.pdf", "police").document
    text = agree(world, "probation")
    world.hub.documents.give_reason(world.actor("probation"), document, "risk")
    world.client("probation").get(f"/documents/{document}")
    page = PageViewed(case=world.case, document=document, version=1, page=1, form="image", reason="risk")
    world.hub.db.record(world.actor("probation"), page)
    world.hub.checkpoints.make(world.area)
    return document, text


def made(world, case=""):
    return as_pdf(world.hub.governance.receipts(world.actor("governance"), world.people["probation"], case))


def test_the_paper_says_who_accepted_which_text_and_read_what_and_when(world, read):
    document, text = read
    told = flat(on_paper(made(world)))
    for words in ("Prue Bates-Fable", world.people["probation"], document, "FEN-2026-0001", "Read page 1",
                  "2 March 2026", text.sha256, "Equality and diversity", CONFIDENTIALITY, EQUALITY):  # fmt: skip
        assert flat(words) in told, words
    viewed = world.events("document.page_viewed")
    assert len(viewed) >= 2
    for entry in viewed:
        assert (
            f"{entry.sequence}0{entry.at.day}March" in told or f"{entry.sequence}{entry.at.day}March" in told
        )


def test_each_entry_is_proved_from_the_paper_alone(world, read):
    """Leaf, path and signed root are read off the page and hashed by the tests' own second implementation."""
    told = on_paper(made(world))
    note = re.search(
        r"^\S+/\S*\n(\d+)\n([A-Za-z0-9+/]{43}=)\n",
        told[told.index("newest signed checkpoint") :],
        re.MULTILINE,
    )
    size, root = int(note[1]), b64decode(note[2])
    proofs = re.split(r"Entry (\d+): leaf, then the path to the root", told)[1:]
    proofs[-1] = proofs[-1].split("The text of version")[0]
    proved = set()
    for number, body in zip(proofs[::2], proofs[1::2], strict=True):
        joined = flat(body)
        leaf = joined[: joined.rindex("}") + 1]
        path = joined[len(leaf) :]
        nodes = [b64decode(node) for node in re.findall(r"[A-Za-z0-9+/]{43}=", path)]
        assert root_by(int(number) - 1, size, leaf_hash(leaf), nodes) == root, number
        proved.add(int(number))
    theirs = {
        entry.sequence
        for entry in world.events()
        if entry.actor_id == world.people["probation"]
        and entry.event in {"statement.agreed", *receipts.READ}
        and entry.sequence <= size
    }
    assert proved == theirs
    assert len(proved) >= 4


def test_one_case_leaves_out_what_was_read_of_others(world, read):
    other = Desk(world).upload(pdf("more"), "m.pdf", "police", case=world.make_case()).document
    world.hub.documents.give_reason(world.actor("probation"), other, "risk")
    world.client("probation").get(f"/documents/{other}")
    assert other in flat(on_paper(made(world)))
    assert other not in flat(on_paper(made(world, world.case)))


def test_the_same_log_gives_the_same_bytes_and_each_making_is_on_record(world, read):
    first, second = made(world, world.case), made(world, world.case)
    assert first == second
    assert len(world.events("log.receipt_made")) == 2


def test_the_page_offers_them_for_all_and_for_one_case(world, read):
    account = world.people["probation"]
    client = world.client("governance")
    page = client.get(f"/log/people/{account}").get_data(as_text=True)
    for address in (
        f"/log/people/{account}/receipts.pdf",
        f"/log/people/{account}/receipts.pdf?case={world.case}",
    ):
        assert f'href="{address}"' in page
        answer = client.get(address)
        assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert client.get(f"/log/people/{'a' * 26}/receipts.pdf").status_code == 404
    for case in ("a" * 26, "FEN-2026-0001", "%00"):
        assert client.get(f"/log/people/{account}/receipts.pdf?case={case}").status_code == 404
    assert world.client("probation").get(f"/log/people/{account}/receipts.pdf").status_code == 404


def test_too_much_for_one_is_asked_for_case_by_case(world, read, monkeypatch):
    monkeypatch.setattr(receipts, "MOST", 1)
    with pytest.raises(Refused, match="one case at a time"):
        made(world)
