"""`make bench`: speed and memory as ratios against a stated floor, all measured in this run."""

from __future__ import annotations

from benchmarks import following, imports, rules, starting, ticks
from rich.console import Console
from rich.table import Table


def main() -> None:
    """Run every benchmark and print the figures beside their bounds."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("what", "measured", "bound"):
        table.add_column(name)
    for part in (starting.run, imports.run, rules.run, ticks.run, following.run):
        for row in part():
            table.add_row(*row)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
