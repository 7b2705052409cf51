"""What the dashboard is told by `ASSURED_JOBS_WEB_*`. Which Redis, and which namespace, are the workers' own variables.

No setting may be called `..._PORT` or `..._HOST`: Kubernetes makes such variables by itself out of a Service that is
called `assured-jobs-web`. Where to listen is said on the command line.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from assured_jobs.errors import ConfigurationError
from assured_jobs.expectations import expected
from assured_jobs.misspelt import Ignored, slips

PREFIX = "ASSURED_JOBS_WEB_"

logger = logging.getLogger("assured_jobs.web")

#: A bearer token, and the key that signs, are not guessed from a few characters.
_SHORTEST = 16

_LIST = Annotated[tuple[str, ...], NoDecode]


class WebSettings(BaseSettings):
    """Read from `ASSURED_JOBS_WEB_*`; a keyword goes before its variable. Secrets are never shown.

    Raises:
        ConfigurationError: naming every variable at fault, what was expected and what came.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    auth: Literal["anonymous"] | None = Field(None, description="`anonymous`: whoever reaches it is let in")
    username: str | None = Field(None, description="For basic auth, of who may act")
    password: SecretStr | None = Field(None, description="For basic auth, of who may act")
    readonly_username: str | None = Field(None, description="For basic auth, of who may only look")
    readonly_password: SecretStr | None = Field(None, description="For basic auth, of who may only look")
    token: SecretStr | None = Field(None, description="Bearer token of the JSON API, to act")
    readonly_token: SecretStr | None = Field(None, description="Bearer token of the JSON API, to look")
    readonly: bool = Field(False, description="Nobody may act, whoever it is")
    secret_key: SecretStr | None = Field(None, description="Signs sessions and plans; the same in every replica")
    https_only: bool = Field(False, description="The session cookie goes over HTTPS alone")
    trusted_hosts: _LIST = Field((), description="Names it may be reached by, separated by commas; empty = any")
    proxies: int = Field(0, ge=0, le=5, description="How many proxies before it set X-Forwarded-*")
    hide_arguments: bool = Field(False, description="No arguments and no tracebacks are shown")
    redact_names: _LIST = Field((), description="More parts of names whose values are hidden")
    redact_actors: _LIST = Field((), description="Actors whose arguments are hidden")
    environment: str = Field("", max_length=40, description="Named on every page: production, staging ...")
    links: _LIST = Field((), description="Links on a job's page, `Logs=https://logs.example/?q={message_id}`")
    refresh: float = Field(4.0, ge=2, le=600, description="Seconds between two refreshes of an open page")

    def __init__(self, **values: Any) -> None:
        problems: list[str] = []
        try:
            super().__init__(**values)
        except ValidationError as error:
            problems = list(_problems(error))
        if not problems:
            problems = list(self._broken_rules())
        if problems:
            raise ConfigurationError(problems)

    @field_validator("trusted_hosts", "redact_names", "redact_actors", "links", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value

    @field_validator("redact_names")
    @classmethod
    def _in_small_letters(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(word.lower() for word in value)

    @field_validator("links")
    @classmethod
    def _are_links(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for link in value:
            name, equals, address = link.partition("=")
            if not (name and equals and address.startswith(("http://", "https://"))):
                raise ValueError("Name=https://..., separated by commas")
        return value

    @field_validator("token", "readonly_token", "secret_key")
    @classmethod
    def _is_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < _SHORTEST:
            raise ValueError(f"{_SHORTEST} characters or more")
        return value

    @field_validator("username", "readonly_username")
    @classmethod
    def _has_no_colon(cls, value: str | None) -> str | None:
        if value is not None and ":" in value:
            raise ValueError("a name without a colon")
        return value

    def _broken_rules(self) -> Iterator[str]:
        for name, secret in (("username", "password"), ("readonly_username", "readonly_password")):
            given = {one: bool(getattr(self, one)) for one in (name, secret)}
            if sum(given.values()) == 1:
                missing, there = sorted(given, key=lambda one: given[one])
                yield f"{variable(missing)}: expected a value beside {variable(there)}, got none"
        if self.username is not None and self.username == self.readonly_username:
            yield f"{variable('readonly_username')}: expected another name than {variable('username')}, got the same"
        if self.auth == "anonymous" and self.password:
            yield f"{variable('auth')}: expected no value beside {variable('password')}, got 'anonymous'"

    @property
    def is_open(self) -> bool:
        """Whether anybody at all is let in."""
        return bool(self.auth or self.password or self.readonly_password or self.token or self.readonly_token)


def variable(field: str) -> str:
    return PREFIX + field.upper()


def ignored() -> Iterator[Ignored]:
    """Each of our variables that is set and has no effect."""
    return slips({variable(name) for name in WebSettings.model_fields}, PREFIX)


def warn_of_slips() -> None:
    for one in ignored():
        logger.warning(one.sentence)


def _problems(error: ValidationError) -> Iterator[str]:
    secret = {name for name, field in WebSettings.model_fields.items() if "SecretStr" in str(field.annotation)}
    for problem in error.errors():
        field = str(problem["loc"][0])
        if problem["type"] == "extra_forbidden":
            yield f"{field}: no such setting; known are {', '.join(WebSettings.model_fields)}"
            continue
        got = "a value that is not shown" if field in secret else repr(problem["input"])
        yield f"{variable(field)}: expected {expected(dict(problem))}, got {got}"
