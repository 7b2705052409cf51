"""Every door of the dashboard with the right it asks for. A view that is not hung here cannot be reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .access import Right

View = Callable[..., Any]


@dataclass(frozen=True)
class Door:
    """`rights` is empty for what anybody may ask: whether we live, and our own style sheet."""

    rule: str
    name: str
    view: View
    methods: tuple[str, ...]
    rights: tuple[Right, ...]
    is_api: bool


DOORS: dict[str, Door] = {}


def door(rule: str, *rights: Right, methods: tuple[str, ...] = ("GET",), name: str = "") -> Callable[[View], View]:
    """Hangs a view, for those who have one of these rights. Those under /api/ answer in JSON, to bearers of a token."""

    def hang(view: View) -> View:
        known = name or view.__name__
        if known in DOORS:
            raise ValueError(f"two views are called {known}")
        DOORS[known] = Door(rule, known, view, methods, rights, rule.startswith("/api/"))
        return view

    return hang


def _nothing() -> None:
    """Flask serves static files itself; the guard knows the door."""


DOORS["static"] = Door("/static/<path:filename>", "static", _nothing, ("GET",), (), is_api=False)
