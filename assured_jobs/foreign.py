"""Reading what somebody else may have written under our keys: what is not ours raises ValueError, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

#: Nobody can reckon with larger numbers. A policy may well say a large one, or an endless age, and mean "never".
_MOST = 10**300


def parse(text: str | bytes) -> Any:
    """Reads JSON that somebody else may have written. Raises ValueError, and nothing else."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def known(cls: type, data: Any) -> dict[str, Any]:
    """Keeps the fields that this version knows: a newer worker may have written more.

    Raises ValueError where one of them is of a type that this package never wrote.
    """
    if not isinstance(data, Mapping):
        raise ValueError("expected a JSON object")  # noqa: TRY004 - what was read is at fault, not who called
    fits = _checks(cls)
    found = {name: value for name, value in data.items() if name in fits}
    for name, value in found.items():
        if not fits[name](value):
            raise ValueError(f"{name} is none")
    return found


@cache
def _checks(cls: type) -> dict[str, Callable[[Any], bool]]:
    """For each field, whether a value is of its type. Made once: they are asked for every job on every page."""
    return {name: _check(hint) for name, hint in get_type_hints(cls).items()}


def _check(hint: Any) -> Callable[[Any], bool]:
    kinds = get_args(hint)
    if get_origin(hint) is Literal:
        return lambda value: isinstance(value, str) and value in kinds
    if get_origin(hint) is tuple:
        fits = _check(kinds[0])
        return lambda value: isinstance(value, (list, tuple)) and all(map(fits, value))
    if kinds:
        either = [_check(kind) for kind in kinds]
        return lambda value: any(fits(value) for fits in either)
    if hint is float:
        return lambda value: (
            type(value) in (int, float) and value >= -_MOST and (value <= _MOST or value == float("inf"))
        )
    if hint is int:
        return lambda value: type(value) is int and abs(value) <= _MOST
    return lambda value: isinstance(value, hint)


def number(raw: bytes | str) -> int:
    """Raises ValueError where it is none that this package wrote: Python itself takes more for one."""
    text = raw if isinstance(raw, str) else raw.decode(errors="replace")
    if not re.fullmatch("[0-9]{1,16}", text):
        raise ValueError("expected a number")
    return int(text)
