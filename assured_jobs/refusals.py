"""What ends a job, a hook or a boot: in the words and kinds of exception that Dramatiq understands."""

from __future__ import annotations

from dramatiq.middleware import MiddlewareError
from dramatiq.threading import Interrupt

from .errors import ConfigurationError


class OwnershipLost(Interrupt):
    """This worker had been declared dead: the job is no longer its own, and runs, or ran, elsewhere."""

    # Not an Exception: a job that catches all its errors and goes on must not go on after this one.

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class NotOurs(OwnershipLost, MiddlewareError):
    """This worker had been declared dead: nothing is enqueued on behalf of a job that it lost."""


class BadActorOption(ConfigurationError, MiddlewareError):
    """An actor option has a value that cannot be meant."""

    where = "the options of an actor"


class WrongServer(ConfigurationError, MiddlewareError):
    """The ledger is not on the broker's server: the worker does not boot."""
