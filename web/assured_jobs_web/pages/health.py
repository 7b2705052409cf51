"""For probes: open to anybody, and silent about everything else. Anything else under our prefix does not exist."""

from __future__ import annotations

from typing import NoReturn

from assured_jobs.errors import LedgerError

from ..doors import door
from ..refusing import Refusal
from ..where import here

_PLAIN = {"Content-Type": "text/plain; charset=utf-8"}


@door("/healthz")
def healthz() -> tuple[str, int, dict[str, str]]:
    """Whether this process answers. It asks nobody else: a Redis that is away is no reason to restart it."""
    return "ok\n", 200, _PLAIN


@door("/readyz")
def readyz() -> tuple[str, int, dict[str, str]]:
    try:
        here().office.desk.ledger.custody.now()
    except LedgerError:
        return "not ready\n", 503, _PLAIN
    return "ok\n", 200, _PLAIN


@door("/<path:_rest>", "view", methods=("GET", "POST", "PUT", "PATCH", "DELETE"))
def nowhere(_rest: str) -> NoReturn:
    raise Refusal(404, "There is no such page.")
