"""What can go wrong, in one tree. Each docstring is the message a reader sees when no better one is given."""

from __future__ import annotations


class AssuredJobsError(Exception):
    """Something went wrong in assured_jobs."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip())


class ConfigurationError(AssuredJobsError, ValueError):
    """The settings are not usable: correct the variables named and start again."""

    #: Where the problems are, for the first line.
    where = "the settings of assured_jobs"

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{count} in {self.where}:\n" + "\n".join(f"  {line}" for line in problems))


class LedgerError(AssuredJobsError):
    """The ledger in Redis could not be used."""


class LedgerUnreachable(LedgerError):
    """Redis does not answer: check that it runs, and the address (--url, ASSURED_JOBS_REDIS_URL, the broker's)."""


class LedgerRefused(LedgerError):
    """Redis refused: is it read-only, out of memory, without that database, or does an ACL forbid the command?"""


class ForeignValue(LedgerRefused):
    """A key of the ledger holds something that assured_jobs did not write: move it away or choose another namespace."""


class LedgerElsewhere(LedgerRefused):
    """ASSURED_JOBS_REDIS_URL: expected the RedisBroker's own server and database, got another one: what a dead worker
    held can only be handed back in one step where the broker keeps it. Leave the variable unset, or correct it."""
