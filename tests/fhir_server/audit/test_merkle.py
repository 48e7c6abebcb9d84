"""Trees and proofs: as RFC 9162 defines them, and nothing else leads to the root."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.audit.merkle import Invalid, Tree, leaf, path, root_by


def defined(leaves: list[bytes]) -> bytes:
    """Return the Merkle Tree Hash by its definition (RFC 9162, 2.1.1)."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return sha256(b"\x01" + defined(leaves[:half]) + defined(leaves[half:])).digest()


def some(size: int) -> list[bytes]:
    return [leaf("c", seq, sha256(str(seq).encode()).digest()) for seq in range(size)]


@given(st.integers(0, 200))
def test_a_tree_that_grew_has_the_root_of_the_definition(size: int) -> None:
    tree = Tree(some(size))
    assert (tree.root(), tree.size) == (defined(some(size)), size)


@given(st.integers(1, 200), st.data())
def test_a_path_leads_to_the_root_from_its_own_leaf_alone(size: int, data: st.DataObject) -> None:
    leaves = some(size)
    index = data.draw(st.integers(0, size - 1))
    proof, root = path(leaves, index), defined(leaves)
    assert len(proof) <= (size - 1).bit_length()
    assert root_by(proof, leaves[index], index, size) == root
    other = data.draw(st.integers(0, size - 1).filter(lambda each: each != index or size == 1))
    if size > 1:
        assert root_by(proof, leaves[other], index, size) != root
        wrong = list(proof)
        at = data.draw(st.integers(0, len(wrong) - 1))
        wrong[at] = sha256(wrong[at]).digest()
        assert root_by(wrong, leaves[index], index, size) != root
        with pytest.raises(Invalid, match="too short"):
            root_by(proof[:-1], leaves[index], index, size)
    with pytest.raises(Invalid, match="too long"):
        root_by([*proof, root], leaves[index], index, size)
    with pytest.raises(Invalid, match="no leaf"):
        root_by(proof, leaves[index], size, size)


def test_a_leaf_is_bound_to_its_place() -> None:
    digest = sha256(b"line").digest()
    assert len({leaf("c", 1, digest), leaf("c", 2, digest), leaf("d", 1, digest), leaf("c", 1, sha256(b"x").digest())}) == 4
