"""How the commands' help reads."""

from __future__ import annotations

from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup


def _no_kind(ctx: Any) -> None:  # as typer calls it
    """Show no kind of value beside an argument: its name says it, `<list[Path]>` is a programmer's word."""


def _plainly(parameters: list[Any]) -> list[Any]:
    """Show no kind of value beside options that take none: `--json <bool>` would look as if one were to be given."""
    for parameter in parameters:
        if getattr(parameter, "is_bool_flag", False) and parameter.metavar is None:
            parameter.metavar = ""
        if isinstance(parameter, TyperArgument):
            vars(parameter)["display_type_rich"] = _no_kind
    return parameters


class Command(TyperCommand):
    """A command."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters, `--help` among them."""
        return _plainly(super().get_params(ctx))


class Group(TyperGroup):
    """A command with commands of its own."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters, `--help` among them."""
        return _plainly(super().get_params(ctx))
