"""The Merkle tree hash of RFC 9162, section 2.1.1, fed one leaf at a time."""

from hashlib import sha256

# Different prefixes, so that no leaf can pass for a node.
LEAF, NODE = b"\x00", b"\x01"


class MerkleTree:
    """The root over leaves in the order they came; memory grows with the logarithm of their number."""

    def __init__(self) -> None:
        self.count = 0
        # Roots of the full subtrees so far, the largest first: one for each bit that is set in the count.
        self._subtrees: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        node = sha256(LEAF + leaf).digest()
        full = self.count
        while full & 1:
            node = join(self._subtrees.pop(), node)
            full >>= 1
        self._subtrees.append(node)
        self.count += 1

    def root(self) -> bytes:
        """32 bytes; of no leaf, the hash of nothing."""
        if not self._subtrees:
            return sha256().digest()
        *larger, root = self._subtrees
        for subtree in reversed(larger):
            root = join(subtree, root)
        return root


def join(left: bytes, right: bytes) -> bytes:
    return sha256(NODE + left + right).digest()
