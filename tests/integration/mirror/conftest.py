from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.integration.mirror.versions import OLDER, OWNER, migrate


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Give a SQLite database of each older version, with an owner in it."""
    folder = tmp_path_factory.mktemp("older")
    path = folder / "growing.db"
    found: dict[str, Path] = {}
    for version in OLDER:
        migrate(f"sqlite:///{path}", version)
        if not found:
            with closing(sqlite3.connect(path)) as connection, connection:
                connection.execute(OWNER)
        found[version] = folder / f"{version}.db"
        shutil.copy(path, found[version])
    return found
