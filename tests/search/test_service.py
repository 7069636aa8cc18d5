"""Search tells exactly what may be read: narrowed, excluded, withdrawn and issued alone; recorded first; sealed."""

import json
from datetime import date

import pytest
from sqlalchemy import select

from hub.cases.model import Case
from hub.documents.model import Document, DocumentVersion
from hub.documents.objects import store
from hub.errors import NotHere
from hub.ids import new_id
from hub.meetings.model import Meeting, MeetingInvitee, MeetingIssue
from hub.search.service import IndexedDocument, Request
from tests.documents.conftest import Desk, pdf
from tests.world import START, csrf


def put(world, words, *, case=None, who="police", **details):
    """A document with this text, indexed as preparing would."""
    case = case or world.case
    title = details.pop("title", "Assessment")
    document = Desk(world).upload(pdf("x"), "x.pdf", who, case=case, title=title, **details).document
    pages = (words,) if isinstance(words, str) else tuple(words)
    with world.hub.db.work() as work:
        row = work.session.get_one(Case, case)
        vault = world.hub.vaults.of(work.session, row)
        sealed = vault.put("text", [json.dumps(pages).encode()])
        store(work, vault, sealed, world.clock())
        version = work.session.get_one(DocumentVersion, (document, 1))
        version.text_id, version.pages, version.text_state = sealed.object_id, len(pages), "ready"
        world.hub.search.index(
            work, row, vault, _indexed(work.session.get_one(Document, document), title, pages)
        )
        work.commit()
    return document


def only_police(world):
    return frozenset({world.agencies["police"]})


def _indexed(row, title, pages):
    return IndexedDocument(
        document=row.id, title=title, pages=pages, dated=row.dated, type=row.type, owner=row.owner_id
    )


def ask(world, who, text, **more):
    return world.hub.search.search(world.actor(who), Request(text=text, **more))


def found(world, who, text, **more):
    return {hit.document for hit in ask(world, who, text, **more).found}


def page(world, who, text):
    client = world.client(who)
    csrf(client)
    return world.post(client, "/search/", {"q": text}, follow_redirects=True).data


def issue(world, document, *people, affirmed=True, state="planned"):
    with world.hub.db.work() as work:
        meeting = Meeting(
            id=new_id(), area_id=world.area, level=2, locality="Northfen", starts_at=START, place="R", state=state,
            chair_id=world.people["chair"], coordinator_id=world.people["coordinator"], created_at=START, row_version=1,
        )  # fmt: skip
        work.session.add(meeting)
        work.session.flush()
        work.session.add(
            MeetingIssue(
                meeting_id=meeting.id, document_id=document, what="papers", issued_at=START,
                issued_by=world.people["coordinator"],
            )
        )  # fmt: skip
        for who in people:
            work.session.add(
                MeetingInvitee(
                    meeting_id=meeting.id, account_id=world.people[who], invited_at=START,
                    affirmed_at=START if affirmed else None, affirmed_version_id=None,
                )
            )  # fmt: skip
        work.commit()


def test_only_what_may_be_read_is_found(world):
    whole = put(world, "heron seen by the river")
    narrowed = put(world, "heron near the school", audience=only_police(world))
    world.exclude("excluded")
    assert found(world, "police", "heron") == {whole, narrowed}
    assert found(world, "probation", "heron") == {whole}
    assert found(world, "coordinator", "heron") == {whole, narrowed}
    for who in ("excluded", "outsider", "other coordinator", "attendee", "chair"):
        assert found(world, who, "heron") == set(), who
    for who in ("governance", "administrator"):
        with pytest.raises(NotHere):
            ask(world, who, "heron")


def test_of_a_case_that_is_not_theirs_only_what_was_issued_is_found(world):
    issued, other = put(world, "heron in the minutes"), put(world, "heron elsewhere")
    issue(world, issued, "attendee", "excluded")
    issue(world, other, "attendee", affirmed=False)
    issue(world, other, "attendee", state="cancelled")
    world.exclude("excluded")
    assert found(world, "attendee", "heron") == {issued}
    assert found(world, "excluded", "heron") == set()


def test_what_was_withdrawn_or_removed_is_found_no_more(world):
    kept, gone = put(world, "heron kept"), put(world, "heron gone")
    assert found(world, "police", "heron") == {kept, gone}
    world.hub.documents.withdraw(world.actor("police"), gone, seen=_row_version(world, gone))
    assert found(world, "police", "heron") == {kept}


def _row_version(world, document):
    with world.hub.db.reading() as session:
        return session.scalars(select(Document.row_version).where(Document.id == document)).one()


def test_rights_that_change_act_on_the_next_query_of_a_kept_index(world):
    document = put(world, "heron by the weir")
    assert found(world, "probation", "heron") == {document}
    with world.hub.db.work() as work:
        work.session.get_one(Document, document).narrowed = True
        work.commit()
    assert found(world, "probation", "heron") == set()
    assert found(world, "outsider", "heron") == set()
    world.join_team("outsider")
    with world.hub.db.work() as work:
        work.session.get_one(Document, document).narrowed = False
        work.commit()
    assert found(world, "outsider", "heron") == {document}
    world.exclude("outsider")
    assert found(world, "outsider", "heron") == set()


def test_hidden_documents_change_no_byte_of_any_answer(world):
    put(world, "heron seen by the river, and a boat")
    put(world, "the boat was blue", title="Second")
    queries = (
        "heron",
        "boat",
        "hreon",
        "her*",
        '"by the river"',
        "boat NOT heron",
        "kingfisher",
        "type:minutes",
        "kingfihser",
    )
    before = [page(world, "probation", query) for query in queries]
    put(world, ["heron boat kingfisher river"] * 3, audience=only_police(world))
    other = world.make_case(agencies=("housing",), coordinator="other coordinator")
    put(world, "heron boat kingfisher river", case=other, who="outsider", owner=world.agencies["housing"])
    after = [page(world, "probation", query) for query in queries]
    for query, one, other in zip(queries, before, after, strict=True):
        assert _timeless(one).splitlines() == _timeless(other).splitlines(), query
    assert b"kingfisher" in page(world, "probation", "kingfisher"), "or the page said nothing at all"
    assert len(found(world, "police", "kingfisher")) == 1


def _timeless(data):
    import re

    return re.sub(rb'<time datetime="[^"]+"', b"<time", data)


def test_query_and_lines_are_on_record_before_they_are_shown(world, monkeypatch):
    document = put(world, "heron by the weir")
    seen = []
    service = type(world.hub.search)
    page_text = service._page_text

    def note(self, work, entry, hit, row):
        seen.append([one.event for one in world.events()][-2:])
        return page_text(self, work, entry, hit, row)

    monkeypatch.setattr(service, "_page_text", note)
    ask(world, "police", "heron")
    assert seen == [["search.run", "search.shown"]]
    shown = world.events("search.shown")[-1]
    assert (shown.document_id, shown.case_id, shown.operation) == (document, world.case, "disclosure")
    assert json.loads(world.events("search.run")[-1].leaf)["fields"] == {"documents": [document], "total": 1}


def test_what_was_searched_for_is_readable_nowhere(world):
    ask(world, "police", "Quetzalcanary nothing")
    assert b"Quetzalcanary" not in world.events("search.run")[-1].sealed
    files = [path for path in world.config.home.rglob("*") if path.is_file()]
    assert files
    assert not any(b"etzalcanary" in path.read_bytes() for path in files)


STRANGE = (
    "", " ", '"', '"heron', "((((", "))))", "AND", "OR OR", "NOT", "NOT heron", "heron AND", "a*", "*", "***", "\x00", "\ud7ff",
    "é" * 500, "x" * 5000, " ".join(["heron"] * 500), "type:", "date:9999-99-99", "case:nonsense", "agency:'--", "((heron OR weir)",
    "-heron", "+heron", "~2", "heron~", "^", "\u202eheron", "<script>alert(1)</script>", "(" * 300 + "heron" + ")" * 300,
)  # fmt: skip


def test_no_query_fails_whatever_is_typed(world):
    put(world, "heron by the weir")
    client = world.client("police")
    for text in STRANGE:
        answer = world.post(
            client, "/search/", {"q": text, "page": "999999", "first-day": "x"}, follow_redirects=True
        )
        assert answer.status_code == 200, text
        assert b"<script>alert" not in answer.data
        assert client.get("/search/", query_string={"q": text, "page": "-1"}).status_code == 200, text


def test_filters_narrow_and_never_widen(world):
    document = put(world, "heron by the weir")
    other = world.make_case(agencies=("housing",))
    assert found(world, "police", "heron", case=world.case) == {document}
    for case in (other, new_id()):
        assert found(world, "police", "heron", case=case) == set()
    assert found(world, "police", "heron", last=date(2020, 1, 1)) == set()
    assert found(world, "police", "heron", types=frozenset({"minutes"})) == set()
    assert found(world, "police", "heron", agencies=frozenset({world.agencies["police"]})) == {document}
