"""What runs now: the started jobs of living instances, as the ledger knows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..ledger import Ledger
from ..vigil import Finding
from .selection import label_of


@dataclass(frozen=True)
class InFlight:
    """One started job. `state` is its worker's; `seconds` how long it has been running by the store's clock."""

    message_id: str
    delivery: str
    actor: str
    queue: str
    instance: str
    state: str
    started_at: int
    seconds: float


def in_flight(ledger: Ledger, findings: list[Finding], now: int) -> Iterator[InFlight]:
    """Instance by instance, the oldest job of each first. Raises ForeignValue where an entry is not one of ours."""
    for finding in findings:
        if finding.judgement.state == "dead":
            continue
        id = finding.vitals.info.id
        entries = [entry for entry, _ in ledger.estate.entries(id).values() if not entry.forward]
        for entry in sorted(entries, key=lambda entry: (entry.started_at, entry.fence)):  # fences never tie
            seconds = max(0, now - entry.started_at) / 1000
            yield InFlight(
                entry.message_id, entry.delivery, entry.actor, entry.queue, id, finding.judgement.state,
                entry.started_at, seconds,
            )  # fmt: skip


def is_on(instance: str, named: str | None) -> bool:
    """Whether that is the instance a person named, by id or by label."""
    return named in (None, instance, label_of(instance))
