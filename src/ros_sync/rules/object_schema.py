"""The fields that rules on an object can ask about: those of the mirror, and what follows from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ros_sync.fields import Field, Kind
from ros_sync.mirror import catalogue
from ros_sync.rules.language import Schema

# What rules can be written about. Owners, quotas and stages are what rules look things up in.
OBJECTS = ("deal", "lead", "account", "contact", "activity")

CUSTOM = "custom."
HOME_MONEY = frozenset({"amount_home"})

# The fields that can only hold a few words. Of a deal's type a mapping may make other words too; a rule that asks for
# one is mistaken more often than not.
ENUMERATIONS = {
    **{
        name: field.options
        for each in catalogue.objects().values()
        for name, field in each.fields.items()
        if field.options
    },
    "deal_type": frozenset({"new business", "expansion", "renewal"}),
}
WORKED_OUT = ("stage_kind", "stage_position")  # of those, the ones that no mapping can fill with other words
SHARES = frozenset({"probability", "methodology_share"})  # numbers from 0 to 1

CustomKinds = Mapping[str, Kind]  # of an object's `custom.` properties, by the name after the dot

_DERIVED = {
    "deal": (
        Field("is_open", Kind.BOOLEAN, "whether it is neither won nor lost"),
        Field("is_won", Kind.BOOLEAN, "whether it was won"),
        Field("is_lost", Kind.BOOLEAN, "whether it was lost"),
        Field("is_closed", Kind.BOOLEAN, "whether it was won or lost"),
    ),
    "lead": (Field("is_open", Kind.BOOLEAN, "whether it was neither accepted nor rejected"),),
}


def schema_of(
    name: str, custom: CustomKinds | None = None, home_currency: str | None = None, several: Collection[str] = ()
) -> Schema:
    """The schema of an object. `custom` gives the kinds of the company's own properties, as the mapping files do.

    `several` are the fields of which mapping files say that they hold several options.
    """
    fields = dict(catalogue.objects()[name].fields)
    fields.update({field.name: field for field in _DERIVED.get(name, ())})
    for key, kind in (custom or {}).items():
        field = f"{CUSTOM}{key}"
        fields[field] = Field(field, kind, "property added by the company")
    return Schema(name, fields, HOME_MONEY & fields.keys(), home_currency, frozenset(several) & fields.keys())
