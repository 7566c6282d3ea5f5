"""The event log: facts are appended to streams, rows are their folds, and nothing is ever changed."""
