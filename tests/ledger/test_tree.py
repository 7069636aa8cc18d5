"""The tree against RFC 6962's own definitions, written out again here as they stand, and its published roots."""

import hashlib
import random

import pytest

from hub.ledger.tree import EMPTY_ROOT, Frontier, Tree, consistency_from, continues, includes, leaf_hash

INPUTS = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
"""Of the first 1 to 8 inputs: the vectors of the Certificate Transparency project's own tests."""


def mth(d):
    """RFC 6962 section 2.1."""
    n = len(d)
    if n == 0:
        return hashlib.sha256(b"").digest()
    if n == 1:
        return hashlib.sha256(b"\x00" + d[0]).digest()
    k = largest(n)
    return hashlib.sha256(b"\x01" + mth(d[:k]) + mth(d[k:])).digest()


def path(m, d):
    """Section 2.1.1."""
    n = len(d)
    if n == 1:
        return []
    k = largest(n)
    return [*path(m, d[:k]), mth(d[k:])] if m < k else [*path(m - k, d[k:]), mth(d[:k])]


def subproof(m, d, b):
    """Section 2.1.2."""
    n = len(d)
    if m == n:
        return [] if b else [mth(d)]
    k = largest(n)
    if m <= k:
        return [*subproof(m, d[:k], b), mth(d[k:])]
    return [*subproof(m - k, d[k:], False), mth(d[:k])]


def largest(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def test_the_published_roots():
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for size, root in enumerate(ROOTS, 1):
        hashes = [leaf_hash(leaf) for leaf in INPUTS[:size]]
        assert Frontier().extended(hashes).root.hex() == root
        assert Tree(hashes).root().hex() == root


@pytest.mark.parametrize("size", range(1, 66))
def test_every_root_and_proof_of_small_trees_is_the_standards(size):
    leaves = [bytes([size, at]) for at in range(size)]
    hashes = [leaf_hash(leaf) for leaf in leaves]
    tree, root = Tree(hashes), mth(leaves)
    assert tree.root() == Frontier().extended(hashes).root == root
    for index in range(size):
        proof = tree.inclusion(index)
        assert proof == path(index, leaves)
        assert includes(root, size, index, hashes[index], proof)
    for old in range(1, size + 1):
        proof = tree.consistency(old)
        assert proof == subproof(old, leaves, True)
        assert continues(mth(leaves[:old]), old, root, size, proof)
        assert consistency_from(Frontier().extended(hashes[:old]), hashes[old:]) == proof
    assert continues(EMPTY_ROOT, 0, root, size, [])


@pytest.mark.parametrize("seed", range(200))
def test_no_wrong_proof_passes(seed):
    dice = random.Random(seed)
    size = dice.randrange(2, 200)
    hashes = [dice.randbytes(32) for _ in range(size)]
    tree, index, old = Tree(hashes), dice.randrange(size), dice.randrange(1, size)
    root, older = tree.root(), tree.root(old)
    for proof, holds in (
        (tree.inclusion(index), lambda p: includes(root, size, index, hashes[index], p)),
        (tree.consistency(old), lambda p: continues(older, old, root, size, p)),
    ):
        assert holds(proof)
        assert not holds([*proof, bytes(32)])
        assert not holds(proof[:-1])
        at = dice.randrange(len(proof))
        assert not holds([*proof[:at], bytes([proof[at][0] ^ 1]) + proof[at][1:], *proof[at + 1 :]])
    proof = tree.inclusion(index)
    assert not includes(root, size, (index + 1) % size, hashes[index], proof)
    assert not includes(root, size, size, hashes[index], proof)
    assert not includes(root, size, -1, hashes[index], proof)
    assert not continues(root, size, older, old, tree.consistency(old)), (
        "a tree does not continue a larger one"
    )
    assert not continues(bytes(32), 0, root, size, [])
    assert not continues(older, size, root, size, [])


@pytest.mark.parametrize("seed", range(50))
def test_a_frontier_grows_in_any_steps_to_the_same_root_and_survives_as_bytes(seed):
    dice = random.Random(seed)
    hashes, frontier = [dice.randbytes(32) for _ in range(dice.randrange(500))], Frontier()
    done = 0
    while done < len(hashes):
        step = dice.randrange(1, 60)
        frontier = Frontier.of(frontier.size, bytes(frontier)).extended(hashes[done : done + step])
        done += step
    assert (frontier.size, frontier.root) == (len(hashes), Tree(hashes).root())


@pytest.mark.parametrize(
    ("size", "data"), [(1, b""), (0, bytes(32)), (3, bytes(32)), (1, bytes(31)), (2, bytes(33))]
)
def test_a_frontier_that_fits_no_tree_of_its_size_is_refused(size, data):
    with pytest.raises(ValueError, match="fits no tree"):
        Frontier.of(size, data)


def test_proofs_outside_the_tree_are_errors():
    tree = Tree([bytes(32)] * 5)
    for wrong in (lambda: tree.inclusion(5), lambda: tree.inclusion(-1), lambda: tree.consistency(0),
                  lambda: tree.consistency(6), lambda: tree.root(6), lambda: tree.inclusion(3, 3)):  # fmt: skip
        with pytest.raises(IndexError):
            wrong()
