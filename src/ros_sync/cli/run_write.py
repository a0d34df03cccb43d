"""What `ros-sync sync write` does, and how it tells of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import Engine, select

from ros_sync import clock
from ros_sync.cli.invocation import Invocation
from ros_sync.connectors.source import Source
from ros_sync.errors import RosSyncError, Where
from ros_sync.fields import Field, Kind, StoredValue, did_you_mean, to_stored
from ros_sync.jobs.lock import DatabaseLock
from ros_sync.mirror.catalogue import MirroredObject, objects
from ros_sync.mirror.database import open_engine
from ros_sync.mirror.record_queries import own_records_of
from ros_sync.money import Money
from ros_sync.rules.given import read_given
from ros_sync.sla.owners import directory as directory_of
from ros_sync.sync.follow.engine import Syncer
from ros_sync.sync.write_back.requests import RequestState, WriteBackRequest
from ros_sync.terminal import os_user, shown
from ros_sync.workspace.company import deal_context, organisation_of
from ros_sync.workspace.sources import Connection, connections_of

NOW = "now"


def write(
    invocation: Invocation,
    *,
    name: str,
    record_id: str,
    changes: Sequence[str],
    expected: Sequence[str],
    asked_by: str,
    source: str | None,
    as_json: bool,
) -> None:
    """Write fields of one record to the CRM; exit code 1 where they were not written."""
    settings = invocation.start()
    mirrored = _object(name)
    organisation = organisation_of(settings).at(clock.now())
    with DatabaseLock(settings.database_url):
        engine = open_engine(settings.database_url)
        try:
            found = _writing(connections_of(settings, source, engine=engine), name)
            record_id = record_id.removeprefix(f"{found.name}:")  # as `alerts why` writes it
            currency = _currency(engine, mirrored, found.name, record_id) or organisation.home_currency
            request = WriteBackRequest(
                name,
                record_id,
                dict(_field(mirrored, text, currency) for text in changes),
                asked_by,
                dict(_field(mirrored, text, currency) for text in expected),
                os_user=os_user(),
            )
            with engine.connect() as connection:
                directory = directory_of(connection, organisation)
            syncer = Syncer(engine, found, deal_context(organisation, clock.now()), now=clock.now)
            outcome = syncer.write(request, directory)
        finally:
            engine.dispose()
    if as_json:
        invocation.print_json({"number": outcome.number, "state": outcome.state, "outcome": outcome.words})
    else:
        colour = {RequestState.DONE: "green", RequestState.OPEN: "yellow"}.get(outcome.state, "red")
        words = f"[{colour}]{outcome.state}[/{colour}]: {shown(outcome.words)}"
        invocation.out.print(words, highlight=False, soft_wrap=True)
    if outcome.state is not RequestState.DONE:
        sys.exit(1)


def _object(name: str) -> MirroredObject:
    if name not in objects():
        raise RosSyncError(f"unknown object {name!r}", hint=did_you_mean(name, objects()))
    return objects()[name]


def _writing(connections: Sequence[Connection], name: str) -> Source:
    """The source that objects of that name are written to."""
    found = [each.source for each in connections if name in each.source.writable]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(each.name for each in found)
        raise RosSyncError(f"multiple sources allow writing {name}s: {names}", hint="choose one with --source")
    raise RosSyncError(
        f"no connector file allows writing {name}s", hint="list their fields under `write:` in the connector file"
    )


def _currency(engine: Engine, mirrored: MirroredObject, source: str, record_id: str) -> str | None:
    table = own_records_of(mirrored.name)  # written to the one CRM that is named
    if "currency" not in table.c:
        return None
    with engine.connect() as connection:
        query = select(table.c.currency).where(table.c.source == source, table.c.id == record_id)
        found: str | None = connection.execute(query).scalar_one_or_none()
    return found


def _field(mirrored: MirroredObject, text: str, currency: str) -> tuple[str, StoredValue]:
    """`next_step=Call Jane` as a field and its carried value; nothing behind the sign empties it."""
    name, sign, value = text.partition("=")
    name = name.strip()
    field = mirrored.settable.get(name)
    if not sign:
        raise RosSyncError(f"{text!r} isn't a field and a value", hint="use field=value, such as next_step='Call Jane'")
    if field is None:
        raise RosSyncError(
            f"{text!r} doesn't name a field of {mirrored.name}", hint=did_you_mean(name, mirrored.settable)
        )
    if not value.strip():
        return name, None
    try:
        return name, _stored_value(field, value.strip(), currency)
    except ValueError as error:
        raise RosSyncError(str(error), where=Where(key=name), hint=f"{name} is of type {field.kind}") from None


def _stored_value(field: Field, text: str, currency: str) -> StoredValue:
    if field.kind is Kind.INSTANT and text == NOW:
        return clock.to_micros(clock.now())
    value = read_given(field, text)
    if field.kind is Kind.MONEY:
        assert isinstance(value, Decimal | Money), value
        money = value if isinstance(value, Money) else Money.of(value, currency)
        if money.currency != currency:
            raise ValueError(f"the record's amounts are in {currency}, not {money.currency}")
        return money.minor
    if isinstance(value, datetime):
        return clock.to_micros(value if value.tzinfo else value.replace(tzinfo=UTC))
    return to_stored(field.kind, value)
