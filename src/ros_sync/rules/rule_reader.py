"""One entry under `rules:` to a Rule."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import partial

from ros_sync.config_files import Node, Scalar, Sequence
from ros_sync.fields import Kind, did_you_mean
from ros_sync.rules import vocabulary
from ros_sync.rules.doubts import Doubt, Doubter
from ros_sync.rules.given import Given, read_given, read_local
from ros_sync.rules.language import Condition, Parameters, Schema, Variant, parameter_value, parse
from ros_sync.rules.language.parameters import sort_of
from ros_sync.rules.language.tree import Constant, fields_of
from ros_sync.rules.model import Clock, Expectation, Mode, Route, Rule, RuleAction, RuleSeverity, RuleTest, Status
from ros_sync.rules.object_schema import ENUMERATIONS, OBJECTS, CustomKinds, schema_of
from ros_sync.rules.rule_config import EMAIL, RuleConfigFile
from ros_sync.rules.template import parse_template

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CHANNEL = re.compile(r"#[^\s#@,]{1,80}")  # Slack: channel names have at most 80 characters
_CALENDARS = ("owner", "company")


class RuleReader:
    """Reads one rule; what is wrong is noted in the config file."""

    def __init__(
        self,
        config: RuleConfigFile,
        custom: Mapping[str, CustomKinds],
        several: Mapping[str, Collection[str]],
        home_currency: str | None,
        calendars: Collection[str] | None,
        doubter: Doubter | None = None,
    ) -> None:
        self._config = config
        self._custom = custom
        self._several = several
        self._home_currency = home_currency
        self._calendars = calendars
        self._doubter = doubter

    def rule(self, node: Node) -> Rule | None:
        """The rule; None where something is wrong that leaves nothing to be checked further."""
        config = self._config
        entries = config.words(node, vocabulary.RULE)
        rule_id, schema = self._id(entries.get("id")), self._schema(entries.get("applies_to"))
        if schema is None:
            return None
        problems_before = len(config.problems)
        parameters = self._parameters(entries, schema)
        when = self._when(entries, node, schema, parameters, params_are_bad=len(config.problems) > problems_before)
        message = config.read(entries.get("message"), lambda text: parse_template(text, schema))
        title = config.text(entries.get("title"))
        clock = self._clock(entries.get("clock"), schema)
        rule = partial(
            Rule,
            when=when,
            clock=clock,
            status=config.word(entries.get("status"), Status, Status.LIVE),
            owner=config.email(entries.get("owner")),
            hold=config.duration(entries.get("for")),
            severity=config.word(entries.get("severity"), RuleSeverity, RuleSeverity.WARN),
            inhibited_by=tuple(text for _, text in config.texts(entries.get("inhibited_by"))),
            notify=self._routes(entries.get("notify")),
            actions=self._actions(entries.get("actions")),
            tests=tuple(self._tests(entries.get("tests"), schema, _asked(when, parameters, clock))),
            parameters=parameters,
            custom=self._custom.get(schema.name, {}),
        )
        if rule_id is None or title is None or message is None:
            return None
        return rule(
            id=rule_id, title=title, applies_to=schema.name, message=message, where=config.where(entries["id"], rule_id)
        )

    def _id(self, node: Node | None) -> str | None:
        text = self._config.text(node)
        if node is not None and text is not None and not _ID.fullmatch(text):
            hint = f"write {re.sub('[^a-z0-9]+', '-', text.lower()).strip('-') or 'a-name'!r}"
            self._config.problem(node, f"an id has small letters, digits and hyphens; this is {text!r}", hint)
        return text

    def _schema(self, node: Node | None) -> Schema | None:
        text = self._config.text(node)
        if node is None or text is None:
            return None
        if text not in OBJECTS:
            self._config.problem(node, f"there is no object {text!r}", did_you_mean(text, OBJECTS))
            return None
        return schema_of(text, self._custom.get(text), self._home_currency, self._several.get(text, ()))

    def _parameters(self, entries: Mapping[str, Node], schema: Schema) -> Parameters:
        defaults = self._values(entries.get("params"))
        variants = []
        for item in self._config.items(entries.get("vary")):
            parts = self._config.words(item, vocabulary.VARY)
            condition = self._condition(parts.get("if"), schema, Parameters())
            values = self._values(parts.get("params"), defaults)
            if condition is not None:
                variants.append(Variant(condition.clause, values))
                doubts = self._doubter.of_line(condition, schema, "its values are never used") if self._doubter else []
                for doubt in doubts:
                    self._config.doubt(parts["if"], doubt)
        return Parameters(defaults, tuple(variants))

    def _values(self, node: Node | None, defaults: Mapping[str, Constant] | None = None) -> dict[str, Constant]:
        """Parameters by name; with `defaults`, other values for some of those."""
        values: dict[str, Constant] = {}
        if node is None:
            return values
        for name, (key, value_node) in self._config.pairs(node).items():
            value = self._config.read(value_node, parameter_value)
            if not _NAME.fullmatch(name):
                self._config.problem(key, f"a parameter's name has letters, digits and _; this is {name!r}")
            elif defaults is not None and name not in defaults:
                self._config.problem(key, f"there is no parameter {name!r} to vary", did_you_mean(name, defaults))
            elif value is not None:
                values[name] = value
                if defaults is not None and sort_of(defaults[name]) is not sort_of(value):
                    message = f"{name!r} is {sort_of(defaults[name])} under `params`, and {sort_of(value)} here"
                    self._config.problem(value_node, message)
        return values

    def _when(
        self, entries: Mapping[str, Node], node: Node, schema: Schema, parameters: Parameters, *, params_are_bad: bool
    ) -> tuple[Condition, ...]:
        if "when" not in entries:
            if "clock" not in entries:
                self._config.lacks(node, "when", "say on which records it fires, or give it a `clock`")
            return ()
        lines = self._config.items(entries["when"])
        if not lines and isinstance(entries["when"], Sequence):
            self._config.problem(entries["when"], "`when` has no line", "a rule without one would fire on everything")
        if params_are_bad:  # else each line that names one would be told as a second problem
            lines = [line for line in lines if not (isinstance(line, Scalar) and "$" in line.value)]
        read = [(line, self._condition(line, schema, parameters)) for line in lines]
        good = [(line, condition) for line, condition in read if condition is not None]
        self._doubt_together(good, schema)
        return tuple(condition for _, condition in good)

    def _condition(self, node: Node | None, schema: Schema, parameters: Parameters) -> Condition | None:
        return self._config.condition(node, lambda text: parse(text, schema, parameters))

    def _doubt_together(self, lines: list[tuple[Node, Condition]], schema: Schema) -> None:
        """Warn of lines that cannot be meant; of all together only where each can hold by itself."""
        if self._doubter is None:
            return
        doubts = [(node, doubt) for node, line in lines for doubt in self._doubter.of_line(line, schema)]
        for node, doubt in doubts:
            self._config.doubt(node, doubt)
        last = None if doubts else self._doubter.of_lines([line for _, line in lines], schema)
        if last is not None:
            message = "this can never be true together with the lines above it, so the rule can never fire"
            self._config.doubt(lines[last][0], Doubt(message))

    def _doubt_value(self, node: Node, schema: Schema, name: str, value: str) -> None:
        doubt = self._doubter.of_value(schema, name, value) if self._doubter else None
        if doubt:
            self._config.doubt(node, doubt)

    def _clock(self, node: Node | None, schema: Schema) -> Clock | None:
        if node is None:
            return None
        config = self._config
        entries = config.words(node, vocabulary.CLOCK)
        starts = config.text(entries.get("starts"))
        if starts is not None:
            self._check_field(entries["starts"], starts, schema, Kind.INSTANT)
        stops = config.texts(entries.get("stops"))
        for stop_node, stop in stops:
            self._check_field(stop_node, stop, schema, Kind.INSTANT)
        if not stops and isinstance(entries.get("stops"), Sequence):
            config.problem(entries["stops"], "a clock needs at least one field that stops it")
        within, since = config.duration(entries.get("within")), config.duration(entries.get("since"))
        if since is not None and since.unit.is_business:
            config.problem(entries["since"], "`since` counts plain time", "write it like 30 days")
        calendar = config.text(entries.get("calendar")) or "owner"
        if self._calendars is not None and calendar not in (*_CALENDARS, *self._calendars):
            hint = did_you_mean(calendar, (*_CALENDARS, *self._calendars))
            config.problem(entries["calendar"], f"unknown calendar {calendar!r}", hint)
        only_if = self._only_if(entries.get("only_if"), schema)
        if starts is None or within is None:
            return None
        return Clock(starts, tuple(stop for _, stop in stops), within, calendar, only_if, since)

    def _only_if(self, node: Node | None, schema: Schema) -> tuple[tuple[str, tuple[str, ...]], ...]:
        if node is None:
            return ()
        demands = []
        for name, (key, values) in self._config.pairs(node).items():
            self._check_field(key, name, schema, Kind.TEXT)
            texts = self._config.texts(values)
            for value_node, text in texts:
                self._doubt_value(value_node, schema, name, text)
            demands.append((name, tuple(text for _, text in texts)))
        return tuple(demands)

    def _check_field(self, node: Node, name: str, schema: Schema, kind: Kind) -> None:
        usable = {field.name for field in schema.fields.values() if field.kind is kind and "custom." not in field.name}
        if name not in schema.fields:
            self._config.problem(node, f"a {schema.name} has no field {name!r}", did_you_mean(name, usable))
        elif name not in usable:
            self._config.problem(node, f"{name!r} is not a field of the kind {kind}", did_you_mean(name, usable))

    def _actions(self, node: Node | None) -> tuple[RuleAction, ...]:
        words = (self._config.word(item, RuleAction, RuleAction.SNOOZE) for item in self._config.items(node))
        return tuple(words)

    def _routes(self, node: Node | None) -> tuple[Route, ...]:
        config = self._config
        if node is None:
            return (Route("owner", Mode.DIGEST),)
        routes: list[Route] = []
        for item in config.items(node):
            entries = config.words(item, vocabulary.ROUTE)
            to = config.text(entries.get("to"))
            mode = config.word(entries.get("mode"), Mode, Mode.DIRECT)
            after = config.duration(entries.get("after"))
            if to is None:
                continue
            if to not in vocabulary.PEOPLE and not EMAIL.fullmatch(to) and not _CHANNEL.fullmatch(to):
                hint = f'{did_you_mean(to, vocabulary.PEOPLE)}; or an e-mail address or a "#channel"'
                config.problem(entries["to"], f"nobody is known as {to!r}", hint)
            if any((to, after) == (known.to, known.after) for known in routes):
                when = f"after {after}" if after else "at once"
                config.problem(item, f"{to!r} is told {when} already, by another line", "keep one of them")
            routes.append(Route(to, mode, after))
        return tuple(routes)

    def _tests(self, node: Node | None, schema: Schema, asked: Collection[str]) -> list[RuleTest]:
        config = self._config
        tests = []
        for item in config.items(node):
            entries = config.words(item, vocabulary.TEST)
            name = config.text(entries.get("name"))
            now = config.read(entries.get("now"), read_local)
            given = self._given(entries.get("given"), schema, asked)
            expect = config.word(entries.get("expect"), Expectation, Expectation.FIRES)
            if name is not None and now is not None:
                tests.append(RuleTest(name, now, given, expect, config.where(item, name)))
        return tests

    def _given(self, node: Node | None, schema: Schema, asked: Collection[str]) -> dict[str, Given]:
        """What a test gives. A text of a field that the rule does not ask for decides nothing, so it is not doubted."""
        given: dict[str, Given] = {}
        if node is None:
            return given
        for name, (key, value) in self._config.pairs(node).items():
            field = schema.fields.get(name)
            if field is None:
                self._config.problem(key, f"a {schema.name} has no field {name!r}", did_you_mean(name, schema.fields))
            elif name.startswith("is_"):
                source = "stage_kind: open, won or lost" if schema.name == "deal" else "accepted and rejected"
                self._config.problem(key, f"{name!r} is not given, it follows", f"give {source}")
            elif value.is_missing:
                given[name] = None
            else:
                given[name] = self._config.read(value, partial(read_given, field, schema=schema))
                if field.kind is Kind.TEXT and name != "owner" and (name in asked or name in ENUMERATIONS):
                    self._doubt_value(value, schema, name, str(given[name]))
        return given


def _asked(when: Collection[Condition], parameters: Parameters, clock: Clock | None) -> frozenset[str]:
    """The fields that decide whether a rule fires; those of `is_open` and its like are no texts."""
    demanded = (name for name, _ in clock.only_if) if clock else ()
    of_variants = (fields_of(variant.clause) for variant in parameters.variants)
    return frozenset(demanded).union(*(condition.fields for condition in when), *of_variants)
