from __future__ import annotations

import pytest

from ros_sync.sheets import Kind, Scalar


@pytest.mark.parametrize(
    "written,kind",
    [
        ("", Kind.NOTHING),
        ("~", Kind.NOTHING),
        ("null", Kind.NOTHING),
        ("true", Kind.TRUTH),
        ("False", Kind.TRUTH),
        ("no", Kind.TEXT),
        ("12", Kind.WHOLE),
        ("-012", Kind.WHOLE),
        ("0x1F", Kind.WHOLE),
        ("1_000", Kind.TEXT),
        ("1.5", Kind.NUMBER),
        (".5", Kind.NUMBER),
        ("1e3", Kind.NUMBER),
        (".inf", Kind.NUMBER),
        (".", Kind.TEXT),
        ("10%", Kind.TEXT),
        ("2026-12-24", Kind.TEXT),
    ],
)
def test_a_plain_scalar_stands_for_what_yaml_says(written: str, kind: Kind) -> None:
    """The core schema of YAML 1.2 tells plain scalars apart; `no` and days are texts."""
    assert kind == Scalar(written, quoted=False, line=1, column=1).kind


@pytest.mark.parametrize("written", ["", "null", "true", "12"])
def test_what_stands_in_quotes_is_a_text(written: str) -> None:
    """Quotes turn every word into a text."""
    assert Kind.TEXT == Scalar(written, quoted=True, line=1, column=1).kind
