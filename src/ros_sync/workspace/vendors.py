"""The vendors of CRMs that can be followed over their API, by name. Looking one up loads its package and no other.

A new vendor is a line here and a package beside those of `connectors` (`connectors.vendor` has what it offers).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

# The names are asked for by `--help` too, which must be quick: whatever else is loaded by those who use it.
if TYPE_CHECKING:
    from ros_sync.connectors.vendor import Vendor


@dataclass(frozen=True, slots=True)
class Registered:
    """What is known of a vendor before its package is loaded: `module` has its `VENDOR`, `loggers` its library's."""

    display_name: str
    module: str
    loggers: tuple[str, ...] = ()


VENDORS: dict[str, Registered] = {
    "hubspot": Registered("HubSpot", "ros_sync.connectors.hubspot.vendor", loggers=("hubspot",)),
}
NAMES = ", ".join(VENDORS)  # for help and change events


def vendor(name: str) -> Vendor:
    """The vendor of that name; SettingsError where there is none."""
    if name not in VENDORS:
        from ros_sync.errors import SettingsError  # noqa: PLC0415  # see above
        from ros_sync.fields import did_you_mean  # noqa: PLC0415  # see above

        raise SettingsError(f"unknown CRM {name!r} here", hint=did_you_mean(name, VENDORS))
    found: Vendor = import_module(VENDORS[name].module).VENDOR
    return found


def display_name(name: str) -> str:
    """What people call a vendor: `HubSpot`."""
    return VENDORS[name].display_name


def shipped_file(name: str) -> str:
    """The connector file that comes with ros-sync, as `ros-sync init` lays it out."""
    return f"connectors/{name}.yaml"
