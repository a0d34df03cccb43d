"""Values made into what JSON can say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import Any


def data_of(value: Any) -> Any:
    """What JSON can say of a value: dataclasses and maps become objects, instants and days ISO 8601, the rest its text.

    Keys that are no texts become texts. `dataclasses.asdict` must not be used for this: before Python 3.12 it makes
    counters of pairs out of counters (python/cpython#79721), which no JSON can hold.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: data_of(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {_key(key): data_of(each) for key, each in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((data_of(each) for each in value), key=str)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        return [data_of(each) for each in value]
    return _plain(value)


def _plain(value: Any) -> str | int | float | None:
    if value is None or isinstance(value, int):  # true and false, too
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None  # JSON knows neither infinity nor what is no number
    return value.isoformat() if isinstance(value, datetime | date) else str(value)


def _key(key: Any) -> str:
    return " ".join(map(str, key)) if isinstance(key, tuple) else str(key)
