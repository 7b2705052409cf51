"""Which dashboard a request is for: an app may have several, each with its own Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app, request

if TYPE_CHECKING:
    from .office import Office

EXTENSION = "assured_jobs_web"


class Here:
    """The dashboard that this request has come to."""

    @property
    def name(self) -> str:
        return (request.endpoint or "").rpartition(".")[0]

    @property
    def door_name(self) -> str:
        return (request.endpoint or "").rpartition(".")[2]

    @property
    def office(self) -> Office:
        found: Office = current_app.extensions[EXTENSION][self.name]
        return found


def here() -> Here:
    return Here()
