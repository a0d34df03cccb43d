from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

import pytest
from rich.console import Console

from ros_sync.demo.telling import RuleWeek, show_rules
from ros_sync.terminal import Terminal

MONDAY, NEXT = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 9, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "left, told", [(49, "1 alert of mql ended without being resolved, as they were erased."), (50, "")]
)
def test_a_row_that_does_not_add_up_says_why(left: int, told: str) -> None:
    """What was open, less what was mended, with what is new, is what is open; else a line below the table says why."""
    terminal, text = Terminal(), StringIO()
    terminal.out = Console(file=text, width=100)
    week = RuleWeek("mql", open_before=45, fixed=4, new=9, open_after=left)
    show_rules(terminal, [week], MONDAY, NEXT, why_unmended=", as they were erased")
    assert "\n".join(text.getvalue().splitlines()[3:]) == told
