"""CRM exports, CSV and JSON Lines out of any CRM, made canonical records by a mapping file."""

from ros_sync.connectors.export.lines import file_size
from ros_sync.connectors.export.mapping import ExportMapping, FileEntry
from ros_sync.connectors.export.mapping_file import load_mapping
from ros_sync.connectors.export.reader import read

__all__ = ["ExportMapping", "FileEntry", "file_size", "load_mapping", "read"]
