"""Every knob: its variable, unit, bound, and the rules between knobs, checked once and reported all at once."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from typing import Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from .address import Address
from .entry import OnOrphan, Policy, RecoveryMode
from .errors import ConfigurationError
from .expectations import expected

PREFIX = "ASSURED_JOBS_"

#: The namespace has a short name too, which goes before the other.
SHORT_NAME = PREFIX + "NS"

_LABEL = re.compile(r"[A-Za-z0-9._:@-]{1,200}")


class AssuredJobsSettings(BaseSettings):
    """Read from `ASSURED_JOBS_*`; a keyword goes before its variable. Durations in seconds.

    Raises:
        ConfigurationError: naming every variable at fault, what was expected and what came.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, allow_inf_nan=False)

    instance_id: str = Field(default_factory=socket.gethostname, description="A label in the instance's name")
    namespace: str = Field("assured_jobs", description="Prefix of every key in Redis")
    redis_url: str | None = Field(
        None, repr=False, description="The RedisBroker's own server, where not taken from the broker"
    )
    redis_timeout: float = Field(5.0, gt=0, description="For one command")
    heartbeat_interval: float = Field(15.0, gt=0, description="Between two heartbeats")
    heartbeat_ttl: float = Field(45.0, gt=0, description="A heartbeat older than this is missed")
    presence_grace: float = Field(3.0, ge=0, description="Dead this long after its connection is gone; 0 = off")
    stall_ttl: float = Field(180.0, gt=0, description="Dead after this long without a heartbeat, connected or not")
    recovery_lock_ttl: float = Field(300.0, gt=0, description="The lease for recovery passes")
    delayed_recovery_interval: float = Field(300.0, gt=0, description="Between the passes after the one at start")
    delayed_recovery_count: int = Field(1, ge=0, description="How many passes after the one at start")
    watch: bool = Field(True, description="Recover whenever someone dies; false: at start and on delay alone")
    recovery: RecoveryMode = Field("act", description="observe: see, judge and record, and do nothing")
    recovery_rate: float | None = Field(None, gt=0, description="Orphans that come back per second, at most")
    termination_grace_period: float | None = Field(
        None, gt=0, description="What the platform grants between SIGTERM and SIGKILL; `check` compares with it"
    )
    health_file: str | None = Field(
        None, min_length=1, description="Each process reports here, its pid added, for `assured-jobs healthcheck`"
    )
    metrics: bool = Field(False, description="Count for Prometheus; needs the extra of that name")
    assure_all: bool = Field(False, description="Every actor is assured unless it says assured=False")
    on_orphan: OnOrphan = Field("requeue", description="requeue, hold or discard")
    max_crashes: int = Field(3, ge=1, description="Deaths in a job's company before it is held")
    max_orphan_age: float = Field(86400.0, gt=0, description="An orphan silent for longer is held")

    def __init__(self, **values: Any) -> None:
        problems: list[str] = []
        wrong: set[str] = set()
        keywords = set(values)
        if "namespace" not in values and SHORT_NAME in environment():
            # An alias would not do: pydantic-settings reads it without our prefix, too, and a bare NAMESPACE is
            # what many pods have.
            values["namespace"] = environment()[SHORT_NAME]
        try:
            super().__init__(**values)
        except ValidationError as error:
            problems += _problems(error, keywords)
            wrong = {str(problem["loc"][0]) for problem in error.errors()}
            self._fill_in(values, wrong)
        problems += [rule for names, rule in self._broken_rules() if not wrong & names]
        if problems:
            raise ConfigurationError(problems)

    def _fill_in(self, values: dict[str, Any], wrong: set[str]) -> None:
        """Reads what is right, so that the rules between the others are checked too, and all is told at once."""
        fields = type(self).model_fields
        known = {name: value for name, value in values.items() if name in fields}
        defaults = {name: fields[name].get_default(call_default_factory=True) for name in wrong if name in fields}
        super().__init__(**{**known, **defaults})

    @field_validator("instance_id", "namespace")
    @classmethod
    def _is_a_label(cls, value: str) -> str:
        if not _LABEL.fullmatch(value):
            raise ValueError("1 to 200 letters, digits or . _ : @ -")
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_a_redis_url(cls, value: str | None) -> str | None:
        if value is not None:
            Address.parse(value)
        return value

    def _broken_rules(self) -> Iterator[tuple[set[str], str]]:
        rules = [
            (
                "heartbeat_ttl",
                self.heartbeat_ttl >= 2 * self.heartbeat_interval,
                "at least 2 x {}",
                "heartbeat_interval",
            ),
            ("stall_ttl", self.stall_ttl >= self.heartbeat_ttl, "at least {}", "heartbeat_ttl"),
            ("presence_grace", self.presence_grace < self.heartbeat_ttl, "less than {}", "heartbeat_ttl"),
            ("recovery_lock_ttl", self.recovery_lock_ttl >= self.redis_timeout, "at least {}", "redis_timeout"),
        ]
        for name, holds, words, other in rules:
            if not holds:
                bound = f"{variable(other)} ({getattr(self, other):.15g} s)"
                rule = f"{variable(name)}: expected {words.format(bound)}, got {getattr(self, name):.15g} s"
                yield {name, other}, rule

    def policy(self) -> Policy:
        """What happens to an orphan whose actor says nothing else."""
        return Policy(self.on_orphan, self.max_crashes, self.max_orphan_age)


def variable(field: str) -> str:
    """The environment variable of a field."""
    return SHORT_NAME if field == "namespace" else PREFIX + field.upper()


def environment() -> dict[str, str]:
    """Our variables that are set, by their names in capitals: pydantic-settings reads them in any case."""
    return {name.upper(): value for name, value in os.environ.items() if name.upper().startswith(PREFIX)}


def variable_set(field: str) -> str | None:
    """The variable that says what a field is, where one does."""
    names = (variable(field), PREFIX + field.upper())
    return next((name for name in names if name in environment()), None)


def _problems(error: ValidationError, keywords: set[str]) -> Iterator[str]:
    for problem in error.errors():
        field = str(problem["loc"][0])
        if problem["type"] == "extra_forbidden":
            yield f"{field}: no such setting; known are {', '.join(AssuredJobsSettings.model_fields)}"
            continue
        name = (variable_set(field) if field not in keywords else None) or variable(field)
        got = "a value that is not shown" if field == "redis_url" else repr(problem["input"])
        yield f"{name}: expected {expected(dict(problem))}, got {got}"
