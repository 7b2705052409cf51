"""Which dashboard a request is for: an app may have several, each with its own Redis."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from flask import current_app, request

from assured_jobs.settings import AssuredJobsSettings

if TYPE_CHECKING:
    from .office import Office

EXTENSION = "assured_jobs_web"

_USUAL = AssuredJobsSettings.model_fields["namespace"].default


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

    def command(self, *words: str) -> str:
        """A command line that asks the same ledger, to be copied into a shell where only the Redis is set."""
        namespace = self.office.desk.ledger.keys.namespace
        where = [] if namespace == _USUAL else ["--namespace", namespace]
        return shlex.join(["assured-jobs", *where, *words])


def here() -> Here:
    return Here()
