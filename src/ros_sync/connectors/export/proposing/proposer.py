"""Works out a mapping for export files: which object each is, which column fills which field, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ros_sync.connectors.export.ids import wrong_id
from ros_sync.connectors.export.proposing import guesses
from ros_sync.connectors.export.proposing.headings import (
    CURRENCY,
    FIRST_NAMES,
    KNOWN,
    LAST_NAMES,
    STATUS,
    find,
    object_of,
    plain,
)
from ros_sync.connectors.export.proposing.proposal import Entry, Line, Proposal, quoted
from ros_sync.connectors.export.proposing.sample import ColumnSample, FileSample, sample
from ros_sync.connectors.export.values import NumberStyle
from ros_sync.errors import ImportRefusedError
from ros_sync.fields import Field, Kind

_PEOPLE = ("owner",)
_FORECAST = {"closed": "closed", "commit": "commit", "best case": "best case", "bestcase": "best case",
             "pipeline": "pipeline",
             "omitted": "omitted", "not forecasted": "omitted", "omit": "omitted"}  # fmt: skip
_KINDS = {"open": "open", "won": "won", "lost": "lost", "offen": "open", "gewonnen": "won", "verloren": "lost"}
_ACTIVITIES = ("email", "call", "meeting", "note", "task")
_ACTIVE = {"active": True, "inactive": False, "deactivated": False, "aktiv": True, "inaktiv": False}
_POSITIONS = ("early", "mid", "late")
_MANY_STAGES = 60  # a column of more different values is no stage


def propose(
    paths: Sequence[Path],
    objects: Mapping[str, Mapping[str, Field]],
    *,
    source: str,
    currency: str,
    timezone: str,
    given_object: str | None = None,
) -> Proposal:
    """Look through the files and propose how each is read. `currency` and `timezone` are the company's.

    Raises ImportRefusedError where the only file cannot be read as an export at all.
    """
    proposal = Proposal(source, currency, timezone)
    samples = []
    for path in paths:
        try:
            samples.append(sample(path))
        except ImportRefusedError as error:
            if len(paths) == 1:
                raise
            proposal.left_out[path] = error.message
    named = {each.path: given_object or object_of(each.content.name, list(each.columns)) for each in samples}
    for each in samples:
        name = named[each.path]
        if name is None:
            proposal.left_out[each.path] = (
                "its headings are those of nothing that is mirrored; say --object if they are"
            )
            continue
        _Proposing(proposal, each, name, objects[name], set(filter(None, named.values()))).run()
    return proposal


class _Proposing:
    """Proposes the entry of one file."""

    def __init__(
        self, proposal: Proposal, found: FileSample, name: str, fields: Mapping[str, Field], others: set[str]
    ) -> None:
        self._proposal = proposal
        self._sample = found
        self._object = name
        self._known = fields
        self._others = others
        self._headings = list(found.columns)
        self._numbers = guesses.NUMBERS[0]
        self._used: set[str] = set()
        self._lines: list[Line] = []

    def run(self) -> None:
        record_id = self._id()
        if record_id is None:
            reason = f"no column of it holds a different value in each row, as the id of a {self._object} must"
            self._proposal.left_out[self._sample.path] = reason
            return
        entry = Entry(self._sample, self._object, record_id)
        self._used.add(record_id)
        numbers = self._number_style()
        self._numbers = numbers.style
        for name in KNOWN[self._object]:
            if name != "id" and name in self._known:
                self._propose_field(name)
        self._add_names()
        if self._object == "deal":
            self._add_closed()
        entry.fields = self._lines
        entry.style = self._style(numbers)
        entry.unused = [heading for heading in self._headings if heading not in self._used]
        self._proposal.entries.append(entry)

    def _id(self) -> str | None:
        """The column of the id: a known heading, or one that says so; each value once, and nothing that is no id."""
        known = [find(self._headings, (wanted,), self._object) for wanted in KNOWN[self._object]["id"]]
        telling = [
            heading for heading in self._headings if {"id", "nr", "no", "number", "key"} & set(plain(heading).split())
        ]
        for heading in (*known, *telling, *(self._headings[:1])):
            column = self._sample.columns.get(heading or "")
            if column is not None and self._identifies(column):
                return heading
        return None

    def _identifies(self, column: ColumnSample) -> bool:
        wrong = sum(wrong_id(text) is not None for text in column.values)
        return (
            column.filled >= self._sample.rows - 1 - wrong
            and column.is_unique
            and (column.filled > 0 or not self._sample.rows)
        )

    def _column(self, name: str) -> ColumnSample | None:
        heading = find(self._headings, KNOWN[self._object].get(name, ()), self._object)
        return self._sample.columns[heading] if heading is not None else None

    def _propose_field(self, name: str) -> None:
        column = self._column(name)
        if column is None or (column.heading in self._used and name not in ("name", "account_name")):
            return
        if name == "stage":
            done = self._add_stage(column)
        elif name in ("account", "account_name"):
            done = self._add_account(name, column)
        elif name in _PEOPLE or name == "manager":
            done = self._add_person(name, column)
        else:
            done = self._add_plain(name, column)
        if done:
            self._used.add(column.heading)

    def _add(self, name: str, column: ColumnSample, note: str | None = None, **options: str) -> bool:
        markers = guesses.missing_markers(column)
        if markers and "values" not in options:
            options["missing"] = f"[{', '.join(map(quoted, markers))}]"
        self._lines.append(Line(name, column.heading, options, note))
        return True

    def _add_plain(self, name: str, column: ColumnSample) -> bool:
        if name == "deleted" and guesses.is_boolean(column):
            return self._add(name, column)
        match self._known[name].kind:
            case Kind.MONEY:
                return self._add_money(name, column)
            case Kind.DATE | Kind.INSTANT:
                return self._add_date(name, column)
            case Kind.NUMBER:
                return self._add_number(name, column)
            case Kind.BOOLEAN:
                return self._add_boolean(name, column)
            case _:
                return self._add_text(name, column)

    def _add_number(self, name: str, column: ColumnSample) -> bool:
        percent = name == "probability" and _beyond_one(column, self._numbers)
        if column.filled and not guesses.is_number(column, self._numbers, percent=percent):
            return False
        return self._add(name, column, **({"percent": "true"} if percent else {}))

    def _add_money(self, name: str, column: ColumnSample) -> bool:
        heading = find(self._headings, CURRENCY, self._object)
        currencies = self._sample.columns.get(heading or "")
        options = {}
        if currencies is not None and guesses.are_currencies(currencies):
            options["currency"] = f"{{column: {quoted(currencies.heading)}}}"
            self._used.add(currencies.heading)
        else:
            self._proposal.names_currencies = False
            in_cells = {code for text in column.values if (code := guesses.currency_in(text))}
            if len(in_cells) == 1:
                options["currency"] = in_cells.pop()
                self._proposal.names_currencies = True
        if column.filled and not guesses.is_amount(
            column, self._numbers, options.get("currency", self._proposal.currency)
        ):
            return False
        return self._add(name, column, **options)

    def _add_date(self, name: str, column: ColumnSample) -> bool:
        found = guesses.date_format([column])
        if found is None:
            return False
        note = None
        if found.others:
            together = guesses.date_format(self._dates(found))
            if together is not None and not together.others and together.value in (found.value, *found.others):
                found = together
            else:
                found = self._as_others(found)
                note = f"CHECK: {found.others[0]} would fit as well"
        return self._add(name, column, note, **({"format": quoted(found.value)} if found.value else {}))

    def _as_others(self, found: guesses.Guess) -> guesses.Guess:
        """The form of the order of day and month that the file's other dates show, be they written in another form."""
        certain = [
            guess for each in self._sample.columns.values() if each.filled and (guess := guesses.date_format([each]))
        ]
        days_first = {guesses.day_first(guess.value) for guess in certain if not guess.others} - {None}
        fitting = [form for form in (found.value, *found.others) if {guesses.day_first(form)} == days_first]
        if len(fitting) != 1:
            return found
        return guesses.Guess(fitting[0], tuple(form for form in (found.value, *found.others) if form != fitting[0]))

    def _dates(self, found: guesses.Guess) -> list[ColumnSample]:
        """The columns that may be written like this one, to tell month and day by the others."""
        alike = (found.value, *found.others)
        columns = self._sample.columns.values()
        return [
            each for each in columns if (guess := guesses.date_format([each])) and guess.value in alike and each.filled
        ]

    def _add_boolean(self, name: str, column: ColumnSample) -> bool:
        if guesses.is_boolean(column) or not column.filled:
            return self._add(name, column)
        known = {text: _ACTIVE.get(text.casefold()) for text in column.values}
        if len(known) > len(_ACTIVE) or None in known.values():
            return False
        return self._add(name, column, values=_map({text: str(truth).lower() for text, truth in known.items()}))

    def _add_text(self, name: str, column: ColumnSample) -> bool:
        if name == "forecast_category":
            known = {text: _FORECAST[text.casefold()] for text in column.values if text.casefold() in _FORECAST}
            if any(text != value for text, value in known.items()) or len(known) < len(column.values):
                return self._add(name, column, values=_map(known), otherwise="keep")
        if name == "activity_kind":
            known = {
                text: kind for text in column.values for kind in _ACTIVITIES if kind in text.casefold().replace("-", "")
            }
            return self._add(name, column, values=_map(known), otherwise="note" if known else "keep")
        if name == "direction":
            known = {
                text: way
                for text in column.values
                for way in ("inbound", "outbound")
                if text.casefold().startswith(way[:2])
            }
            return self._add(name, column, values=_map(known), otherwise="null")
        return self._add(name, column)

    def _add_person(self, name: str, column: ColumnSample) -> bool:
        if name != "manager" and (guesses.are_people(column) or not column.filled):
            return self._add(name, column, find="{object: owner, by: [email, name, id]}")
        return self._add(name, column)

    def _add_account(self, name: str, column: ColumnSample) -> bool:
        if name == "account":
            return self._add(name, column)
        if "account" in self._others and not any(line.name == "account" for line in self._lines):
            self._add("account", column, find="{object: account, by: [name, id]}")
        return self._add(name, column)

    def _add_stage(self, column: ColumnSample) -> bool:
        if not 0 < len(column.values) <= _MANY_STAGES:
            return False
        status = self._sample.columns.get(find(self._headings, STATUS, self._object) or "")
        if status is not None and status.filled and all(text.casefold() in _KINDS for text in status.values):
            self._used.add(status.heading)
            kinds = _map({text: _KINDS[text.casefold()] for text in status.values})
            self._add("stage_kind", status, "the file itself says what is open, won and lost", values=kinds)
            return self._add("stage", column)
        self._declare(column)
        return self._add("stage", column)

    def _declare(self, column: ColumnSample) -> None:
        """Declare the stages, the same in each pipeline that the file names."""
        names = [text for text in column.values if text.casefold() not in guesses.MISSING]
        ordered = guesses.stage_order(dict.fromkeys(names))
        opened = [name for name in ordered if guesses.stage_kind(name) == "open"]
        lines = []
        for name in ordered:
            kind = guesses.stage_kind(name)
            position = _POSITIONS[round(2 * opened.index(name) / max(1, len(opened) - 1))] if kind == "open" else None
            lines.append(Line(name, kind, {"position": position} if position else {}))
        pipelines = self._column("pipeline")
        for pipeline in (list(pipelines.values) if pipelines is not None else []) or ["default"]:
            self._proposal.stages.setdefault(pipeline, []).extend(
                line
                for line in lines
                if line.name not in {each.name for each in self._proposal.stages.get(pipeline, [])}
            )

    def _add_closed(self) -> None:
        """When a deal was won or lost is its close date, where the file does not say better."""
        names = {line.name: line for line in self._lines}
        if "close_date" in names and "closed" not in names and {"stage", "stage_kind"} & names.keys():
            line = names["close_date"]
            options = {key: each for key, each in line.options.items() if key in ("format", "missing")}
            self._lines.append(Line("closed", line.column, {**options, "only_if": "{stage_kind: [won, lost]}"}))

    def _add_names(self) -> None:
        """A name that stands in two columns."""
        first, last = (find(self._headings, names, self._object) for names in (FIRST_NAMES, LAST_NAMES))
        if first and last and "name" in self._known and not any(line.name == "name" for line in self._lines):
            self._lines.insert(0, Line("name", None, {"join": f"[{quoted(first)}, {quoted(last)}]"}))
            self._used |= {first, last}

    def _number_style(self) -> guesses.NumberGuess:
        money = [name for name in KNOWN[self._object] if name in self._known and self._known[name].kind is Kind.MONEY]
        columns = [column for name in money if (column := self._column(name)) is not None and column.filled]
        return guesses.number_style(columns, self._proposal.currency)

    def _style(self, numbers: guesses.NumberGuess) -> list[Line]:
        found, style = self._sample, []
        if found.is_text and found.delimiter != ("\t" if found.content.name.lower().endswith(".tsv") else ","):
            style.append(Line("delimiter", quoted(found.delimiter or ",")))
        if found.encoding != "utf-8":
            style.append(Line("encoding", found.encoding))
        if not numbers.said:  # as long as nothing is said, 20.000 is refused, and not taken for 20
            return style
        decimal, thousands = numbers.style.decimal, numbers.style.thousands or ""
        note = "CHECK: decimals and thousands could be the other way round" if numbers.doubtful else None
        style.append(Line("number", f"{{decimal: {quoted(decimal)}, thousands: {quoted(thousands)}}}", {}, note))
        return style


def _beyond_one(column: ColumnSample, style: NumberStyle) -> bool:
    """Whether shares are written as percentages without the sign."""
    return any("%" not in text and not guesses.is_share(text, style) for text in column.values)


def _map(known: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{quoted(text)}: {value}" for text, value in known.items()) + "}"
