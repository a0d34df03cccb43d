"""A small company whose deals can be put as they should be, and ticked at any moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, event, insert, text
from sqlmodel import Session, col, select

from ros_sync import clock
from ros_sync.alerts.queries import explained, one
from ros_sync.jobs.cycle import TickReport, tick
from ros_sync.mirror.bookkeeping import SOURCE_STATE
from ros_sync.mirror.catalogue import objects
from ros_sync.mirror.store import Upsert
from ros_sync.organisation.file import load as load_organisation
from ros_sync.outbox.document import Document
from ros_sync.outbox.tables import OutboxMessage
from ros_sync.rules.rule_files import load as load_rules
from ros_sync.sla.owners import directory
from ros_sync.workspace.company import Company

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
ORGANISATION = """
version: 1
company: {name: Test, currency: EUR, timezone: UTC, fallback: revops@example.com}
people:
  - {email: meg@example.com, name: Meg Manager, role: manager}
  - {email: ann@example.com, name: Ann Seller, manager: meg@example.com}
  - {email: bob@example.com, name: Bob Seller, manager: meg@example.com}
  - {email: revops@example.com, name: Rev Ops}
"""
STEP = """
version: 1
rules:
  - id: no-step
    title: No next step
    applies_to: deal
    {more}
    when: [is_open, next_step is missing]
    message: "{{name}} ({{amount}}): no next step"
"""


_COMPANIES: dict[tuple[str, ...], Company] = {}  # by what is written: `serve` reads no file again that is as it was


class Firm:
    """The company: put deals, write rules, tick."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        (folder / "organisation.yaml").write_text(ORGANISATION)
        self.rules(more="")
        self.hire()

    def hire(self) -> None:
        """Put the sellers, as the CRMs know them."""
        for source in ("crm", "other"):
            owners = [("a", "Ann Seller", "ann@example.com"), ("b", "Bob Seller", "bob@example.com")]
            self._put("owner", ("id", "name", "email"), owners, MONDAY, source)

    def rules(self, yaml: str = STEP, **more: str) -> None:
        """Let these be the rules from now on."""
        (self.folder / "rules.yaml").write_text(yaml.format(**more))

    def deal(self, record_id: str, at: datetime = MONDAY, *, source: str = "crm", **values: Any) -> None:
        """Put a deal as it is from a moment on; open, Ann's and without a next step unless said otherwise."""
        deal = {
            "name": f"Deal {record_id}", "stage": "proposal", "stage_kind": "open", "owner_id": "a",
            "amount_minor": 100_000, "currency": "EUR", "next_step": None, "deleted_at": None, **values,
        }  # fmt: skip
        self._put("deal", ("id", *deal), [(record_id, *deal.values())], at, source)

    def lead(self, record_id: str, name: str, at: datetime = MONDAY, *, source: str = "crm", **values: Any) -> None:
        """Put a lead as it is from a moment on; Ann's unless said otherwise."""
        lead = {"name": name, "email": f"{name.lower()}@buyer.example", "owner_id": "a", "deleted_at": None, **values}
        self._put("lead", ("id", *lead), [(record_id, *lead.values())], at, source)

    def read(self, complete_at: datetime | None, *, source: str = "crm", **values: Any) -> None:
        """Let a source be one that is followed, and was last read completely then."""
        with self.engine.begin() as connection:
            connection.execute(delete(SOURCE_STATE).where(SOURCE_STATE.c.source == source))
            state = {"source": source, "complete_at": complete_at, "updated_at": MONDAY, **values}
            connection.execute(insert(SOURCE_STATE).values(**state))

    def company(self) -> Company:
        """Read what RevOps wrote."""
        files = self.folder / "organisation.yaml", self.folder / "rules.yaml"
        written = tuple(file.read_text() for file in files)
        if written not in _COMPANIES:
            organisation, rules = files
            _COMPANIES[written] = Company(load_organisation(organisation), load_rules([rules], home_currency="EUR"))
        return _COMPANIES[written]

    def tick(self, at: datetime = MONDAY) -> TickReport:
        """Run one cycle."""
        return tick(self.engine, self.company(), at, transport="slack")

    def why(self, alert_id: int = 1) -> list[dict[str, Any]]:
        """Explain an alert: what each line of its rule saw when it fired."""
        company = self.company()
        with self.engine.connect() as connection:
            alert = one(connection, alert_id)
            assert alert is not None
            people = directory(connection, company.organisation)
        moment = company.moment(MONDAY)
        return explained(alert, company.rules.by_id.get(alert["rule_id"]), people, moment)

    def writes(self, at: datetime) -> list[str]:
        """Run one cycle; the statements of it that write."""
        written = []

        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            if not statement.lstrip().upper().startswith(("SELECT", "PRAGMA", "WITH")):
                written.append(statement)

        event.listen(self.engine, "before_cursor_execute", note)
        self.tick(at)
        event.remove(self.engine, "before_cursor_execute", note)
        return written

    def delivered(self) -> None:
        """Pretend that everything in the outbox has reached its place."""
        with self.engine.begin() as connection:
            connection.execute(text("UPDATE outbox_message SET state = 'delivered', delivered_revision = revision"))

    def messages(self) -> list[tuple[str, Document]]:
        """Who is to be told what, in the order in which it was first said."""
        with Session(self.engine) as session:
            found = session.exec(select(OutboxMessage).order_by(col(OutboxMessage.id))).all()
            return [(message.recipient, Document.from_dict(message.document)) for message in found]

    def told(self) -> list[tuple[str, list[str]]]:
        """Who is to be told of which records, by their headings."""
        return [(recipient, [item.heading for item in document.items]) for recipient, document in self.messages()]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def write(self, statement: str) -> None:
        """Change the database behind the program's back."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql(statement)

    def _put(
        self, name: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], at: datetime, source: str
    ) -> None:
        with self.engine.begin() as connection:
            upsert = Upsert(connection, objects()[name], source, columns, run_id=None)
            upsert.write(list(rows), clock.to_micros(at))


@pytest.fixture
def firm(engine: Engine, tmp_path: Path) -> Firm:
    """Give the company, on SQLite and on PostgreSQL."""
    return Firm(engine, tmp_path)


MakeFirm = Callable[..., Firm]
