"""Two implementations of RFC 6962 that share no line agree, in both directions: the tests' own, the verifier's and the hub's."""

import json
import os
import random

import pytest

from hub.ledger import tree as hubs
from hub.proof.outside import verify
from tests.ledger.second import Merkle, h, root_by, roots_by

LEAVES = [h(b"leaf %d" % number) for number in range(300)]


def agree(dice):
    """One random tree: root, one inclusion, one consistency, each proved by one and checked by the others."""
    size = dice.randrange(1, 300) if dice.random() < 0.2 else dice.randrange(1, 40)
    start = dice.randrange(300 - size + 1)
    leaves = LEAVES[start : start + size]
    index, old = dice.randrange(size), dice.randrange(size + 1)
    mine, theirs, growing = Merkle(leaves), hubs.Tree(leaves), verify.Range(index)
    for cut in sorted(dice.sample(range(size + 1), min(3, size))):
        growing.extend(leaves[growing.size : cut])
    growing.extend(leaves[growing.size :])
    root, older = mine.mth(), mine.mth(0, old)
    assert root == theirs.root() == growing.root() == hubs.Frontier().extended(leaves).root
    path, proof = mine.path(index), mine.proof(old)
    assert path == theirs.inclusion(index) == growing.path()
    assert old == 0 or proof == theirs.consistency(old)
    assert root_by(index, size, leaves[index], path) == root
    assert old == 0 or roots_by(old, size, proof, older) == (older, root)
    good(size, index, leaves[index], path, root)
    assert verify.consistent(old, size, proof, older, root)
    assert hubs.continues(older, old, root, size, proof)
    spoiled(dice, (old, size, proof, older, root), (leaves[index], index, size, path, root))


def good(size, index, leaf, path, root):
    assert verify.included(leaf, index, size, path, root)
    assert hubs.includes(root, size, index, leaf, path)


def spoiled(dice, growth, inclusion):
    """One change to each proof; what is true by the definition is accepted, all else refused, by all three alike."""
    old, size, proof, older, root = growth
    leaf, index, _, path, _ = inclusion
    path, index, size_i = spoil(dice, path, index, size)
    right = 0 <= index < size_i and root_by(index, size_i, leaf, path) == root
    assert verify.included(leaf, index, size_i, path, root) == right
    assert hubs.includes(root, size_i, index, leaf, path) == right
    proof, old, size = spoil(dice, proof, old, size)
    if old == 0:
        right = not proof and older == h(b"")
    else:
        right = 0 < old <= size and roots_by(old, size, proof, older) == (older, root)
    assert verify.consistent(old, size, proof, older, root) == (right and old <= size)
    assert hubs.continues(older, old, root, size, proof) == right


def spoil(dice, proof, index, size):
    proof = list(proof)
    kind = dice.randrange(7)
    at = dice.randrange(len(proof)) if proof else 0
    if kind == 0 and proof:
        proof[at] = bytes([proof[at][0] ^ 1]) + proof[at][1:]
    elif kind == 1 and proof:
        del proof[at]
    elif kind == 2:
        proof.insert(at, h(b"more"))
    elif kind == 3 and len(proof) > 1:
        proof[0], proof[-1] = proof[-1], proof[0]
    elif kind == 4:
        index += dice.choice((-1, 1))
    elif kind == 5:
        size = max(1, size + dice.choice((-1, 1)))
    return proof, index, size


def test_random_trees_agree():
    dice = random.Random(6962)
    for _ in range(1_500):
        agree(dice)


@pytest.mark.faults
@pytest.mark.timeout(0)
def test_a_hundred_thousand_random_trees_agree():
    if os.environ.get("HUB_TEST_FAULTS") != "long":
        pytest.skip("the long run: make faults")
    dice = random.Random(int(os.environ.get("HUB_TEST_SEED", "9162")))
    for _ in range(100_000):
        agree(dice)
    print(json.dumps({"name": "log-trees", "trees": 100_000, "agreed": 100_000}))


@pytest.mark.parametrize("sizes", [(0, 1), (1, 1), (7, 8), (8, 16), (9, 16), (100, 257)])
def test_a_root_of_another_tree_is_never_reached(sizes):
    old, new = sizes
    mine = Merkle(LEAVES[:new])
    other = Merkle([h(b"other"), *LEAVES[1:new]])
    assert verify.consistent(old, new, mine.proof(old), mine.mth(0, old), mine.mth())
    if old:
        assert not verify.consistent(old, new, mine.proof(old), mine.mth(0, old), other.mth())
        assert not verify.consistent(old, new, mine.proof(old), other.mth(0, old), mine.mth())
