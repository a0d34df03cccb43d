"""The floor of an import: the csv module and executemany, nothing read, compared or understood."""

from __future__ import annotations

import csv
import sqlite3
from itertools import islice
from pathlib import Path

from ros_sync.mirror.catalogue import objects

BATCH_ROWS = 5_000
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-32768")


def bare_import(csv_file: Path, database: Path, columns: list[str]) -> int:
    """Write every row of the file into the deal table, its cells as they are, in the columns that they are mapped to.

    The history of a first import is one moment since when each row is true, and here too that is a column
    (`valid_from`). What our import works out besides is left out. Gives the number of rows.
    """
    known = {column.name for column in objects()["deal"].table.columns}
    assert set(columns) <= known
    connection = sqlite3.connect(database, isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    names = ", ".join(f'"{name}"' for name in (*columns, "source", "valid_from", "run_id"))
    statement = f"INSERT INTO deal ({names}) VALUES ({', '.join('?' * (len(columns) + 3))})"
    count = 0
    with csv_file.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        assert len(columns) == len(next(rows))
        while batch := list(islice(rows, BATCH_ROWS)):
            connection.execute("BEGIN")
            connection.executemany(statement, [(*row, "crm", 1, 1) for row in batch])
            connection.execute("COMMIT")
            count += len(batch)
    connection.close()
    return count
