"""Secrets in what a job was called with, hidden before anybody sees it: the one room for pages and for programs.

Hiding by name is guesswork. Where that is not enough, everything can be hidden, or an actor's arguments, or whatever a
function of your own says.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ..foreign import parse
from .payloads import Shown

logger = logging.getLogger("assured_jobs")

HIDDEN = "[hidden]"

#: A name that contains one of these has a value that is not shown: `api_key` is `API-Key` and `apiKey` as well.
SECRETS = (
    "password", "passwd", "pwd", "pass_phrase", "secret", "token", "authorization", "cookie", "api_key", "access_key",
    "private_key", "credential", "session", "csrf", "card_number", "cvv", "iban",
)  # fmt: skip

#: A value that is a secret whatever it is called: a header, a key, a login within a URL.
_HEADER = re.compile(r"^\s*(?:bearer|basic)\s+\S", re.IGNORECASE)
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----|[\s\S]*)")
_LOGIN = re.compile(r"(?<=://)[^/\s'\"]*(?=@)")
_BEARER = re.compile(r"\b(bearer\s+)[\w.~+/=-]+", re.IGNORECASE)

#: Behind a name in a text. Each of these takes whatever it has looked at: the text is somebody else's, and may be made
#: to be slow. A header ends with its line; so does what is opened there.
_LINE = re.compile(r"\b((?:authorization|cookie)\s?[:=]\s?)[^\n'\"]+", re.IGNORECASE)
_QUOTED = (
    r"(?:'''[\s\S]*?(?:'''|\Z)|\"\"\"[\s\S]*?(?:\"\"\"|\Z)"
    r"|'(?:[^'\\\n]|\\.)*(?:'|\\?$)|\"(?:[^\"\\\n]|\\.)*(?:\"|\\?$))"
)
_VALUE = rf"(?:[\[{{(][^\n]*|\\{{1,9}}['\"][^\n]*|[^\s,;&)'\"]*(?:{_QUOTED})?)"

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
                args, kwargs = list(args), dict(kwargs)
            except Exception:
                logger.exception("The redaction hook failed for %r: its arguments are not shown.", shown.orphan.actor)
                return replace(shown, args=None, kwargs=None, payload_error="the redaction hook failed", traceback=None)
        return replace(
            shown, args=[self._of(one, 0) for one in args], kwargs=self._of(kwargs, 0),
            traceback=self._of_text(shown.traceback),
        )  # fmt: skip

    def _of(self, value: Any, depth: int) -> Any:
        if depth > _DEEPEST:
            return "[nested too deep]"
        if isinstance(value, dict):
            return {
                _LOGIN.sub("***", str(name)): HIDDEN if self._is_secret(str(name)) else self._of(inner, depth + 1)
                for name, inner in value.items()
            }
        if isinstance(value, (list, tuple)):
            match value:
                case [str() as name, _] if self._is_secret(name):  # a header, as a pair
                    return [name, HIDDEN]
            return [self._of(inner, depth + 1) for inner in value]
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return self._of_string(str(value), depth)

    def _of_string(self, text: str, depth: int) -> Any:
        if _HEADER.match(text) or _KEY.search(text):
            return HIDDEN
        if text.lstrip()[:1] in ("{", "[", '"'):
            try:
                told = parse(text)
            except ValueError:
                pass
            else:
                hidden = self._of(told, depth + 1)
                return text if hidden == told else json.dumps(hidden, ensure_ascii=False)
        return self._without(text)

    def _is_secret(self, name: str) -> bool:
        return bool(self._named.search(name))

    def _of_text(self, text: str | None) -> str | None:
        """A traceback: `password='x'` and the like, as they stand in errors and in lines of code."""
        return None if text is None or self.everything else self._without(text[:LONGEST_TEXT])

    def _without(self, text: str) -> str:
        text = _LOGIN.sub("***", _KEY.sub(HIDDEN, text))
        known = text.lower()
        if "bearer" in known or "authorization" in known or "cookie" in known:
            text = _BEARER.sub(rf"\1{HIDDEN}", _LINE.sub(rf"\1{HIDDEN}", text))
        # Most texts name nothing, and are long: to look for that is quick.
        return self._told.sub(rf"\1{HIDDEN}", text) if any(word in known for word in self._first_words) else text

    @cached_property
    def _named(self) -> re.Pattern[str]:
        return re.compile(self._words, re.IGNORECASE)

    @cached_property
    def _told(self) -> re.Pattern[str]:
        """A secret's name in a text, what stands between, and its value."""
        name = rf"(?:{self._words})[\w-]{{0,40}}\\{{0,9}}['\"]?\s{{0,5}}(?:=>|:=|[=:]|,(?=\s?['\"]))\s{{0,5}}"
        return re.compile(f"({name}){_VALUE}", re.IGNORECASE | re.MULTILINE)

    @property
    def _words(self) -> str:
        """Each name, however its parts are joined."""
        parts = ([re.escape(part) for part in re.split("[-_ ]", name)] for name in self.names)
        return "|".join(r"[\W_]?".join(one) for one in parts) or "(?!)"

    @cached_property
    def _first_words(self) -> tuple[str, ...]:
        return tuple({re.split("[-_ ]", name)[0].lower() for name in self.names})
