"""The outbox's way out: the loop that delivers, and one package or module for each way to reach people."""
