"""Files that people write in YAML, read strictly: every value knows its place, and all problems are told at once.

`ConfigFile` reads one file; `Section` is one of its maps. Rules, organisation and mapping files are all read with them.
"""

from __future__ import annotations

from ros_sync.config_files.config_file import ConfigFile, in_reading_order
from ros_sync.config_files.nodes import Mapping, Node, Scalar, ScalarKind, Sequence
from ros_sync.config_files.parsing import MAX_DEPTH, MAX_FILE_BYTES
from ros_sync.config_files.section import Section

__all__ = [
    "MAX_DEPTH",
    "MAX_FILE_BYTES",
    "ConfigFile",
    "Mapping",
    "Node",
    "Scalar",
    "ScalarKind",
    "Section",
    "Sequence",
    "in_reading_order",
]
