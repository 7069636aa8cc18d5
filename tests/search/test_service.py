"""Search tells exactly what may be read: narrowed, excluded, withdrawn and issued alone; recorded first; sealed."""

import html
import json
import re
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from hub import jobs
from hub.cases.model import Case
from hub.documents.model import Document, DocumentVersion
from hub.documents.objects import store
from hub.errors import Invalid, NotHere
from hub.ids import new_id
from hub.ledger.service import open_private
from hub.meetings.model import Meeting, MeetingInvitee, MeetingIssue
from hub.search import kept
from hub.search.model import AskedSearch, CaseShard, SavedSearch
from hub.search.reading import ShardReader
from hub.search.service import IndexedDocument, Request
from storage.errors import Tampered
from tests.documents.conftest import Desk, pdf
from tests.world import START, csrf

HIDDEN = 4
"""Of each kind; the engine's own test hides fifty."""


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


def test_the_rest_of_a_shelf_from_which_something_was_issued_is_not_even_counted(world):
    case = world.make_case(coordinator="other coordinator")
    issued = put(world, "heron by the weir", case=case)
    put(world, "heron and a kingfisher", case=case, type="minutes")
    issue(world, issued, "outsider")
    answer = ask(world, "outsider", "heron")
    assert [hit.document for hit in answer.found] == [issued]
    assert (answer.total, answer.by_type) == (1, {"risk-assessment": 1})
    for text in ("kingfisher", "kingf*"):
        assert ask(world, "outsider", text).total == 0
    assert ask(world, "outsider", "kingfishre").instead == ""


def test_what_was_withdrawn_or_removed_is_found_no_more(world):
    kept, gone = put(world, "heron kept"), put(world, "heron gone")
    assert found(world, "police", "heron") == {kept, gone}
    world.hub.documents.withdraw(world.actor("police"), gone, seen=_row_version(world, gone))
    assert found(world, "police", "heron") == {kept}


def _row_version(world, document):
    with world.hub.db.reading() as session:
        return session.scalars(select(Document.row_version).where(Document.id == document)).one()


def change(world, document, who="police", **more):
    """The document's details with some of them changed, as its form would."""
    page = world.hub.documents.edit_page(world.actor(who), document)
    world.hub.documents.change(
        world.actor(who), document, replace(page.details, attested=True, **more), seen=page.seen
    )


def shelves(world):
    with world.hub.db.reading() as session:
        return {
            row.shelf: row.version for row in session.scalars(select(CaseShard).order_by(CaseShard.shelf))
        }


def test_narrowing_and_widening_act_on_the_next_query_of_a_kept_index(world):
    document = put(world, "heron by the weir")
    assert found(world, "probation", "heron") == {document}
    change(world, document, audience=only_police(world))
    assert found(world, "probation", "heron") == set()
    assert ask(world, "probation", "heron").total == 0
    assert found(world, "police", "heron") == found(world, "coordinator", "heron") == {document}
    change(world, document, audience=None)
    assert found(world, "probation", "heron") == {document}


def test_joining_and_exclusion_act_on_the_next_query(world):
    document = put(world, "heron by the weir")
    assert found(world, "outsider", "heron") == set()
    world.join_team("outsider")
    assert found(world, "outsider", "heron") == {document}
    world.exclude("outsider")
    assert found(world, "outsider", "heron") == set()


def test_a_narrowed_document_that_was_issued_is_found_by_whom_it_was_issued_to(world):
    document = put(world, "heron by the weir", audience=only_police(world))
    put(world, "heron elsewhere", audience=only_police(world))
    issue(world, document, "attendee")
    assert found(world, "attendee", "heron") == {document}


def test_the_shard_of_an_audience_is_never_opened_for_others(world, monkeypatch):
    put(world, "heron by the weir")
    put(world, "heron near the school", audience=only_police(world))
    opened = []
    read = ShardReader._part

    def note(self, kind, names):
        opened.extend(names)
        return read(self, kind, names)

    monkeypatch.setattr(ShardReader, "_part", note)
    for text in ("heron", '"by the weir"', "her*", "hreon", "~heron"):
        ask(world, "probation", text)
    assert set(opened) == {world.case}
    ask(world, "police", "heron")
    assert len(set(opened)) == 2


def test_what_is_typed_and_what_is_ticked_narrow_each_other(world):
    minutes = put(world, "heron", type="minutes")
    put(world, "heron", type="risk-assessment")
    police = frozenset({world.agencies["police"]})
    both = ask(world, "police", "heron type:minutes", types=frozenset({"minutes", "risk-assessment"}))
    assert [hit.document for hit in both.found] == [minutes]
    assert both.by_type == {"minutes": 1}, "ticking another beside it would leave nothing"
    assert "both" not in both.sentence
    for text, more, said in (
        ("heron type:minutes", {"types": frozenset({"risk-assessment"})}, "no type is both typed and ticked"),
        ("type:minutes", {"types": frozenset({"risk-assessment"})}, "no type is both typed and ticked"),
        ("heron agency:probation", {"agencies": police}, "no agency is both typed and chosen"),
    ):
        nothing = ask(world, "police", text, **more)
        assert (nothing.total, said in nothing.sentence) == (0, True), nothing.sentence
    either = ask(world, "police", "heron agency:police", agencies=police)
    assert (either.total, either.by_agency) == (2, {world.agencies["police"]: 2})
    unknown = ask(world, "police", "heron type:nonsense", types=frozenset({"minutes"}))
    assert unknown.total == 0


def test_the_nominal_is_found_by_name_alias_birth_and_reference(world):
    for text in (
        "Norman Nominal",
        "Nobby",
        "Normann Nominel",
        "29/02/1980",
        "29 February 1980",
        "FEN20260001",
        "type:nominal",
    ):
        (hit, *_) = ask(world, "police", text).found
        assert (hit.type, hit.case, hit.document) == ("nominal", world.case, None), text
    assert ask(world, "outsider", "Nobby").total == 0
    assert [event.case_id for event in world.events("search.record_shown")] == [world.case] * 7


def test_a_shard_that_is_not_as_it_was_sealed_is_refused_before_it_is_read(world, monkeypatch):
    put(world, "heron by the weir")
    with world.hub.db.reading() as session:
        older = session.scalars(select(CaseShard)).one()
        before = {name: getattr(older, name) for name in ("sealed_scan", "sealed_positions", "sealed_words")}
    put(world, "heron again")
    other = world.make_case()
    put(world, "kingfisher", case=other)
    with world.hub.db.reading() as session:
        swapped = session.get_one(CaseShard, (other, "")).sealed_scan
        good = session.get_one(CaseShard, (world.case, "")).sealed_scan
    forged = good[:40] + bytes([good[40] ^ 1]) + good[41:]
    monkeypatch.setattr(kept, "cut", lambda shards: pytest.fail("it was read"))
    for sealed in (before["sealed_scan"], swapped, forged, good[:100], b""):
        with world.hub.db.work() as work:
            work.session.get_one(CaseShard, (world.case, "")).sealed_scan = sealed
            work.commit()
        with pytest.raises(Tampered):
            ask(world, "police", "heron")


def test_a_rebuild_gives_the_same_answers_while_people_search(world):
    put(world, "heron by the weir")
    put(world, "heron near the school", audience=only_police(world))
    gone = put(world, "heron gone")
    world.hub.documents.withdraw(world.actor("police"), gone, seen=_row_version(world, gone))
    queries = ("heron", '"by the weir"', "her*", "Nobby")
    before = [(ask(world, who, text)) for who in ("police", "probation") for text in queries]
    versions = shelves(world)
    assert world.hub.search.rebuild(world.case) == 2
    assert {shelf: version + 1 for shelf, version in versions.items()} == shelves(world)
    assert before == [(ask(world, who, text)) for who in ("police", "probation") for text in queries]


def test_a_document_that_comes_during_a_rebuild_is_in_it(world, monkeypatch):
    put(world, "heron by the weir")
    replace_ = type(world.hub.search)._replace
    late = []

    def first(self, case, before, made):
        if not late:
            late.append(put(world, "heron that came late"))
        return replace_(self, case, before, made)

    monkeypatch.setattr(type(world.hub.search), "_replace", first)
    world.hub.search.rebuild(world.case)
    assert late[0] in found(world, "police", "heron")


def test_shards_of_an_older_format_are_made_anew_when_they_are_searched(world):
    document = put(world, "heron by the weir")
    with world.hub.db.work() as work:
        work.session.get_one(CaseShard, (world.case, "")).format = 1
        work.commit()
    assert world.hub.search.outdated() == [world.case]
    assert found(world, "police", "heron") == {document}
    assert world.hub.search.outdated() == []


def test_saved_searches_are_private_and_sealed(world):
    who = world.actor("police")
    saved = world.hub.search.save(who, "Quetzalcanary visits", [("q", "Quetzalcanary")])
    assert [(line.name, line.form) for line in world.hub.search.saved(who)] == [
        ("Quetzalcanary visits", (("q", "Quetzalcanary"),))
    ]
    assert world.hub.search.saved(world.actor("probation")) == []
    with pytest.raises(NotHere):
        world.hub.search.unsave(world.actor("probation"), saved)
    with world.hub.db.reading() as session:
        assert b"etzalcanary" not in session.get_one(SavedSearch, saved).sealed_form
    world.hub.search.unsave(who, saved)
    assert world.hub.search.saved(who) == []


def test_the_page_saves_runs_and_removes_a_search(world):
    put(world, "heron by the weir")
    client = world.client("police")
    shown = world.post(client, "/search/saved", {"q": "heron", "name": "Birds"}, follow_redirects=True)
    assert b"Only you see it." in shown.data
    (line,) = world.hub.search.saved(world.actor("police"))
    assert b"by the weir" in world.post(client, f"/search/saved/{line.id}", follow_redirects=True).data
    assert world.post(world.client("probation"), f"/search/saved/{line.id}/remove").status_code == 404
    world.post(client, f"/search/saved/{line.id}/remove")
    assert world.hub.search.saved(world.actor("police")) == []


def test_the_record_holds_the_names_that_the_answer_added(world):
    put(world, "Then Siobhan Heronsgate left, and Siobhan came back by the weir.")

    assert "Siobhan" in ask(world, "police", "Siobahn").sentence
    assert recorded(world) == "Siobahn also:siobhan"
    assert ask(world, "police", "weri").instead == "weir"
    assert recorded(world) == "weri meant:weir"
    ask(world, "police", "weir")
    assert recorded(world) == "weir"


def recorded(world):
    """What the newest search says was asked, unsealed; nothing of it is in clear."""
    entry = world.events("search.run")[-1]
    with world.hub.db.reading() as session:
        told = open_private(session, entry, world.hub.vaults.open_log)["query"].value
    assert told.encode() not in entry.sealed
    assert told not in entry.leaf
    return told


def test_a_snippet_says_that_its_page_goes_on(world):
    put(world, ("a heron by the", "weir in spring"))
    put(world, ("a kingfisher by the weir.", "It left."))
    for word, last in (("heron", " …"), ("kingfisher", "weir.")):
        (hit,) = ask(world, "police", word).found
        assert "".join(piece.text for piece in hit.fragments).endswith(last)


def test_two_saved_searches_of_a_person_have_two_names(world):
    who, search = world.actor("police"), world.hub.search
    search.save(who, "Birds  of March", [("q", "heron")])
    with pytest.raises(Invalid) as told:
        search.save(who, "birds of march ", [("q", "weir")])
    assert told.value.field == "name"
    search.save(world.actor("probation"), "Birds of March", [("q", "weir")])
    client = world.client("police")
    answer = world.post(
        client, "/search/saved", {"q": "Quetzal", "type": "minutes", "name": "BIRDS of March"}
    )
    assert answer.status_code == 400
    page = html.unescape(answer.text)
    assert "You have a saved search called “BIRDS of March”. Give this one another name." in page
    assert 'value="BIRDS of March"' in page
    assert 'value="Quetzal"' in page, "nothing that was typed is lost"
    assert [line.form for line in search.saved(who)] == [(("q", "heron"),)]
    world.post(client, "/search/saved", {"q": "weir", "name": "Fish"})
    assert [line.name for line in search.saved(who)] == ["Birds of March", "Fish"]


def test_what_was_asked_is_swept_though_nobody_asks_again(world):
    who, queue = world.actor("police"), jobs.Queue(world.config.home, world.hub.documents)
    old = world.hub.search.keep(who, [("q", "heron")])
    world.clock.forward(hours=11, minutes=59)
    new = world.hub.search.keep(world.actor("probation"), [("q", "heron")])
    sweeper = jobs.Sweeper(world.hub, queue)
    sweeper.run_due(0)
    with world.hub.db.reading() as session:
        assert set(session.scalars(select(AskedSearch.id))) == {old, new}
    world.clock.forward(minutes=2)
    sweeper.run_due(jobs.SWEEP_SECONDS)
    with world.hub.db.reading() as session:
        assert list(session.scalars(select(AskedSearch.id))) == [new]
    assert world.hub.search.discard_asked() == 0


def test_a_search_saved_without_a_name_is_asked_about_on_its_page(world):
    client = world.client("police")
    answer = world.post(client, "/search/saved", {"type": "minutes", "name": " "})
    assert answer.status_code == 400
    assert b"Give the search a name." in answer.data
    assert b'value="minutes" checked' in answer.data
    assert b"<title>Error: " in answer.data
    assert world.hub.search.saved(world.actor("police")) == []


def test_the_page_keeps_the_words_when_its_filters_are_cleared(world):
    put(world, "heron by the weir")
    sent = {"q": "heron", "type": "minutes", "first-year": "2020", "sort": "newest", "unfiltered": "y"}
    shown = world.post(world.client("police"), "/search/", sent, follow_redirects=True).data
    assert b"by the weir" in shown
    assert b"in use)" not in shown
    assert b'value="newest" checked' in shown


def test_where_filters_leave_nothing_the_answer_itself_leads_out_of_them(world):
    put(world, "heron")
    client = world.client("police")
    csrf(client)
    filtered = {"q": "heron", "type": "minutes"}
    nothing = world.post(client, "/search/", filtered, follow_redirects=True).text
    assert "0 results" in nothing
    assert "Search again without filters" in nothing
    assert (
        "1 result"
        in world.post(client, "/search/", {**filtered, "unfiltered": "y"}, follow_redirects=True).text
    )
    none = world.post(client, "/search/", {"q": "quagga"}, follow_redirects=True).text
    assert "Search again without filters" not in none
    assert "fewer filters" not in none


def test_a_date_that_is_none_is_told_at_the_top_of_the_page(world):
    sent = {"q": "heron", "first-day": "40"}
    shown = world.post(world.client("police"), "/search/", sent, follow_redirects=True).data
    assert b'href="#first">Enter a real date' in shown


def test_the_page_offers_counts_years_and_what_was_meant(world):
    put(world, "heron by the weir", dated=date(2025, 4, 1))
    put(world, "heron by the lock", type="minutes", dated=date(2026, 2, 1))
    shown = page(world, "police", "heron").decode()
    assert "Minutes (1)" in " ".join(shown.split())
    assert re.search(r'name="year" value="2025">2025</button> \(1\)', shown)
    client = world.client("police")
    csrf(client)
    narrowed = world.post(
        client, "/search/", {"q": "heron", "year": "2025"}, follow_redirects=True
    ).data.decode()
    assert "1 result<" in narrowed
    assert "by the weir" in re.sub("</?mark>", "", narrowed)
    meant = page(world, "police", "hreon").decode()
    assert 'name="instead" value="heron"' in meant
    assert (
        "2 results"
        in world.post(
            client, "/search/", {"q": "hreon", "instead": "heron"}, follow_redirects=True
        ).data.decode()
    )


def test_hidden_documents_change_no_byte_of_any_answer(world):
    put(world, "heron seen by the river, and a boat")
    put(world, "the boat was blue", title="Second")
    queries = (
        "heron",
        "boat",
        "Kingfisher",
        "~heron",
        "river OR heron",
        "type:nominal Heron",
        "from:2020",
        "hreon",
        "her*",
        '"by the river"',
        "boat NOT heron",
        "kingfisher",
        "type:minutes",
        "kingfihser",
    )
    before = [page(world, "probation", query) for query in queries]
    other = world.make_case(
        agencies=("housing",), coordinator="other coordinator", name="Heron Boatman-Fable"
    )
    hidden = [
        put(world, ["heron boat kingfisher river Kingfysher"] * 3, audience=only_police(world))
        for _ in range(HIDDEN)
    ]
    for _ in range(HIDDEN):
        put(world, "heron boat kingfisher river", case=other, who="outsider", owner=world.agencies["housing"])
    for document in hidden[::2]:
        world.hub.documents.withdraw(world.actor("police"), document, seen=_row_version(world, document))
    world.hub.search.rebuild(world.case)
    after = [page(world, "probation", query) for query in queries]
    for query, one, other in zip(queries, before, after, strict=True):
        assert _timeless(one).splitlines() == _timeless(other).splitlines(), query
    assert b"kingfisher" in page(world, "probation", "kingfisher"), "or the page said nothing at all"
    assert ask(world, "police", "kingfisher").total == HIDDEN // 2


def _timeless(data):
    return re.sub(rb'<time datetime="[^"]+"', b"<time", data)


def test_query_and_lines_are_on_record_before_they_are_shown(world, monkeypatch):
    document = put(world, "heron by the weir")
    seen = []
    service = type(world.hub.search)
    lines = service._snippet

    def note(self, *of_the_hit):
        seen.append([one.event for one in world.events()][-2:])
        return lines(self, *of_the_hit)

    monkeypatch.setattr(service, "_snippet", note)
    ask(world, "police", "heron")
    assert seen == [["search.run", "search.shown"]]
    shown = world.events("search.shown")[-1]
    assert (shown.document_id, shown.case_id, shown.operation) == (document, world.case, "disclosure")
    assert json.loads(world.events("search.run")[-1].leaf)["fields"] == {"documents": [document], "total": 1}


def test_a_search_is_on_record_with_all_its_filters_and_each_hit_with_its_page(world):
    first = put(world, ("nothing", "a heron by the weir"), type="minutes")
    second = put(world, "heron", type="minutes")
    case, police = world.case, world.agencies["police"]
    filters = {"types": frozenset({"minutes"}), "agencies": frozenset({police}), "case": case}
    days = {"first": date(2026, 1, 2), "last": date(2026, 4, 5)}
    assert ask(world, "police", "heron", sounds=True, **filters, **days).total == 2
    assert recorded(world) == (
        f"heron type:minutes agency:{police} case:{case} from:2026-01-02 to:2026-04-05 sounds:yes"
    )
    shown = [json.loads(entry.leaf)["fields"] for entry in world.events("search.shown")]
    assert {(one["document"], one["version"], one["page"]) for one in shown} == {
        (first, 1, 2),
        (second, 1, 1),
    }
    ask(world, "police", "Nobby")
    (nominal,) = world.events("search.record_shown")
    assert (nominal.case_id, json.loads(nominal.leaf)["fields"]["kind"]) == (case, "nominal")


def test_the_words_behind_an_address_are_sealed_and_of_one_visit_alone(world):
    who, search = world.actor("police"), world.hub.search
    asked = search.keep(who, [("q", "Quetzalcanary")])
    with world.hub.db.reading() as session:
        assert b"etzalcanary" not in session.get_one(AskedSearch, asked).sealed_form
    assert search.kept(who, asked) == [("q", "Quetzalcanary")]
    for other in (replace(who, session="0" * 64), world.actor("probation")):
        with pytest.raises(NotHere):
            search.kept(other, asked)


def test_the_right_to_a_hit_is_asked_again_before_it_is_shown(world, monkeypatch):
    """Excluded between the answer of the index and the page: neither document nor nominal is shown, or on record as shown."""
    put(world, "Nobby by the weir")
    assert ask(world, "police", "Nobby").total == 2
    before, answered = len(world.events()), world.hub.search._answered

    def meanwhile(actor, request):
        found = answered(actor, request)
        world.exclude("police")
        return found

    monkeypatch.setattr(world.hub.search, "_answered", meanwhile)
    assert ask(world, "police", "Nobby").found == ()
    assert [entry.event for entry in world.events()][before:] == ["search.run"]


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
