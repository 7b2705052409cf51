"""Who asks, and what they may do. Closed until somebody said who may come in."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from flask import Request
from pydantic import SecretStr

from .settings import WebSettings

Right = Literal["view", "retry", "delete", "declare-dead"]

VIEWER: frozenset[Right] = frozenset({"view"})
OPERATOR: frozenset[Right] = frozenset({"view", "retry", "delete", "declare-dead"})

_LONGEST_NAME = 100


@dataclass(frozen=True)
class Principal:
    """Who asks: a name for the history, and what is allowed. `by` says how it was shown."""

    name: str
    rights: frozenset[Right] = VIEWER
    by: Literal["host", "basic", "bearer", "anonymous"] = "host"

    @classmethod
    def operator(cls, name: str) -> Principal:
        return cls(name, OPERATOR)

    @classmethod
    def viewer(cls, name: str) -> Principal:
        return cls(name, VIEWER)

    @property
    def who(self) -> str:
        """The name as the history has it: bounded, and of printable characters."""
        return "".join(c for c in self.name if c.isprintable())[:_LONGEST_NAME] or "somebody"


#: A host's own login: the principal, or None for nobody.
Authorize = Callable[[Request], "Principal | None"]


def identify(request: Request, settings: WebSettings, authorize: Authorize | None) -> Principal | None:
    """Who asks, or None. What the request itself carries goes before what the host knows."""
    found = _by_header(request, settings)
    if found is None and not _is_ours(request.authorization, settings):
        if authorize is not None:
            found = authorize(request)
        if found is None and settings.auth == "anonymous":
            found = Principal(f"anonymous@{request.remote_addr}", OPERATOR, "anonymous")
    if found is not None and settings.readonly:
        found = Principal(found.name, found.rights & VIEWER, found.by)
    return found


def _is_ours(told: Any, settings: WebSettings) -> bool:
    """Whether it is of the kind that is asked for here. Any other is for a host, or for a proxy before it."""
    ours = {
        "basic": settings.password or settings.readonly_password,
        "bearer": settings.token or settings.readonly_token,
    }
    return told is not None and bool(ours.get(told.type))


def _by_header(request: Request, settings: WebSettings) -> Principal | None:
    told: Any = request.authorization
    if told is None:
        return None
    if told.type == "bearer":
        given = told.token or ""
        if _same(given, settings.token):
            return Principal("token", OPERATOR, "bearer")
        return Principal("read-only token", VIEWER, "bearer") if _same(given, settings.readonly_token) else None
    if told.type == "basic":
        name, word = told.username or "", told.password or ""
        accounts = (
            (settings.username, settings.password, OPERATOR),
            (settings.readonly_username, settings.readonly_password, VIEWER),
        )
        for known, secret, rights in accounts:
            # Both are compared, whatever the first says: how long it takes tells nothing.
            if known is not None and _same(name, SecretStr(known)) & _same(word, secret):
                return Principal(known, rights, "basic")
    return None


def _same(given: str, secret: SecretStr | None) -> bool:
    if secret is None:
        return False
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.get_secret_value().encode())
