"""Judges what lies about: silent brokers, ids nobody owns, custody that leads nowhere, foreign values. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

from ..ledger.keys import Keys
from ..ledger.roster import Roster
from ..ledger.strays import Leaks, Silent, Stock
from .finding import Finding, capped, number, some

#: Seconds of silence after which a broker is no longer just slow: twice Dramatiq's own heartbeat_timeout.
SILENCE = 120

#: This many brokers that stay block Redis for half a second at each of Dramatiq's passes, at 100,000 keys.
_MANY_SILENT = 100


def judge_silent(silent: Sequence[Silent], leaks: Leaks) -> list[Finding]:
    total = sum(one.total for one in silent)
    if not total:
        return [Finding("stale_heartbeats", "ok", "Dramatiq remembers no broker that is gone.")]
    keys = some([one.key for one in silent if one.total])
    if leaks.sizes:
        mend = "Those with ids left stay until their queues are consumed: see leaked_ids. The others go by themselves."
    else:
        mend = "They go by themselves with Dramatiq's next maintenance, one command in a thousand."
    return [
        Finding(
            "stale_heartbeats", "fault" if total >= _MANY_SILENT else "note",
            f"{number(total, 'broker')} in {keys} silent for over 2 min, of no living worker: producers that ended, "
            "workers that died.",
            "Each costs Dramatiq's maintenance a KEYS over all keys, again and again while it has ids in an ack set: "
            "100 of them block a Redis of 100,000 keys for half a second.",
            mend,
        )
    ]  # fmt: skip


def judge_leaks(leaks: Leaks) -> list[Finding]:
    cap = capped(leaks.examined, leaks.total)
    if not leaks.sizes:
        if cap:
            return [Finding("leaked_ids", "unknown", f"No ack set without an owner was found.{cap}")]
        return [Finding("leaked_ids", "ok", "Every fetched id belongs to a worker that is watched.")]
    sets = some([f"{key} ({size:,})" for key, size in leaks.sizes.items()])
    return [
        Finding(
            "leaked_ids", "fault",
            f"{number(sum(leaks.sizes.values()), 'id')} in ack sets of brokers that no worker here owns, silent for "
            f"over 2 min: {sets}.{cap}",
            "No pass of ours brings them back: they wait for Dramatiq's own maintenance, one command in a thousand on "
            "that very queue, and for ever where nobody consumes it.",
            "Let a worker consume that queue with RedisBroker(maintenance_chance=1_000_000) until they are back.",
        )
    ]  # fmt: skip


def judge_stock(stock: Stock, orphans_key: str) -> list[Finding]:
    findings = []
    cap = capped(stock.examined, stock.total)
    if stock.nameless:
        first = stock.nameless[0]
        take = f"redis-cli ZREM {quote(first.place)} {quote(first.delivery)}"
        push = (
            f", and if that says 1: redis-cli LPUSH {quote(stock.home)} {quote(first.delivery)}" if stock.home else ""
        )
        lost = "" if stock.home else " (its payload is in no queue that is known)"
        findings.append(
            Finding(
                "custody", "fault",
                f"{number(len(stock.nameless), 'delivery').replace('ys', 'ies')} without a readable record in "
                f"{orphans_key}: {some([f'{one.delivery} in {one.place}' for one in stock.nameless])}.{cap}",
                "Nobody can say whose they are or where they belong: neither the watcher nor `retry` brings them back.",
                f"For the first{lost}: {take}{push}",
            )
        )  # fmt: skip
    if stock.emptied:
        ids = [one.message_id or one.delivery for one in stock.emptied]
        findings.append(
            Finding(
                "custody", "fault",
                f"{number(len(stock.emptied), 'job')} in custody without a payload: {some(ids)}.{cap}",
                "There is nothing left to run: `retry` will do nothing for them.",
                "Find out who purged the queue or what evicts keys; then assured-jobs delete "
                + " ".join(map(quote, ids[:3])),
            )
        )  # fmt: skip
    if findings:
        return findings
    if cap:
        return [Finding("custody", "unknown", f"Nothing broken was found in custody.{cap}")]
    return [Finding("custody", "ok", f"Whatever waits has its record and its payload ({stock.total:,} examined).")]


def judge_descriptions(roster: Roster, keys: Keys) -> list[Finding]:
    findings = []
    living = [(id, why) for id, state, why in roster.undescribed if state == "alive"]
    dead = [(id, why) for id, state, why in roster.undescribed if state == "dead"]
    if living:
        name = quote(living[0][0])
        findings.append(
            Finding(
                "descriptions", "fault", f"Alive without a description of its own: {_named(living)}.",
                "Nobody can tell whether it lives or what it holds: its death would not be seen.",
                f"redis-cli HDEL {quote(keys.instances)} {name}: a living worker then describes itself with its next "
                f"heartbeat. If this finding stays, it is gone: redis-cli ZREM {quote(keys.alive)} {name}",
            )
        )  # fmt: skip
    if dead:
        name = quote(dead[0][0])
        findings.append(
            Finding(
                "descriptions", "fault", f"Dead without a description of its own: {_named(dead)}.",
                "No pass can find what it held: that waits for Dramatiq's own maintenance.",
                f"Bury it yourself: redis-cli ZADD {quote(keys.buried)} $(date +%s)000 {name}, then "
                f"redis-cli ZREM {quote(keys.dead)} {name}",
            )
        )  # fmt: skip
    return findings or [Finding("descriptions", "ok", "Every worker describes itself.")]


def judge_foreign(misfits: Sequence[str]) -> list[Finding]:
    if not misfits:
        return [Finding("foreign_values", "ok", "Our keys hold what we wrote.")]
    first = misfits[0].split(" (")[0]
    return [
        Finding(
            "foreign_values", "fault", f"Not written by assured_jobs: {', '.join(misfits)}.",
            "Whatever needs that key is refused: jobs run unrecorded, or the dead are not recovered.",
            f"Move it away, redis-cli RENAME {quote(first)} elsewhere; or choose another namespace.",
        )
    ]  # fmt: skip


def _named(found: list[tuple[str, str]]) -> str:
    return some([f"{id} ({why})" for id, why in found])
