"""Judges whether this user may do what a worker does. Pure."""

from __future__ import annotations

from ..ledger.health import Trial
from .finding import Finding

#: Command -> what an ACL says to allow it.
_ALLOWED = {
    "SUBSCRIBE": "+subscribe",
    "PUBSUB NUMSUB": "'+pubsub|numsub'",
    "INFO": "+info",
    "CLIENT ID": "'+client|id'",
    "PUBLISH": "+publish",
}

_LATE = (
    "Deaths are seen by their heartbeats alone: after `heartbeat_ttl` (45 s unless set) instead of "
    "`presence_grace` (3 s)."
)
_BETWEEN = "Connect workers straight to the server: what stands between, a proxy say, does not pass subscriptions on."


def judge_presence(trial: Trial, namespace: str) -> list[Finding]:
    """Two findings: whether deaths can be seen at once, and whether words arrive."""
    return [_presence(trial, namespace), _words(trial, namespace)]


def _presence(trial: Trial, namespace: str) -> Finding:
    refused = {command: why for command, why in trial.refused.items() if command != "PUBLISH"}
    if refused:
        return Finding("presence", "fault", _told(refused), _LATE, _allow(refused, namespace))
    if trial.subscribers != 1:
        found = f"A subscribed connection is not counted: PUBSUB NUMSUB says {trial.subscribers}, expected 1."
        return Finding("presence", "fault", found, _LATE, _BETWEEN)
    return Finding("presence", "ok", "A connection that goes is seen at once (SUBSCRIBE, PUBSUB NUMSUB).")


def _words(trial: Trial, namespace: str) -> Finding:
    follows = (
        "The watcher's ticks reach nobody: every worker watches for itself, and one that was declared dead learns it "
        "only with its next heartbeat."
    )
    refused = {command: why for command, why in trial.refused.items() if command == "PUBLISH"}
    if refused:
        return Finding("publish", "fault", _told(refused), follows, _allow(refused, namespace))
    if "SUBSCRIBE" in trial.refused:
        return Finding("publish", "unknown", "Not tried: nothing can be heard without SUBSCRIBE.", follows)
    if not trial.heard:
        return Finding("publish", "fault", "A word that was published did not arrive.", follows, _BETWEEN)
    return Finding("publish", "ok", "Published words arrive.")


def judge_scripts(refusal: str | None, namespace: str) -> list[Finding]:
    if refusal is None:
        return [Finding("scripts", "ok", "Redis runs the ledger's scripts.")]
    return [
        Finding(
            "scripts", "fault", f"Redis refuses the ledger's scripts: {refusal}.",
            "Workers record no job here, and nothing that dies comes back before Dramatiq's own maintenance.",
            f"redis-cli ACL SETUSER USER +eval +evalsha '~{{{namespace}}}:*' '~dramatiq:*'",
        )
    ]  # fmt: skip


def _told(refused: dict[str, str]) -> str:
    whys = "; ".join(dict.fromkeys(refused.values()))
    return f"Redis refuses {', '.join(refused)} to this user: {whys}."


def _allow(refused: dict[str, str], namespace: str) -> str:
    channels = f" '&{{{namespace}}}:*'" if {"SUBSCRIBE", "PUBLISH"} & set(refused) else ""
    return f"redis-cli ACL SETUSER USER {' '.join(_ALLOWED[command] for command in refused)}{channels}"
