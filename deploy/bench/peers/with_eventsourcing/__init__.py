"""The eventsourcing library, in a Python of its own: it has no part in ours."""
