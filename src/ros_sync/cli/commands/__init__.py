"""The commands as they are declared: options and help. Each loads what does its work when it is called (`cli/run_*.py`)."""
