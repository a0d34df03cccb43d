"""Following a source over its API: back-fill, polls, the reconciliation sweep, the deletion scan, change events."""
