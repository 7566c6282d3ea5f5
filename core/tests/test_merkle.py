"""The root over a log is the one that anybody else computes."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from core.eventlog.merkle import MerkleTree


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1, as it stands there."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


class TestMerkleTree:
    @given(st.lists(st.binary(max_size=40), max_size=70))
    def test_has_the_root_that_the_rfc_defines(self, leaves: list[bytes]) -> None:
        tree = MerkleTree()
        for count, leaf in enumerate(leaves):
            assert tree.root() == naive_root(leaves[:count])
            tree.append(leaf)
        assert (tree.root(), tree.count) == (naive_root(leaves), len(leaves))

    def test_has_the_roots_of_certificate_transparency(self) -> None:
        """Its reference implementation's test vectors; whoever verifies in another language has them too."""
        tree = MerkleTree()
        leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
        for leaf in leaves:
            tree.append(bytes.fromhex(leaf))
        assert tree.root().hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
