"""What search must not tell, must not lose and must not be stopped by: each of these was once possible."""

import threading

import pytest
from sqlalchemy import select

from hub.commands import search as command
from hub.documents.model import DocumentVersion
from hub.ids import new_id
from hub.search import language
from hub.search.model import CaseShard
from hub.search.reading import ShardReader, readable
from hub.search.shelves import Shelves
from hub.search.vocabulary import NO_LINES, gathered, starting
from storage.errors import Tampered
from tests.documents.conftest import Desk, pdf
from tests.search.test_names import shelf
from tests.search.test_service import (
    _row_version,
    ask,
    change,
    found,
    only_police,
    put,
    shelves,
)


def supersede(world, document):
    staged = Desk(world).stage(pdf("kingfisher"))
    world.hub.documents.supersede(
        world.actor("police"), document, staged, seen=_row_version(world, document), form_token=new_id()
    )


def test_what_a_superseded_version_said_is_found_no_more(world):
    """It was found until the new version was prepared, and for good when that could not be read."""
    document, other = put(world, "heron by the weir"), put(world, "heron elsewhere")
    assert found(world, "probation", "heron") == {document, other}
    supersede(world, document)
    assert found(world, "probation", "heron") == {other}
    assert ask(world, "probation", "heron").total == 1
    with world.hub.db.work() as work:
        work.session.get_one(DocumentVersion, (document, 2)).text_state = "failed"
        work.commit()
    world.hub.search.rebuild(world.case)
    assert found(world, "probation", "heron") == {other}


def test_the_version_of_a_shelf_that_a_rebuild_empties_goes_on(world):
    """It began at one again: a kept index and an older seal of the same shelf were taken for the new one."""
    gone = put(world, "heron by the weir", audience=only_police(world))
    assert found(world, "police", "heron") == {gone}
    world.hub.documents.withdraw(world.actor("police"), gone, seen=_row_version(world, gone))
    before = shelves(world)
    world.hub.search.rebuild(world.case)
    new = put(world, "kingfisher by the weir", audience=only_police(world))
    assert all(shelves(world)[shelf] > version for shelf, version in before.items() if shelf)
    assert found(world, "police", "kingfisher") == {new}
    assert found(world, "police", "heron") == set()


class Rows:
    """A session that remembers which shelves it was asked to bring."""

    def __init__(self, session):
        self._session, self.shelves = session, []

    def __getattr__(self, name):
        return getattr(self._session, name)

    def execute(self, query, *more):
        rows = self._session.execute(query, *more).freeze()
        self.shelves += [row.shelf for row in rows() if hasattr(row, "shelf")]
        return rows()


def test_the_bytes_of_a_hidden_shelf_are_not_even_read(world):
    """They were, whenever the person could read another narrowed shelf of some case: the time told of them."""
    put(
        world, "heron by the weir", audience=frozenset(world.agencies[one] for one in ("police", "probation"))
    )
    put(world, "heron near the school", audience=only_police(world))
    with world.hub.db.reading() as session:
        names = [access.case for access in readable(session, world.actor("probation"))]
        rows = Rows(session)
        assert ShardReader(world.hub.vaults, rows).scans(names).keys() == set(names)
        hidden = set(session.scalars(select(CaseShard.shelf))) - {name.partition("/")[2] for name in names}
    assert len(rows.shelves) == len(names) == 2
    assert len(hidden) == 1


def test_a_case_that_cannot_be_made_anew_keeps_nobody_from_searching_the_others(world, monkeypatch):
    """Somebody with one damaged case of an older format could not search at all."""
    put(world, "heron by the weir")
    other = world.make_case()
    document = put(world, "heron elsewhere", case=other)
    with world.hub.db.work() as work:
        work.session.get_one(CaseShard, (world.case, "")).format = 1
        work.commit()

    def fail(self, case):
        raise Tampered(case)

    monkeypatch.setattr(Shelves, "rebuild", fail)
    answer = ask(world, "police", "heron")
    assert ([hit.document for hit in answer.found], answer.waiting) == ([document], 1)


def test_the_command_goes_on_after_a_case_that_cannot_be_read(world, monkeypatch, capsys):
    """It ended with the first, and no case after it was made anew."""
    put(world, "heron by the weir")
    other = world.make_case()
    rebuild = Shelves.rebuild

    def fail(self, case):
        if case == world.case:
            raise Tampered(case)
        return rebuild(self, case)

    monkeypatch.setattr(Shelves, "rebuild", fail)
    monkeypatch.setattr(command, "services", lambda: world.hub)
    assert command.search(["rebuild"]) == 1
    told = capsys.readouterr().out
    assert "could not be made anew" in told
    assert "1 cases with 0 documents can be searched." in told
    assert other in {event.case_id for event in world.events("search.indexed")}


def test_a_document_that_comes_while_a_query_is_answered_is_no_tampering(world, monkeypatch):
    """The scan part was of one moment and the positions of a later one, and a query was refused as if forged."""
    first = put(world, "heron by the weir")
    positions, late = ShardReader.positions, []

    def put_first(self, names):
        if not late:
            late.append(put(world, "heron by the weir too"))
        return positions(self, names)

    monkeypatch.setattr(ShardReader, "positions", put_first)
    assert first in found(world, "police", '"by the weir"')
    assert found(world, "police", '"by the weir"') == {first, late[0]}


def test_two_documents_of_a_new_audience_come_at_once(world):
    """The second did not see the shelf that the first had made, and failed."""
    whole = put(world, "heron")
    documents = [put(world, "heron", audience=only_police(world)) for _ in range(2)]
    for document in documents:
        change(world, document, audience=None)
    with world.hub.db.work() as work:
        for row in work.session.scalars(select(CaseShard).where(CaseShard.shelf != "")):
            work.session.delete(row)
        work.commit()
    failed = []

    def narrow(document):
        try:
            change(world, document, audience=only_police(world))
        except Exception as error:  # noqa: BLE001 - told to the test
            failed.append(error)

    stored, threads = Shelves._store, []

    def beside(self, work, vault, row, parts):
        stored(self, work, vault, row, parts)
        if row.shelf and not threads:
            threads.append(threading.Thread(target=narrow, args=(documents[1],)))
            threads[0].start()
            threads[0].join(0.5)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Shelves, "_store", beside)
        narrow(documents[0])
        threads[0].join()
    assert failed == []
    assert found(world, "police", "heron") == {whole, *documents}
    assert found(world, "probation", "heron") == {whole}


LONG = (
    "AAAAA ",
    "AB CD ",
    "1 2 ",
    "risk-",
    "12 Mar ",
    "O'",
    "1.",
    "\u017fep ",
)


@pytest.mark.parametrize("piece", LONG)
def test_a_long_text_costs_as_much_as_it_is_long(piece):
    """Capitals without a digit took a time that grew with the square of their number: hours for one file."""
    text = piece * 40_000
    hashes, places = language.codes(text)
    assert len(hashes) == len(places)
    assert language.words(text) | language.names(text)
    assert sum(1 for _ in language.tokens(text)) == len(hashes)


def test_a_month_written_with_a_long_s_is_a_month():
    """It stopped whoever typed it, and the indexing of whatever document had it."""
    assert "date:2026-09-12" in {token.term for token in language.tokens("12 \u017fep 2026")}
    answered = shelf("seen on 12 \u017fept 2026")("12 September 2026")
    assert [hit.document for hit in answered.results.hits] == ["d0"]


def test_the_words_that_start_alike_are_all_had_and_no_other():
    """Each once, by the alphabet."""
    lists = (b"ab\nabc\nabd\nb\n", b"", b"a\nbab\n", b"ab\nz\n", b"xab\n")
    text = b"".join(lists)
    for start in ("a", "ab", "b", "z", "q", "abcd", "x"):
        wanted = sorted({word for word in text.split(b"\n") if word.startswith(start.encode()) and word})
        assert starting(gathered(NO_LINES, (), lists).text, start) == wanted, start
    assert starting(b"", "a") == []
