"""Whoever holds the disk and the database's rows may change them; nothing false is ever read."""

import dataclasses
import json
import os
import random
from dataclasses import asdict, astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.errors import StorageError, Tampered, WrongKey
from storage.keys import Keyring, LocalKeyFile
from storage.names import new_id
from storage.receipts import ReceiptBook
from storage.sealed import SEGMENT
from storage.stores import MemoryStore
from storage.vault import SealedObject, Vault

ROUNDS, ALL_ROUNDS = 3_000, 50_000
"""Mutations in all, of the ordinary suite and of `make faults`, which keeps what came of them."""
EVIDENCE = Path(__file__).resolve().parents[2] / "docs" / "evidence" / "mutations.json"
SIZES = [0, 1, 700, 70_000, SEGMENT + 500, 2 * SEGMENT + 900]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    vault: Vault
    record: SealedObject
    content: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """What the attacker leaves for the reader: these bytes under this record's name, asked of this vault."""

    vault: Vault
    record: SealedObject
    sealed: bytes


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    store, receipts = MemoryStore(), ReceiptBook()
    provider = LocalKeyFile.create(tmp_path_factory.mktemp("keys") / "root.json")
    keyring = Keyring(provider, hub=new_id(), store=store, receipts=receipts)
    held = [item for _ in range(2) for item in area_of(keyring, store)]
    return store, receipts, held


def area_of(keyring, store):
    area = new_id()
    area_key = keyring.new_area_key(area)
    for _ in range(2):
        case = new_id()
        vault = keyring.case_vault(area_key, keyring.new_case_key(area_key, area, case), area, case)
        yield from case_of(vault, store)


def case_of(vault, store):
    chance = random.Random(5)
    for size in SIZES:
        object_id = new_id()
        for version in (1, 2):
            content = chance.randbytes(size)
            record = vault.put("document", [content], object_id=object_id, version=version)
            yield Held(vault=vault, record=record, content=content, sealed=store._objects[record.name])


def flip(target, others, chance):
    changed = bytearray(target.sealed)
    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return Attack(vault=target.vault, record=target.record, sealed=bytes(changed))


def truncate(target, others, chance):
    cut = chance.choice([chance.randrange(len(target.sealed)), (len(target.sealed) - 1) // SEGMENT * SEGMENT])
    return Attack(vault=target.vault, record=lying(target, cut), sealed=target.sealed[:cut])


def extend(target, others, chance):
    longer = target.sealed + chance.randbytes(chance.choice([1, 16, 17, 4096]))
    return Attack(vault=target.vault, record=lying(target, len(longer)), sealed=longer)


def lying(target, sealed_size):
    """The attacker also corrects the row's lengths, so that the ciphertext itself must give him away."""
    segments = max(1, -(-sealed_size // SEGMENT))
    return dataclasses.replace(
        target.record, sealed_size=sealed_size, size=max(0, sealed_size - 40 - 16 * segments)
    )


def reorder(target, others, chance):
    parts = [target.sealed[at : at + SEGMENT] for at in range(0, len(target.sealed), SEGMENT)]
    if len(parts) < 3:
        return flip(target, others, chance)
    one, other = chance.sample(range(len(parts) - 1), 2)
    parts[one], parts[other] = parts[other], parts[one]
    return Attack(vault=target.vault, record=target.record, sealed=b"".join(parts))


def graft(target, others, chance):
    """One stretch of another object's ciphertext, at the same place."""
    donor = chance.choice([other for other in others if other is not target])
    end = min(len(target.sealed), len(donor.sealed))
    at = chance.randrange(end)
    mixed = target.sealed[:at] + donor.sealed[at:end] + target.sealed[end:]
    return Attack(vault=target.vault, record=target.record, sealed=mixed)


def swap(target, others, chance):
    donor = chance.choice([other for other in others if other is not target])
    return Attack(vault=target.vault, record=lying(target, len(donor.sealed)), sealed=donor.sealed)


def older(target, others, chance):
    """Version 1's bytes and key under the row of version 2, and the other way round."""
    mate = next(o for o in others if o is not target and o.record.object_id == target.record.object_id)
    record = dataclasses.replace(
        mate.record, version=target.record.version, name=target.record.name, sha256=target.record.sha256
    )
    return Attack(vault=target.vault, record=record, sealed=mate.sealed)


def move(target, others, chance):
    """A whole object, row, key and bytes, taken to another case or to another object's id."""
    host = chance.choice([other for other in others if other.record.object_id != target.record.object_id])
    record = dataclasses.replace(
        target.record, object_id=host.record.object_id, name=host.record.name, version=host.record.version
    )
    return Attack(vault=host.vault, record=record, sealed=target.sealed)


def rekind(target, others, chance):
    return Attack(
        vault=target.vault, record=dataclasses.replace(target.record, kind="page"), sealed=target.sealed
    )


def rewrapped(target, others, chance):
    donor = chance.choice([other for other in others if other is not target])
    record = dataclasses.replace(target.record, wrapped_key=donor.record.wrapped_key)
    return Attack(vault=target.vault, record=record, sealed=target.sealed)


def crossed(target, others, chance):
    """One's row, key included, over another's bytes and the other way round, whatever case they are of."""
    donor = chance.choice([other for other in others if other is not target])
    record = dataclasses.replace(
        donor.record,
        object_id=target.record.object_id,
        version=target.record.version,
        kind=target.record.kind,
        name=target.record.name,
    )
    return Attack(vault=target.vault, record=record, sealed=chance.choice([target.sealed, donor.sealed]))


def older_bytes(target, others, chance):
    """The row as it is; beneath it the other version's bytes, true and whole."""
    mate = next(o for o in others if o is not target and o.record.object_id == target.record.object_id)
    return Attack(vault=target.vault, record=lying(target, len(mate.sealed)), sealed=mate.sealed)


def elsewhere(target, others, chance):
    """The row and the bytes untouched, asked of another case's vault under its own name there."""
    host = chance.choice([other for other in others if other.vault is not target.vault])
    area, case = host.vault.area, host.vault.case
    record = dataclasses.replace(
        target.record, name=f"{area}/{case}/{target.record.object_id}.{target.record.version}"
    )
    return Attack(vault=host.vault, record=record, sealed=target.sealed)


ATTACKS = [flip, truncate, extend, reorder, graft, swap, older, move, rekind, rewrapped]
ATTACKS += [crossed, older_bytes, elsewhere]


def released(attack: Attack, store: MemoryStore, receipts: ReceiptBook) -> tuple[bytes, StorageError | None]:
    """All the bytes a reader gets before the refusal, and the refusal."""
    vault, record, got = attack.vault, attack.record, bytearray()
    before, store._objects[record.name] = store._objects.get(record.name), attack.sealed
    receipt = receipts.mint(
        entry=1, area=vault.area, case=vault.case, objects=frozenset([record.object_id]), purpose="person"
    )
    try:
        with vault.open(record, receipt) as reader:
            for chunk in reader.chunks():
                got += chunk
    except StorageError as refusal:
        return bytes(got), refusal
    finally:
        if before is None:
            del store._objects[record.name]
        else:
            store._objects[record.name] = before
    return bytes(got), None


@dataclass(slots=True)
class Tally:
    """What came of mutations: how many, how many were refused as altered, and what the readers had been given before.

    ``bytes_true`` were authenticated, of whole segments before the altered one; ``bytes_false`` are anything else.
    """

    mutations: int = 0
    refused: int = 0
    bytes_true: int = 0
    bytes_false: int = 0

    def add(self, target: Held, got: bytes, refusal: StorageError | None) -> None:
        self.mutations += 1
        self.refused += isinstance(refusal, Tampered | WrongKey)
        if target.content.startswith(got):
            self.bytes_true += len(got)
        else:
            self.bytes_false += len(got)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_every_mutation_is_refused_and_nothing_false_is_released(attack, scene):
    check(attack, tried(attack, scene, rounds_of(ROUNDS), seed="ordinary"), rounds_of(ROUNDS))


@pytest.mark.faults
@pytest.mark.skipif(os.environ.get("HUB_TEST_FAULTS") != "long", reason="`make faults` runs it")
@pytest.mark.timeout(0)
def test_each_of_50_000_mutations_is_refused(scene):
    tallies = {attack.__name__: tried(attack, scene, rounds_of(ALL_ROUNDS), seed="all") for attack in ATTACKS}
    total = [sum(column) for column in zip(*(astuple(one) for one in tallies.values()), strict=True)]
    told = {"all": asdict(Tally(*total)), **{name: asdict(one) for name, one in tallies.items()}}
    EVIDENCE.write_text(json.dumps({"at": f"{datetime.now(UTC):%Y-%m-%d}", **told}, indent=1) + "\n")
    for attack in ATTACKS:
        check(attack, tallies[attack.__name__], rounds_of(ALL_ROUNDS))


def rounds_of(total: int) -> int:
    return -(-total // len(ATTACKS))


def tried(attack, scene, rounds: int, seed: str) -> Tally:
    """As many mutations, each different from what was sealed."""
    store, receipts, held = scene
    chance, tally = random.Random(f"{attack.__name__} {seed}"), Tally()
    while tally.mutations < rounds:
        target = chance.choice(held)
        made = attack(target, held, chance)
        if made.sealed != target.sealed or made.record != target.record or made.vault is not target.vault:
            tally.add(target, *released(made, store, receipts))
    return tally


def check(attack, tally: Tally, rounds: int) -> None:
    assert (tally.mutations, tally.refused, tally.bytes_false) == (rounds, rounds, 0)
    if attack not in (flip, reorder, graft):
        assert tally.bytes_true == 0


def test_untouched_objects_of_the_scene_read_whole(scene):
    store, receipts, held = scene
    for item in held:
        plain = Attack(vault=item.vault, record=item.record, sealed=item.sealed)
        assert released(plain, store, receipts) == (item.content, None)
