"""`make bench`: how fast the shop is, beside its peers and its goals."""
