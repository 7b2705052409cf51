"""Errors that Dramatiq lets through its hooks: it swallows every other kind."""

from __future__ import annotations

from dramatiq.middleware import MiddlewareError

from .errors import ConfigurationError, OwnershipLost


class NotOurs(OwnershipLost, MiddlewareError):
    """This worker had been declared dead: nothing is enqueued on behalf of a job that it lost."""


class BadActorOption(ConfigurationError, MiddlewareError):
    """An actor option has a value that cannot be meant."""

    where = "the options of an actor"


class WrongServer(ConfigurationError, MiddlewareError):
    """The ledger is not on the broker's server: the worker does not boot."""
