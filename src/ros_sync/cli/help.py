"""How the commands' help reads."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup


def _without_bool(parameters: list[Any]) -> list[Any]:
    """Show no kind of value beside options that take none: `--json <bool>` would look as if one were to be given."""
    for parameter in parameters:
        if getattr(parameter, "is_bool_flag", False) and parameter.metavar is None:
            parameter.metavar = ""
    return parameters


class Command(TyperCommand):
    """A command."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters, `--help` among them."""
        return _without_bool(super().get_params(ctx))


class Group(TyperGroup):
    """A command with commands of its own."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters, `--help` among them."""
        return _without_bool(super().get_params(ctx))
