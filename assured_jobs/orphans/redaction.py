"""Secrets in what a job was called with, hidden before anybody sees it: the one room for pages and for programs.

Hiding by name is guesswork. Where that is not enough, everything can be hidden, or an actor's arguments, or whatever a
function of your own says.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .payloads import Shown

logger = logging.getLogger("assured_jobs")

HIDDEN = "[hidden]"

#: A name that contains one of these, in any case, has a value that is not shown.
SECRETS = (
    "password", "passwd", "passphrase", "secret", "token", "authorization", "cookie", "api_key", "apikey", "api-key",
    "access_key", "private_key", "credential", "session", "csrf", "card_number", "cvv", "iban",
)  # fmt: skip

#: A value that is a secret whatever it is called: a header, a key, a login within a URL.
_HEADER = re.compile(r"^\s*(?:bearer|basic)\s+\S", re.IGNORECASE)
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_LOGIN = re.compile(r"(?<=://)[^/\s@]{0,300}(?=@)")

_DEEPEST = 40

#: Characters of a traceback that are shown.
LONGEST_TEXT = 20_000

#: args and kwargs in, args and kwargs out.
Hook = Callable[[str, list[Any], dict[str, Any]], tuple[list[Any], dict[str, Any]]]


@dataclass(frozen=True)
class Redaction:
    """`names` are parts of names, `actors` those of whom nothing is shown. `hook` is told the actor and both."""

    names: tuple[str, ...] = SECRETS
    actors: frozenset[str] = frozenset()
    everything: bool = False
    hook: Hook | None = None

    def of(self, shown: Shown) -> Shown:
        """The same, its secrets hidden. Never fails: what cannot be judged is hidden."""
        if shown.args is None or shown.kwargs is None:
            return replace(shown, traceback=self._of_text(shown.traceback))
        if self.everything or shown.orphan.actor in self.actors:
            return replace(shown, args=None, kwargs=None, payload_error="arguments are hidden here", traceback=None)
        args, kwargs = shown.args, shown.kwargs
        if self.hook:
            try:
                args, kwargs = self.hook(shown.orphan.actor, args, kwargs)
            except Exception:
                logger.exception("The redaction hook failed for %r: its arguments are not shown.", shown.orphan.actor)
                return replace(shown, args=None, kwargs=None, payload_error="the redaction hook failed", traceback=None)
        return replace(
            shown, args=self._of(list(args), 0), kwargs=self._of(dict(kwargs), 0),
            traceback=self._of_text(shown.traceback),
        )  # fmt: skip

    def _of(self, value: Any, depth: int) -> Any:
        if depth > _DEEPEST:
            return "[nested too deep]"
        if isinstance(value, dict):
            return {
                name: HIDDEN if self._is_secret(str(name)) else self._of(inner, depth + 1)
                for name, inner in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self._of(inner, depth + 1) for inner in value]
        if isinstance(value, str):
            return HIDDEN if _HEADER.match(value) or _KEY.search(value) else _LOGIN.sub("***", value)
        return value

    def _is_secret(self, name: str) -> bool:
        plain = name.lower()
        return any(word in plain for word in self.names)

    def _of_text(self, text: str | None) -> str | None:
        """A traceback: `password='x'` and the like, as they stand in errors and in lines of code."""
        if text is None or self.everything:
            return None
        if not self.names:
            return _LOGIN.sub("***", text)
        # Every repetition is bounded: the text is somebody else's, and may be made to be slow.
        name = rf"(?:{'|'.join(map(re.escape, self.names))})[\w-]{{0,40}}['\"]?\s{{0,5}}[=:]\s{{0,5}}"
        value = r"(?:'[^']{0,300}'|\"[^\"]{0,300}\"|[^\s,;)]{1,300})"
        hidden = re.sub(f"({name}){value}", rf"\1{HIDDEN}", text[:LONGEST_TEXT], flags=re.IGNORECASE)
        return _LOGIN.sub("***", hidden)
