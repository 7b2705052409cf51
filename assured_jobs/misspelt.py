"""Variables that begin as ours do and are no setting: a slip of the pen must not pass for a setting.

They are warned of and never refused: the name may be somebody else's. Kubernetes makes such names by itself, out of
every Service whose name begins with `assured-jobs`, and those are passed over.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from .settings import PREFIX, SHORT_NAME, AssuredJobsSettings, environment, variable

logger = logging.getLogger("assured_jobs")

_LONG_NAME = PREFIX + "NAMESPACE"

#: No settings, and read by us all the same: where a test kills a process, and what the dashboard is told.
_KNOWN = re.compile(rf"{PREFIX}(?:FAIL_POINT|WEB_\w+)")  # the dashboard warns of its own

_LINK = re.compile(rf"{PREFIX}(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)")

#: `..._PORT` alone is what a person may well write; Kubernetes gives it an address with a scheme.
_LINKED_PORT = re.compile(rf"{PREFIX}(?:\w+_)?PORT=(?:tcp|udp|sctp)://.*", re.DOTALL)

_told: set[str] = set()


@dataclass(frozen=True)
class Ignored:
    """`did_you_mean` is a variable that is read, where one comes close; `hint` says it in a few words."""

    variable: str
    did_you_mean: str | None
    hint: str
    sentence: str


def ignored() -> Iterator[Ignored]:
    """Each variable that is set and has no effect."""
    found = environment()
    known = {*map(variable, AssuredJobsSettings.model_fields), _LONG_NAME}
    for name, value in sorted(found.items()):
        if name == _LONG_NAME and found.get(SHORT_NAME, value) != value:
            hint = f"{SHORT_NAME} says something else, and goes before it"
            yield Ignored(name, SHORT_NAME, hint, f"{name} is ignored: {hint}.")
        elif name not in known and not _is_somebody_elses(name, value):
            yield _misspelt(name, known)


def slips(known: set[str], prefix: str) -> Iterator[Ignored]:
    """Each variable that is set, begins with `prefix`, and is none of those known."""
    for name, value in sorted(environment().items()):
        if name.startswith(prefix) and name not in known and not _is_a_link(name, value):
            yield _misspelt(name, known)


def warn_once() -> None:
    """Tells the log, each of them once in the life of this process."""
    for one in ignored():
        if one.variable not in _told:
            _told.add(one.variable)
            logger.warning(one.sentence)


def _is_somebody_elses(name: str, value: str) -> bool:
    return bool(_KNOWN.fullmatch(name)) or _is_a_link(name, value)


def _is_a_link(name: str, value: str) -> bool:
    return bool(_LINK.fullmatch(name) or _LINKED_PORT.fullmatch(f"{name}={value}"))


def _misspelt(name: str, known: set[str]) -> Ignored:
    # Without the prefix, which they all share and which would make any two of them alike.
    close = get_close_matches(name.removeprefix(PREFIX), [one.removeprefix(PREFIX) for one in sorted(known)], n=1)
    meant = PREFIX + close[0] if close else None
    hint = f"did you mean {meant}?" if meant else "no setting"
    advice = hint if meant else "`assured-jobs config` lists those that are."
    return Ignored(name, meant, hint, f"{name} is not a setting of assured_jobs and is ignored: {advice}")
