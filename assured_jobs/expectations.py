"""What a setting is expected to be, in words of ours, for each kind of error that pydantic knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WORDS = {
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of fewer digits",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "{ge:g} or more",
}


def expected(problem: Mapping[str, Any]) -> str:
    """`problem` is one of the errors of a ValidationError."""
    if words := _WORDS.get(problem["type"]):
        return words.format(**problem.get("ctx", {}))
    return str(problem["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
