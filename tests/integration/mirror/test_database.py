"""Opening, upgrading and refusing databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from ros_sync.errors import DatabaseTooNewError, RosSyncError, SettingsError
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.columns import METADATA
from ros_sync.mirror.database import open_engine


def test_every_mirrored_object_has_its_tables(engine: Engine) -> None:
    """A fresh database holds the present and the past of each object."""
    tables = set(inspect(engine).get_table_names())
    assert {name for entry in objects() for name in (entry, f"{entry}_version")} <= tables


def test_opening_again_changes_nothing(database_url: str) -> None:
    """A second opening finds the tables as they are."""
    open_engine(database_url).dispose()
    engine = open_engine(database_url)
    with engine.connect() as connection:
        assert 1 == connection.execute(text("SELECT count(*) FROM alembic_version")).scalar()
    engine.dispose()


def test_a_database_of_a_newer_program_is_refused_and_left_alone(database_url: str) -> None:
    """The message names the schema, and what was stored is still there."""
    engine = open_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999_from_the_future'"))
        connection.execute(text("INSERT INTO owner (source, id, valid_from) VALUES ('crm', '1', 0)"))
    with pytest.raises(DatabaseTooNewError, match="9999_from_the_future"):
        open_engine(database_url)
    with engine.connect() as connection:
        assert 1 == connection.execute(text("SELECT count(*) FROM owner")).scalar()
    engine.dispose()


def test_sqlite_runs_with_a_write_ahead_log_foreign_keys_and_a_busy_timeout(tmp_path: Path) -> None:
    """What makes SQLite safe under one writer and many readers is set on every connection."""
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with engine.connect() as connection:
        asked = [
            connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout")
        ]
    engine.dispose()
    assert ["wal", 1, 10_000] == asked


def test_reading_does_not_create_a_database(tmp_path: Path) -> None:
    """Asking for the status of nothing says so and leaves no file."""
    path = tmp_path / "none.db"
    with pytest.raises(RosSyncError, match="no database yet"):
        open_engine(f"sqlite:///{path}", read_only=True)
    assert not path.exists()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """A text file under the database's name is refused and not overwritten."""
    path = tmp_path / "notes.db"
    path.write_text("these are my notes, not a database\n" * 100)
    with pytest.raises(RosSyncError, match=r"notes\.db.*can't open the database.*set database\.url to another file"):
        open_engine(f"sqlite:///{path}")
    assert path.read_text().startswith("these are my notes")


@pytest.mark.parametrize("url", ["mysql://localhost/x", "nonsense"])
def test_other_databases_are_refused_with_what_there_is(url: str) -> None:
    """The message says what to write instead."""
    with pytest.raises(SettingsError, match="sqlite"):
        open_engine(url)


def test_the_migrations_lead_to_the_tables_of_the_program(engine: Engine) -> None:
    """Nothing is declared that a migration does not create, and the other way round."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415
    from alembic.migration import MigrationContext  # noqa: PLC0415

    import ros_sync.alerts.tables  # noqa: PLC0415  # every table of the program has to be known here
    import ros_sync.mirror.bookkeeping  # noqa: PLC0415
    import ros_sync.mirror.config_versions  # noqa: PLC0415
    import ros_sync.outbox.tables  # noqa: PLC0415
    import ros_sync.sla.tables  # noqa: F401, PLC0415

    with engine.connect() as connection:
        assert [] == compare_metadata(MigrationContext.configure(connection), METADATA)


def test_a_database_written_by_hand_is_not_touched_when_only_read(tmp_path: Path) -> None:
    """An empty SQLite file is reported as old and stays empty."""
    path = tmp_path / "empty.db"
    create_engine(f"sqlite:///{path}").connect().close()
    path.touch()
    with pytest.raises(RosSyncError, match=r"older ros-sync, or empty \(run `ros-sync sync` to upgrade it"):
        open_engine(f"sqlite:///{path}", read_only=True)


def test_a_new_database_is_its_owners_alone(tmp_path: Path) -> None:
    """What the CRM holds is not for every account of the machine; the log beside it has the same mode."""
    engine = open_engine(f"sqlite:///{tmp_path / 'new' / 'x.db'}")
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO owner (source, id, valid_from) VALUES ('crm', '1', 0)"))
        modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "new").iterdir()}
    engine.dispose()
    assert dict.fromkeys(("x.db", "x.db-wal", "x.db-shm"), "0o600") == modes


def test_a_database_in_memory_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`:memory:` is no name of a file."""
    monkeypatch.chdir(tmp_path)
    open_engine("sqlite:///:memory:").dispose()
    assert [] == list(tmp_path.iterdir())


def test_a_server_that_does_not_answer_is_told_with_the_setting() -> None:
    """Whoever uses PostgreSQL learns which setting leads there; no password is shown."""
    with pytest.raises(RosSyncError, match=r"check that database\.url is correct") as caught:
        open_engine("postgresql://u:hunter2@127.0.0.1:9/db")
    assert "hunter2" not in str(caught.value)


def test_a_place_that_holds_no_database_is_named(tmp_path: Path) -> None:
    """A folder that cannot be made is told in words."""
    (tmp_path / "file").touch()
    with pytest.raises(RosSyncError, match=r"file.x\.db: can't open the database.*allow this user to read and write"):
        open_engine(f"sqlite:///{tmp_path / 'file' / 'x.db'}")


@pytest.mark.parametrize("url", ["postgresql://u:hunter2@h:port/db", "hunter2"])
def test_a_url_that_cannot_be_read_is_not_quoted(url: str) -> None:
    """It may hold a password, and so may the errors that led there."""
    with pytest.raises(SettingsError) as caught:
        open_engine(url)
    assert (False, True) == ("hunter2" in str(caught.value), caught.value.__suppress_context__)
