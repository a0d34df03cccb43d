"""The commands as they are declared: options and help. What does the work (`cli/run_*.py`) is loaded by a call."""
