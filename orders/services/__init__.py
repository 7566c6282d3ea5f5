"""Everything that writes orders: each function is one use case."""
