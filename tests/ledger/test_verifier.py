"""The verifier as an auditor runs it: true bundles hold, and whatever does not is said in one sentence."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hub.proof.outside import verify
from tests.ledger.alone import command
from tests.ledger.second import Log, Merkle, Signer, b64, dumps, h, ident, note, rows, small_log, time

PROGRAM = Path(verify.__file__)


@pytest.fixture(scope="module")
def log():
    return small_log()


@pytest.fixture
def case(log):
    return max(log.heads().items(), key=lambda pair: pair[1][0])[0]


@pytest.fixture
def whole(log, tmp_path):
    return log.write(tmp_path / "area", openings=True)


@pytest.fixture
def of_case(log, case, tmp_path):
    return log.write(tmp_path / "case", case=case, openings=True)


def kept(log, number, tmp_path):
    path = tmp_path / f"kept-{number}"
    path.write_text(log.notes[number])
    return path


def run(folder, *words):
    """(exit status, the answer as JSON)"""
    said = []
    status = verify.main([str(folder), *map(str, words), "--json"], said.append)
    assert len(said) == 1
    return status, json.loads(said[0])


def lines(folder, name="entries.jsonl"):
    return (folder / name).read_bytes().splitlines()


def refused(folder, *words, status=1):
    found, answer = run(folder, *words)
    assert found == status, answer
    assert answer["why"]
    assert answer["why"].endswith(".")
    assert answer["holds"] is (False if status == 1 else None)
    return answer


# --- what holds ------------------------------------------------------------------------------------


def test_a_true_bundle_of_an_area_and_of_a_case_holds(log, whole, of_case, case, tmp_path):
    status, answer = run(whole)
    assert (status, answer["entries"], answer["cases"], answer["openings"]) == (0, 40, len(log.heads()), 80)
    assert [key["trust"] for key in answer["keys"]] == ["as claimed by the bundle alone"]
    status, answer = run(of_case)
    assert (status, answer["entries"]) == (0, log.heads()[case][0])
    for number in range(len(log.notes)):
        for bundle in (whole, of_case):
            status, answer = run(bundle, "--checkpoint", kept(log, number, tmp_path))
            assert (status, answer["kept"]) == (0, [int(log.notes[number].split("\n")[1])])
            assert answer["keys"][0]["trust"] == "signed the checkpoint that you kept"


def test_it_is_one_file_that_runs_alone(whole, log, tmp_path):
    alone = shutil.copy(PROGRAM, tmp_path / "verify.py")
    done = subprocess.run(
        command(alone, whole, "--key", log.signer.vkey),
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "VERIFIED: 40 entries, in a log of 40, agree with 7 checkpoints."
    assert "given by you; signed 7 checkpoints" in done.stdout


def test_without_the_library_it_says_so_and_does_not_say_that_all_is_well(whole, tmp_path):
    (tmp_path / "cryptography.py").write_text("raise ImportError")
    shutil.copy(PROGRAM, tmp_path / "verify.py")

    def asked(*words):
        command = [sys.executable, "verify.py", whole, *words]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)

    done = asked()
    assert done.returncode == 2
    assert "signatures cannot be checked without the library" in done.stdout
    done = asked("--without-signatures")
    assert done.returncode == 0
    assert "Signatures were NOT checked" in done.stdout
    assert "anybody could have written these checkpoints" in done.stdout
    edited = lines(whole)
    rows(whole / "entries.jsonl", [*edited[:9], edited[9].replace(b'"done"', b'"refused"'), *edited[10:]])
    assert asked("--without-signatures").returncode == 1


def test_a_disputed_view_is_shown_with_its_proof(log, whole, of_case, case):
    for number in (1, 2, 31, 32, 33, 40):
        status, answer = run(whole, "--entry", number)
        assert status == 0
        assert dumps(answer["entry"]["leaf"]) == log.leaves[number - 1]
        assert answer["entry"]["proof"] == [b64(one) for one in Merkle(log.stored).path(number - 1)]
    mine = log.heads()[case][2]
    assert run(of_case, "--entry", mine[2])[1]["entry"]["seq"] == mine[2]
    other = next(number for number in range(1, 41) if number not in mine)
    assert "not one of this case" in refused(of_case, "--entry", other, status=2)["why"]
    assert "There is no entry 41" in refused(whole, "--entry", 41, status=2)["why"]


@pytest.mark.parametrize("words", [(), ("--processes", 2), ("--entry", 3)])
def test_a_file_that_changes_while_it_is_read_does_not_hold(whole, monkeypatch, words):
    monkeypatch.setattr(verify, "PARALLEL_FROM", 0)
    examine = verify.examine
    other = {"--entry": lambda text: text.replace(b'"done"', b'"failed"', 1)}
    changed = other.get(words[0] if words else "", lambda text: text[: text.rfind(b"\n")])
    monkeypatch.setattr(verify, "examine", lambda text, expected: examine(changed(text), expected))
    assert "changed while it was read" in refused(whole, *words)["why"]


def test_batches_and_processes_change_nothing(log, whole, monkeypatch):
    monkeypatch.setattr(verify, "CHUNK_BYTES", 2048)
    for words in ((), ("--processes", 2)):
        assert run(whole, *words)[0] == 0
        assert run(whole, "--entry", 23, *words)[0] == 0
    edited = lines(whole)
    rows(whole / "entries.jsonl", [*edited[:20], edited[20].replace(b'"done"', b'"failed"'), *edited[21:]])
    for words in ((), ("--processes", 2)):
        assert refused(whole, *words)["first_bad"] == 21


def test_entries_of_the_version_before_are_read(tmp_path):
    log, case = Log(3), ident(1001)
    for number in range(1, 6):
        body = {
            "v": 1, "area": log.area, "seq": number, "case_seq": number, "at": time(log.now), "actor": None, "role": None,
            "agency": None, "session": None, "event": "case.viewed", "operation": "consultation", "outcome": "done",
            "fields": {"case": case}, "sealed": None if number % 2 else h(b"x").hex(),
        }  # fmt: skip
        log.leaves.append(dumps(body))
        log.stored.append(h(b"\x00" + log.leaves[-1]))
    log.heads = lambda size=None: {case: (5, head(log.stored), [1, 2, 3, 4, 5])}
    log.checkpoint()
    assert run(log.write(tmp_path / "b"))[1]["why"] == ""
    assert run(log.write(tmp_path / "c", case=case))[0] == 0


def head(hashes):
    found = bytes(32)
    for one in hashes:
        found = h(b"\x02" + found + one)
    return found


# --- keys and witnesses ----------------------------------------------------------------------------


def test_only_keys_that_you_trust_count_once_you_trust_any(log, whole, of_case, tmp_path):
    other = Signer(log.origin, h(b"another"))
    for bundle in (whole, of_case):
        assert "the bundle alone vouches for" in refused(bundle, "--key", other.vkey)["why"]
        assert run(bundle, "--key", log.signer.vkey)[0] == 0
    elsewhere = Signer("mappa-hub/x/y", h(b"another"))
    assert "of another log" in refused(whole, "--key", elsewhere.vkey)["why"]
    for wrong in ("x", log.signer.vkey[:-4] + "AAAA", Signer("w", h(b"w"), 4).vkey):
        assert run(whole, "--key", wrong)[0] == 2


def test_a_story_signed_with_a_key_of_ones_own_is_found_by_what_was_kept(log, tmp_path):
    """The bundle names both keys; the old one signs the beginning."""
    forged = small_log()
    forged.signer = Signer(forged.origin, h(b"forger"))
    forged.add()
    forged.checkpoint()
    bundle = forged.write(tmp_path / "b", keys=[log.signer.vkey, forged.signer.vkey])
    assert run(bundle)[0] == 0
    answer = refused(bundle, "--checkpoint", kept(log, 3, tmp_path))
    assert (answer["bad_checkpoint"], "the bundle alone" in answer["why"]) == (8, True)


def test_a_second_story_of_the_same_key_is_found_by_what_was_kept(log, tmp_path):
    other = small_log(seed=2)
    other.signer = log.signer
    other.notes = []
    for size in (7, 14, 40):
        other.checkpoint(size)
    for case in (None, max(other.heads().items(), key=lambda pair: pair[1][0])[0]):
        bundle = other.write(tmp_path / f"b{case}", case=case)
        assert run(bundle)[0] == 0
        answer = refused(bundle, "--checkpoint", kept(log, 2, tmp_path))
        assert case or (answer["first_bad"], answer["first_bad_at_most"]) == (1, 14)
        assert (
            "could not be compared" in refused(bundle, "--checkpoint", kept(log, 3, tmp_path))["why"]
            or not case
        )


def test_a_kept_checkpoint_with_other_case_heads_over_the_same_entries_is_a_second_story(
    log, whole, of_case, tmp_path
):
    """Signed by the same key: with it an entry of a case could be kept back from one who is shown that case alone."""
    body = log.notes[-1].rpartition("\n\n")[0].split("\n")
    body[4] = f"{body[4].rpartition(' ')[0]} {b64(h(b'other heads'))}"
    text = "".join(f"{line}\n" for line in body)
    path = tmp_path / "other-heads"
    path.write_text(note(text, log.signer.line(text)))
    for bundle in (whole, of_case):
        assert run(bundle, "--checkpoint", kept(log, 6, tmp_path))[0] == 0
        assert "two stories" in refused(bundle, "--checkpoint", path)["why"]


def test_a_rollback_is_found_by_what_was_kept_and_by_nothing_else(log, case, tmp_path):
    old = small_log()
    old.notes = old.notes[:4]
    for scope in (None, case):
        bundle = old.write(tmp_path / f"b{scope}", case=scope, **({} if scope else {"entries": 21}))
        rows(bundle / "entries.jsonl", lines(bundle)[:21])
        if scope is None:
            (bundle / "leaf-hashes.bin").write_bytes(b"".join(old.stored[:21]))
        assert run(bundle)[0] == 0
        answer = refused(bundle, "--checkpoint", kept(log, 6, tmp_path))
        assert "the log was cut or set back" in answer["why"]
        assert answer["first_bad"] == 22


def test_witnesses_are_counted_and_a_named_one_is_required(tmp_path):
    log, good, idle = small_log(), Signer("w.example/1", h(b"w1"), 4), Signer("w.example/2", h(b"w2"), 4)
    log.witnesses = [good]
    log.checkpoint()
    bundle = log.write(tmp_path / "b")
    status, answer = run(bundle, "--witness", good.vkey)
    assert (status, answer["witnesses"][0]["signed"], answer["witnesses"][0]["trust"]) == (
        0,
        1,
        "given by you",
    )
    assert "has cosigned no checkpoint" in refused(bundle, "--witness", idle.vkey)["why"]
    body = log.body()
    line = good.line(body, 1700000000)
    raw = verify.read_base64(line.split(" ")[2].strip())
    later = b64(raw[:4] + (1700000001).to_bytes(8, "big") + raw[12:])
    log.notes[-1] = note(body, log.signer.line(body), f"\u2014 {good.name} {later}\n")
    assert "w.example/1 does not verify" in refused(log.write(tmp_path / "c"))["why"]


# --- what does not hold: checkpoints -----------------------------------------------------------------


def rewrite(bundle, change):
    notes = [json.loads(line) for line in lines(bundle, "checkpoints.jsonl")]
    rows(bundle / "checkpoints.jsonl", [dumps(one) for one in change(notes)])


def test_a_checkpoint_that_is_not_signed_or_of_another_log_is_named(log, whole, tmp_path):
    true = log.notes[2]
    body = true.split("\n\n")[0] + "\n"
    elsewhere = body.replace("mappa-hub/", "mappa-hut/", 1)
    changed = {
        "does not verify": true.replace("\n14\n", "\n15\n"),
        "signed by no key": note(body, Signer("elsewhere", h(b"e")).line(body)),
        "of another log": note(elsewhere, log.signer.line(elsewhere)),
        "is no checkpoint": true.replace("at 2026", "on 2026", 1),
    }
    for told, text in changed.items():
        bundle = shutil.copytree(whole, tmp_path / told)
        rewrite(bundle, lambda notes, text=text: [*notes[:2], text, *notes[3:]])
        answer = refused(bundle)
        assert (told in answer["why"], answer["bad_checkpoint"]) == (True, 3), answer["why"]


def test_checkpoints_out_of_order_are_named(whole):
    rewrite(whole, lambda notes: [*notes[:2], notes[3], notes[2], *notes[4:]])
    assert refused(whole)["bad_checkpoint"] == 4


def test_two_checkpoints_of_one_size_must_say_the_same(tmp_path):
    log = small_log()
    log.leaves[4], true = log.leaves[4].replace(b'"done"', b'"failed"'), log.leaves[4]
    log.checkpoint()
    log.leaves[4] = true
    answer = refused(log.write(tmp_path / "b"))
    assert (answer["bad_checkpoint"], "as many entries and differ" in answer["why"]) == (8, True)


def test_a_silence_is_told_with_its_ends_and_is_no_tampering(tmp_path):
    log = small_log()
    before = log.now
    log.now = log.now.replace(hour=11)
    log.checkpoint()
    status, answer = run(log.write(tmp_path / "b"))
    gap = answer["gaps"][0]
    assert (status, answer["gap_count"], gap["from"]) == (0, 1, before.isoformat())
    assert gap["seconds"] == (log.now - before).total_seconds() // 1
    late = time(log.now.replace(hour=12))
    assert run(log.write(tmp_path / "c", made_at=late))[1]["gap_count"] == 2
    assert run(log.write(tmp_path / "d"), "--heartbeat", 99999)[1]["gap_count"] == 0


# --- what does not hold: entries -------------------------------------------------------------------


def test_the_first_bad_entry_is_named_exactly_or_between_two_checkpoints(log, whole):
    true = lines(whole)
    for at in (0, 5, 17, 39):
        edited = true[at].replace(b'"outcome":"done"', b'"outcome":"failed"')
        rows(whole / "entries.jsonl", [*true[:at], edited, *true[at + 1 :]])
        answer = refused(whole)
        assert (answer["first_bad"], answer["first_bad_at_most"]) == (at + 1, at + 1), (
            "the hub's own list of hashes"
        )
        assert "is not what the checkpoint" in answer["why"]
        (whole / "leaf-hashes.bin").rename(whole / "away")
        answer = refused(whole)
        assert answer["first_bad"] <= at + 1 <= answer["first_bad_at_most"] <= answer["first_bad"] + 6
        (whole / "away").rename(whole / "leaf-hashes.bin")


def test_a_list_of_hashes_that_lies_is_found_too(log, whole):
    data = bytearray((whole / "leaf-hashes.bin").read_bytes())
    data[32 * 11] ^= 1
    (whole / "leaf-hashes.bin").write_bytes(data)
    answer = refused(whole)
    assert (answer["first_bad"], "is what was signed" in answer["why"]) == (12, True)
    (whole / "leaf-hashes.bin").write_bytes(b"".join(log.stored) + b"x")
    assert "more hashes" in refused(whole)["why"]
    (whole / "leaf-hashes.bin").write_bytes(b"".join(log.stored)[:-32])
    assert refused(whole)["first_bad"] == 40


BROKEN = {
    "canonical form": lambda body: json.dumps(body, sort_keys=True).encode(),
    "not JSON": lambda body: dumps(body | {"fields": {"page": 1.5}}),
    "nested": lambda body: dumps(body | {"fields": {"page": {"x": 1}}}),
    "more members": lambda body: dumps(body | {"more": 1}),
    "fewer": lambda body: dumps({k: v for k, v in body.items() if k != "private"}),
    "area": lambda body: dumps(body | {"area": ident(9)}),
    "number": lambda body: dumps(body | {"seq": 99}),
    "boolean number": lambda body: dumps(body | {"seq": True}),
    "case number": lambda body: dumps(body | {"case": ident(1000), "case_seq": 77}),
    "case without number": lambda body: dumps(body | {"case": ident(1000), "case_seq": None}),
    "outcome": lambda body: dumps(body | {"outcome": "odd"}),
    "operation": lambda body: dumps(body | {"operation": "odd"}),
    "time": lambda body: dumps(body | {"at": "2026-02-30T09:00:00.000000+00:00"}),
    "hour": lambda body: dumps(body | {"at": "2026-02-20T24:00:00.000000+00:00"}),
    "commitment": lambda body: dumps(body | {"private": {"address": "zz"}}),
    "actor": lambda body: dumps(body | {"actor": 7}),
    "version": lambda body: dumps(body | {"v": 3}),
    "not an object": lambda body: b"[]",
    "empty": lambda body: b"",
    "not UTF-8": lambda body: b"\xff",
    "carriage return": lambda body: dumps(body) + b"\r",
    "twice": lambda body: dumps(body)[:-1] + b',"v":2}',
    "twice in the fields": lambda body: dumps(body | {"fields": {}}).replace(b'"fields":{}', b'"fields":{"a":1,"a":1}'),
    "out of order in the fields": lambda body: dumps(body | {"fields": {}}).replace(b'"fields":{}', b'"fields":{"b":1,"a":1}'),
    "escaped for nothing": lambda body: dumps(body | {"role": "x"}).replace(b'"x"', b'"\\u0078"'),
    "lone surrogate": lambda body: dumps(body | {"role": "x"}).replace(b'"x"', b'"\\ud800"'),
    "NaN": lambda body: dumps(body | {"fields": {"page": 1}}).replace(b'"page":1', b'"page":NaN'),
    "huge number": lambda body: dumps(body | {"fields": {"page": 1}}).replace(b'"page":1', b'"page":' + b"9" * 5000),
    "a bit too great": lambda body: dumps(body | {"fields": {"page": 2**53}}),
    "minus zero": lambda body: dumps(body | {"fields": {"page": 1}}).replace(b'"page":1', b'"page":-0'),
    "leading zero": lambda body: dumps(body | {"fields": {"page": 1}}).replace(b'"page":1', b'"page":01'),
    "deep": lambda body: b'{"a":' * 100_000,
    "deep list": lambda body: dumps(body | {"fields": {}}).replace(b'"fields":{}', b'"fields":' + b"[" * 99999 + b"]" * 99999),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_an_entry_that_is_not_of_the_format_is_named(log, whole, of_case, case, what):
    mine = log.heads()[case][2]
    for bundle, at in ((whole, 22), (of_case, 3)):
        true = lines(bundle)
        changed = BROKEN[what](json.loads(true[at]))
        assert changed != true[at]
        rows(bundle / "entries.jsonl", [*true[:at], changed, *true[at + 1 :]])
        assert refused(bundle)["first_bad"] == at + 1, (what, mine)


@pytest.mark.parametrize("escape", ['"', "\\", "\n", "\x01", "é", "\x7f", "𝄞", "\u2028"])
def test_canonical_entries_that_the_quick_pattern_does_not_know_are_read(tmp_path, escape):
    log = Log(4)
    for _ in range(200):
        log.add(fields={"a": escape, "b": [escape, 1, None, True]})
        log.add()
    log.checkpoint()
    assert run(log.write(tmp_path / "b"))[0] == 0


def test_missing_added_and_moved_entries_are_named(log, whole):
    true = lines(whole)
    bundles = {
        12: [*true[:11], *true[12:]],
        13: [*true[:12], true[13], true[12], *true[14:]],
        20: [*true[:19], true[3], *true[19:]],
        40: true[:-1],
        41: [*true, true[-1]],
        1: [],
    }
    for first, changed in bundles.items():
        rows(whole / "entries.jsonl", changed)
        assert refused(whole)["first_bad_at_most"] == first


def test_an_entry_kept_back_of_a_case_is_found(log, of_case, case):
    true, proofs = lines(of_case), lines(of_case, "proofs.jsonl")
    manifest = json.loads((of_case / "manifest.json").read_bytes())
    for cut, first in ((len(true) - 1, len(true)), (4, 5)):
        rows(of_case / "entries.jsonl", [*true[:cut], *true[cut + 1 :]])
        rows(of_case / "proofs.jsonl", [*proofs[:cut], *proofs[cut + 1 :]])
        (of_case / "manifest.json").write_bytes(dumps(manifest | {"entries": len(true) - 1}))
        assert refused(of_case)["first_bad"] == first


@pytest.mark.parametrize("name", ["proofs.jsonl", "consistency.jsonl", "head.json", "heads.jsonl"])
def test_a_proof_that_is_changed_cut_or_gone_proves_nothing(whole, of_case, name):
    bundle = whole if name == "heads.jsonl" else of_case
    true = (bundle / name).read_bytes()
    at = true.index(b'"proof":["') + 12 if b'"proof":["' in true else true.index(b'"head":"') + 9
    other = b"B" if true[at : at + 1] == b"A" else b"A"
    if name == "heads.jsonl":
        other = b"1" if true[at : at + 1] == b"0" else b"0"
    for changed in (
        true[:at] + other + true[at + 1 :],
        true[: len(true) // 2],
        b"",
        true + b"{}\n",
        b"[]\n",
        b"\xff\n",
    ):
        (bundle / name).write_bytes(changed)
        refused(bundle)
    (bundle / name).unlink()
    assert "missing" in refused(bundle)["why"]


def test_the_case_heads_are_held_against_the_entries_and_the_checkpoint(tmp_path):
    log = small_log().add()
    true = log.head_leaves
    log.head_leaves = lambda size=None: true(size)[:-1]
    log.checkpoint()
    assert "heads.jsonl names" in refused(log.write(tmp_path / "b"))["why"]
    log.head_leaves = true
    assert "are not those that the newest checkpoint signs" in refused(log.write(tmp_path / "c"))["why"]


def test_openings_are_held_against_the_commitments(whole, of_case):
    for bundle in (whole, of_case):
        true = [json.loads(line) for line in lines(bundle, "openings.jsonl")]
        seq = true[6]["seq"]
        other = {**true[6], "value": "192.0.2.8"}, {**true[6], "salt": "00" * 16}
        for changed in other:
            rows(bundle / "openings.jsonl", [dumps(one) for one in [*true[:6], changed, *true[7:]]])
            assert refused(bundle)["first_bad"] == seq
        for changed in (
            [*true, {**true[0], "seq": 9999}],
            [true[1], true[0]],
            [true[0], true[0]],
            [{"seq": 1}],
            [7],
        ):
            rows(bundle / "openings.jsonl", [dumps(one) for one in changed])
            refused(bundle)


# --- bundles made to harm --------------------------------------------------------------------------


def test_what_is_no_bundle_is_said_to_be_none(tmp_path, whole):
    assert run(tmp_path / "nowhere")[0] == 2
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty")[0] == 2
    assert run(whole, "--checkpoint", tmp_path / "none")[0] == 2
    (tmp_path / "noise").write_bytes(os.urandom(5000))
    assert run(whole, "--checkpoint", tmp_path / "noise")[0] == 2
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "manifest.json").write_text('{"format": "something/9"}')
    assert run(tmp_path / "other")[0] == 2


MANIFESTS = [b"", b"[]", b"\xff", b'{"a":' * 99999, b'{"format":1,"format":2}', b"x" * (2 << 20), b'{"format":NaN}',
             b'{"format":"mappa-hub/log-export/1"}', b"9" * 9999]  # fmt: skip


@pytest.mark.parametrize("number", range(len(MANIFESTS)))
def test_a_manifest_that_is_none_is_a_sentence(whole, number):
    (whole / "manifest.json").write_bytes(MANIFESTS[number])
    status, answer = run(whole)
    assert status in (1, 2)
    assert answer["why"]


@pytest.mark.parametrize(
    "change",
    [
        {"size": -1}, {"size": 2**60}, {"size": True}, {"entries": 39}, {"entries": "40"}, {"scope": "all"}, {"case": "x"},
        {"hub": "../.."}, {"area": ident(7)}, {"origin": "x"}, {"keys": "x"}, {"keys": ["x"] * 999}, {"keys": [1]},
        {"keys": []}, {"witnesses": ["a+b+c"]}, {"made_at": "soon"}, {"made_at": 5}, {"size": 41, "entries": 41},
        {"scope": "case", "case": ident(1000)},
    ],
    ids=str,
)  # fmt: skip
def test_a_manifest_that_does_not_fit_is_a_sentence(whole, change):
    manifest = json.loads((whole / "manifest.json").read_bytes())
    (whole / "manifest.json").write_bytes(dumps(manifest | change))
    refused(whole)


@pytest.mark.parametrize("name", ["manifest.json", "entries.jsonl", "checkpoints.jsonl", "heads.jsonl"])
def test_links_pipes_and_folders_are_not_followed(whole, tmp_path, name):
    true = tmp_path / "true"
    (whole / name).rename(true)
    makers = (
        lambda p: p.symlink_to(true),
        os.mkfifo,
        lambda p: p.mkdir(),
        lambda p: p.symlink_to("/dev/zero"),
    )
    for make in makers:
        make(whole / name)
        assert "not a plain file" in refused(whole)["why"]
        (whole / name).rmdir() if (whole / name).is_dir() else (whole / name).unlink()
    status, answer = run(whole)
    assert status in (1, 2), answer


def test_absurd_files_take_no_memory(log, whole, case, tmp_path):
    """Sparse files of 3 GB: a line without end, and lines without content."""
    for name in ("entries.jsonl", "checkpoints.jsonl", "heads.jsonl", "openings.jsonl", "leaf-hashes.bin"):
        bundle = tmp_path / name
        shutil.copytree(whole, bundle)
        with (bundle / name).open("r+b") as file:
            file.truncate(3 << 30)
        command = [sys.executable, PROGRAM, bundle, "--processes", "1"]

        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))

        done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limit)
        assert (done.returncode, done.stderr) == (1, ""), done.stdout
        assert "DOES NOT HOLD" in done.stdout


def test_what_a_stranger_wrote_cannot_drive_the_terminal(log, tmp_path):
    forged = small_log()
    forged.origin = "evil\x9b2J\u202e\x85"
    body = forged.body()
    forged.notes[2] = note(body, forged.signer.line(body))
    said = []
    assert verify.main([str(forged.write(tmp_path / "b", origin=log.origin))], said.append) == 1
    assert "\n".join(said).isascii()
    assert all(line.isprintable() for line in said)
