from __future__ import annotations

import csv
import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from ros_sync.connectors.base import BATCH_ROWS
from ros_sync.connectors.export import ExportMapping, file_size, read
from ros_sync.errors import ImportRefusedError

from .conftest import STAGES, Result  # noqa: TID252  # replaced below

ReadFile = Callable[..., Result]
