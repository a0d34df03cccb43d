"""What the organisation's file is called, and names that are meant to be that."""

from __future__ import annotations

import re

ORGANISATION_FILE = "organisation.yaml"
# What an editor or a system makes of an ending: organisation.yml, Organization.YAML, organisation.yaml.txt.
YAML_LIKE = r"\.(?:ya?ml|yalm|ymal|ylm)(?:\.(?:ya?ml|te?xt))?"
_MEANT = re.compile(rf"organi[sz]ations?{YAML_LIKE}", re.IGNORECASE)


def is_nearly_organisation(name: str) -> bool:
    """Whether a file is meant to be the organisation's by its name, and is not called so."""
    return name != ORGANISATION_FILE and _MEANT.fullmatch(name) is not None
