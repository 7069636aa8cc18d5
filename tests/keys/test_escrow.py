"""Root keys on paper and back: the written share, slips of the pen, the drill, the recovery."""

import io
import json
from datetime import date

import pytest

from hub.commands import main
from hub.errors import Invalid
from hub.keys.escrow import BadShares, fingerprint_of, join, lines, packed, page, read, split, unpacked
from storage.keys import LocalKeyFile, RootKeys, key_file_path

ROOTS = RootKeys(keys={1: bytes(range(32)), 4: b"\xfe" * 32}, current=4, made={})


@pytest.fixture
def at_machine(keys, monkeypatch):
    """The operator's shell at this hub."""
    monkeypatch.setenv("HUB_HOME", str(keys.world.config.home))
    monkeypatch.setenv("HUB_SECRET", keys.world.config.secret)
    monkeypatch.setenv("HUB_DATABASE_URL", keys.world.config.database_url)
    return keys


def pages(folder):
    return sorted(folder.iterdir())


def test_a_share_reads_as_it_was_written_whatever_stands_around_it():
    for share in split(ROOTS, 5, 3):
        typed = page(share, hub="a fictional hub", count=5, made=date(2026, 3, 2))
        assert read(typed) == share
        assert read(typed.lower().replace("o", "0").replace("    ", "  ")) == share
        assert max(len(line) for line in typed.splitlines()) <= 110


def test_what_is_split_is_every_root_key():
    again = join(split(ROOTS, 4, 2)[1:3])
    assert (again.keys, again.current) == (ROOTS.keys, 4)
    assert unpacked(packed(ROOTS)).keys == ROOTS.keys


def test_a_slip_of_the_pen_is_told_by_its_line():
    share = split(ROOTS, 3, 2)[0]
    written = lines(share)
    for number, line in enumerate(written):
        place = line.index("  ") + 2
        other = "A" if line[place] != "A" else "C"
        wrong = [*written[:number], line[:place] + other + line[place + 1 :], *written[number + 1 :]]
        with pytest.raises(BadShares, match=f"Line {number + 1} "):
            read("\n".join(wrong))
    with pytest.raises(BadShares, match=r"Line 2 .* missing"):
        read("\n".join([written[0], *written[2:]]))
    for cut in (written[:-1], [], ["nothing of a share"]):
        with pytest.raises(BadShares, match="not whole"):
            read("\n".join(cut))


def test_too_few_shares_or_of_different_sets_give_nothing():
    one, other = split(ROOTS, 5, 3), split(RootKeys(keys={1: b"x" * 32}, current=1, made={}), 5, 3)
    with pytest.raises(BadShares, match="3 different shares are needed, and 2 given"):
        join([one[0], one[1], one[0]])
    with pytest.raises(BadShares, match="different sets"):
        join([one[0], one[1], other[2]])
    with pytest.raises(BadShares, match="No share"):
        join([])
    false = type(one[2])(number=3, threshold=3, fingerprint=one[2].fingerprint, data=bytes(len(one[2].data)))
    with pytest.raises(BadShares, match="not true"):
        join([one[0], one[1], false])


def test_shares_show_nothing_of_themselves_where_they_are_printed():
    share = split(ROOTS, 3, 2)[0]
    assert share.data.hex() not in repr(share)
    assert str(ROOTS.keys[4]) not in repr(ROOTS)


def test_shares_are_made_on_record_drilled_and_give_the_key_file_back(at_machine, tmp_path, capsys):
    keys, folder = at_machine, tmp_path / "shares"
    before = keys.read(keys.world.case)
    assert main(["keys", "escrow", "--shares", "5", "--threshold", "3", "--to", str(folder)]) == 0
    assert {path.stat().st_mode & 0o777 for path in pages(folder)} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    (entry,) = keys.world.events("keys.escrowed")
    fields = json.loads(entry.leaf)["fields"]
    assert (fields["shares"], fields["threshold"], fields["versions"]) == (5, 3, 1)
    written = "".join(path.read_text() for path in pages(folder))
    assert all(read(path.read_text()).data.hex() not in entry.leaf for path in pages(folder))
    assert fields["fingerprint"] in written
    assert keys.service.status().escrow == "made"

    some = [str(path) for path in pages(folder)[1:4]]
    path = key_file_path("", keys.world.config.home)
    living = path.read_bytes()
    assert main(["keys", "recover", "--drill", "--from", *some]) == 0
    assert path.read_bytes() == living
    assert json.loads(keys.world.events("keys.drilled")[0].leaf)["fields"]["result"] == "same"
    assert main(["keys", "recover", "--from", *some]) == 1
    assert "never replaced" in capsys.readouterr().err
    assert path.read_bytes() == living

    roots = LocalKeyFile(path).roots()
    path.unlink()
    assert main(["keys", "status"]) == 1
    assert "put the key file back, or recover it" in capsys.readouterr().err
    assert not path.exists()
    assert main(["keys", "recover", "--from", *some]) == 0
    assert "opens 1 of 1 areas" in capsys.readouterr().out
    assert path.stat().st_mode & 0o777 == 0o600
    again = LocalKeyFile(path).roots()
    assert (again.keys, again.current) == (roots.keys, roots.current)
    assert len(keys.world.events("keys.recovered")) == 1
    assert keys.read(keys.world.case) == before


def test_shares_of_a_key_that_was_rotated_since_are_told_apart(at_machine, tmp_path, capsys):
    folder = tmp_path / "shares"
    assert main(["keys", "escrow", "--shares", "3", "--threshold", "2", "--to", str(folder)]) == 0
    assert main(["keys", "rotate", "--root", "--reason", "a drill"]) == 0
    assert "make new ones" in capsys.readouterr().out
    assert main(["keys", "recover", "--drill", "--from", *map(str, pages(folder)[:2])]) == 1
    assert "DO NOT" in capsys.readouterr().out
    assert at_machine.service.status().escrow == "older keys"


def test_shares_go_to_paper_through_standard_output_and_back_through_standard_input(
    at_machine, monkeypatch, capsys
):
    assert main(["keys", "escrow", "--shares", "3", "--threshold", "2", "--to", "-"]) == 0
    printed = capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO("\f".join(printed.split("\f")[:2])))
    assert main(["keys", "recover", "--drill"]) == 0


@pytest.mark.parametrize("words", [("1", "1"), ("3", "4"), ("300", "2"), ("3", "1")])
def test_a_split_that_protects_nothing_is_refused_before_the_log(at_machine, tmp_path, words, capsys):
    assert main(["keys", "escrow", "--shares", words[0], "--threshold", words[1], "--to", "-"]) == 1
    assert capsys.readouterr().err.startswith("Ask for 2 to 255 shares")
    assert at_machine.world.events("keys.escrowed") == []


def test_a_folder_that_is_there_is_not_written_into(at_machine, tmp_path):
    assert main(["keys", "escrow", "--shares", "3", "--threshold", "2", "--to", str(tmp_path)]) == 1
    assert at_machine.world.events("keys.escrowed") == []


def test_of_a_key_service_nothing_can_be_split(keys, monkeypatch):
    with keys.db.reading() as session:
        monkeypatch.setattr(keys.vaults.keyring(session), "_provider", object())
    with pytest.raises(Invalid, match="key service keeps the root key"):
        keys.service.escrow(3, 2, print)


def test_the_fingerprint_tells_which_keys():
    assert fingerprint_of(ROOTS) != fingerprint_of(RootKeys(keys=ROOTS.keys, current=1, made={}))
    assert len(fingerprint_of(ROOTS)) == 16
