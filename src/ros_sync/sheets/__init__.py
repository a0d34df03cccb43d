"""Files that people write in YAML, read strictly: every value knows its place, and all problems are told at once.

`Sheet` reads one file; `Section` is one of its maps. Rules, organisation and mapping files are all read with them.
"""

from __future__ import annotations

from ros_sync.sheets.nodes import Mapping, Node, Scalar, ScalarKind, Sequence
from ros_sync.sheets.parsing import MAX_DEPTH, MAX_FILE_BYTES
from ros_sync.sheets.section import Section
from ros_sync.sheets.sheet import Sheet, in_reading_order

__all__ = [
    "MAX_DEPTH",
    "MAX_FILE_BYTES",
    "Mapping",
    "Node",
    "Scalar",
    "ScalarKind",
    "Section",
    "Sequence",
    "Sheet",
    "in_reading_order",
]
