from __future__ import annotations

import pytest

from ros_sync.config_files import Scalar, ScalarKind


@pytest.mark.parametrize(
    "written,kind",
    [
        ("", ScalarKind.NOTHING),
        ("~", ScalarKind.NOTHING),
        ("null", ScalarKind.NOTHING),
        ("true", ScalarKind.TRUTH),
        ("False", ScalarKind.TRUTH),
        ("no", ScalarKind.TEXT),
        ("12", ScalarKind.WHOLE),
        ("-012", ScalarKind.WHOLE),
        ("0x1F", ScalarKind.WHOLE),
        ("1_000", ScalarKind.TEXT),
        ("1.5", ScalarKind.NUMBER),
        (".5", ScalarKind.NUMBER),
        ("1e3", ScalarKind.NUMBER),
        (".inf", ScalarKind.NUMBER),
        (".", ScalarKind.TEXT),
        ("10%", ScalarKind.TEXT),
        ("2026-12-24", ScalarKind.TEXT),
    ],
)
def test_a_plain_scalar_stands_for_what_yaml_says(written: str, kind: ScalarKind) -> None:
    """The core schema of YAML 1.2 tells plain scalars apart; `no` and days are texts."""
    assert kind == Scalar(written, quoted=False, line=1, column=1).kind


@pytest.mark.parametrize("written", ["", "null", "true", "12"])
def test_what_stands_in_quotes_is_a_text(written: str) -> None:
    """Quotes turn every word into a text."""
    assert ScalarKind.TEXT == Scalar(written, quoted=True, line=1, column=1).kind
