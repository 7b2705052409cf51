"""One pass: find what the dead left, judge it, hand it back or hold it, settle; and release what is due.

Any number of passes may run at the same time, beside Dramatiq's own maintenance: each hand-back takes the id out
of the dead instance's ack set and acts on it in one script. The lease only saves work.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from . import policy
from .brokers.redis import read_payload
from .entry import Crash, Death, InstanceInfo, Orphan, Policy, State
from .errors import ForeignValue, LedgerRefused
from .events import Event, NeverStartedHandedBack, OrphanSettled, StormPaced
from .evidence import exit_hint
from .failpoint import reach
from .hook import Hook
from .ledger import Ledger, Left, Order, Record
from .telling import complain

#: How long `before_hand_back` has for a batch, in seconds; afterwards another recoverer may call it again.
CLAIM = 30.0

#: How long what waits for a hook waits for a worker that has it, in seconds: longer than any back-off and any claim.
HOOK_PATIENCE = 150.0

_STATES: dict[str, State] = {"defer": "deferred", "hold": "held", "discard": "discarded"}


@dataclass
class Report:
    """What a pass did, counted by outcome: handed_back, deferred, paced, held, discarded, settled, left, elsewhere."""

    dead: list[str] = field(default_factory=list)
    buried: list[str] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)

    def count(self, outcome: str) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1


@dataclass(frozen=True)
class Decision:
    """One orphan, the verdict on it, and the crash record the verdict rests on."""

    left: Left
    orphan: Orphan
    verdict: policy.Verdict
    record: Record


class Recovery:
    """Runs passes over one ledger. `breathe` is called between batches: a lease is kept, a tick is sent.

    Without a `hook`, what waits for one is left to a worker that has it. `rate`: how many orphans come back per second.
    """

    def __init__(
        self,
        ledger: Ledger,
        breathe: Callable[[], None] = lambda: None,
        hook: Hook | None = None,
        rate: float | None = None,
    ) -> None:
        self.ledger = ledger
        self.breathe = breathe
        self.hook = hook
        self.rate = rate

    def run(self, dead: list[str]) -> Report:
        """Brings back what the given dead left, and whatever is due.

        If interrupted: each job is either where it was or where it belongs; the next pass goes on.
        """
        report = Report(dead=list(dead))
        for death in self.ledger.instances.deaths(dead):
            try:
                self._bring_back(death, report)
            except LedgerRefused as error:
                complain(f"What {death.info.id} left waits while this lasts. {error}")
                continue
            reach("pass.before_bury")
            if self.ledger.instances.bury(death.info):
                report.buried.append(death.info.id)
            reach("pass.after_bury")
        if (paced := report.outcomes.get("paced", 0)) and self.rate:
            self.ledger.tell(StormPaced(paced, self.rate, paced / self.rate))
        self.release_due(report)
        self.ledger.instances.forget()
        return report

    def release_due(self, report: Report, *, without_hook: bool = False) -> None:
        """deferred (due) or released -> queue. If interrupted: the rest still waits.

        `without_hook`: also what waits for a hook that is not here.
        """
        passed_over = 0
        while due := self.ledger.custody.due(passed_over):
            orphans = self.ledger.custody.read(due)
            if len(orphans) < len(due):
                number = len(due) - len(orphans)
                complain(f"{number} deliveries are due and nobody knows where they belong: they stay where they are.")
            mine = [one for one in orphans if self.hook or without_hook or not one.has_hook or self._waited(one)]
            passed_over += len(due) - len(mine)
            self._release(mine, report)
            self.breathe()

    def _waited(self, orphan: Orphan) -> bool:
        """Whether it has waited long enough for a hook that nobody has any more."""
        if self.ledger.custody.now() - (orphan.since or 0) < HOOK_PATIENCE * 1000:
            return False
        complain(f"Job {orphan.message_id} waits for before_hand_back, and no worker has one: it comes back without.")
        return True

    def _release(self, orphans: list[Orphan], report: Report) -> None:
        claims: dict[str, int] = {}
        if self.hook and (hooked := [orphan for orphan in orphans if orphan.has_hook]):
            until = self.ledger.custody.claim(hooked, CLAIM)
            claims = {orphan.delivery: when for orphan, when in zip(hooked, until, strict=True) if when}
            reach("pass.after_claim")
            self.hook.call([orphan for orphan in hooked if orphan.delivery in claims])
            orphans = [orphan for orphan in orphans if not orphan.has_hook or orphan.delivery in claims]
        if not orphans:
            return
        reach("pass.before_release")
        words = self.ledger.custody.release(orphans, claims)
        reach("pass.after_release")
        told = []
        for orphan, word in zip(orphans, words, strict=True):
            report.count(word)
            if word == "handed_back" and orphan.reason_code != "suspected":  # that one asks again every few seconds
                told.append(_settled(orphan, word, f"its time had come; before: {orphan.reason}"))
        self.ledger.tell(*told)

    def _bring_back(self, death: Death, report: Report) -> None:
        for batch in self.ledger.estate.left_by(death.info):
            reach("pass.before_judge")
            decisions = self.judge(death, batch)
            for decision in decisions:
                if decision.verdict.action == "leave":
                    report.count("left")
                    complain(
                        f"Job {decision.orphan.message_id} of {decision.orphan.actor!r}: {decision.verdict.reason}."
                    )
            orders = [decision for decision in decisions if decision.verdict.action != "leave"]
            reach("pass.before_hand_back")
            words = self.ledger.estate.hand_back(death, batch[0].queue, [*map(order_of, orders)], self.rate)
            reach("pass.after_hand_back")
            untouched = 0
            told: list[Event] = []
            for decision, word in zip(orders, words, strict=True):
                report.count(word)
                if word in ("handed_back", "paced") and not decision.verdict.charge:
                    untouched += 1
                elif word in ("handed_back", "deferred", "paced", "held", "discarded"):
                    told.append(_settled(decision.orphan, word, decision.verdict.reason))
            if untouched:
                told.append(NeverStartedHandedBack(untouched, batch[0].queue, death.info.id))
            self.ledger.tell(*told)
            if self.hook:  # what a person may think about for days must not keep others waiting as long
                held = [one.orphan for one, word in zip(orders, words, strict=True) if word == "held"]
                self.hook.call([orphan for orphan in held if orphan.has_hook])
            self.breathe()

    def judge(self, death: Death, batch: list[Left]) -> list[Decision]:
        """find -> judged. A job whose crash record is not ours waits, and is complained about.

        Deliveries whose payload is gone are ordered away like any other: the script settles them.
        """
        named = [(left, *_name(death.info, left)) for left in batch]
        records = self.ledger.estate.records([message_id for _, message_id, _, _ in named])
        decisions = []
        for left, message_id, actor, decodable in named:
            record = records[message_id]
            if isinstance(record, ForeignValue):
                complain(str(record))
                continue
            entry = left.entry
            case = policy.Case(
                started=entry is not None and not entry.forward,
                # A delayed message runs only in its queue: in the delay queue it can kill nobody.
                assured=actor in death.info.assured or left.queue.endswith(".DQ"),
                decodable=decodable,
                policy=entry.policy if entry else Policy(),
                crashes=record.crashes,
                interrupted=record.interrupted,
                handed_back=record.handed_back,
                limit=record.limit,
                draining=death.draining,
                with_suspect=bool(death.suspect) and death.suspect != left.delivery,
                since_last_sign=death.silent_for,
            )
            ruling = policy.verdict(case, jitter=random.random())
            orphan = _orphan(death, left, (message_id, actor), ruling, record)
            decisions.append(Decision(left, orphan, ruling, record))
        return decisions

    def judge_stray(self, info: InstanceInfo, left: Left) -> Orphan | None:
        """What is to be held of what a living instance has forgotten; None where it goes back into its queue."""
        message_id, actor, decodable = _name(info, left)
        if decodable:
            return None
        ruling = policy.verdict(policy.Case(started=False, decodable=False))
        return Orphan(
            delivery=left.delivery,
            message_id=message_id,
            actor=actor,
            queue=left.queue,
            broker_namespace=info.broker_namespace,
            instance=info.id,
            state="held",
            reason=ruling.reason,
            reason_code=ruling.code,
        )


def _name(info: InstanceInfo, left: Left) -> tuple[str, str, bool]:
    """Message id, actor, and whether a worker could decode it."""
    if left.entry:
        return left.entry.message_id, left.entry.actor, True
    if left.payload is None:
        return left.delivery, "", True
    content = read_payload(left.payload, info.encoder)
    if content.kind == "message":
        return content.message_id, content.actor, True
    return left.delivery, "", content.kind == "opaque"


def _orphan(death: Death, left: Left, name: tuple[str, str], ruling: policy.Verdict, record: Record) -> Orphan:
    started_at = left.entry.started_at if left.entry and not left.entry.forward else None
    history = record.history
    if ruling.charge in ("crashes", "suspicions", "interrupted") and started_at is not None:
        crash = Crash(
            instance=death.info.id,
            host=death.info.host,
            cause=death.cause,
            died_at=death.died_at,
            started_at=started_at,
            last_seen=death.last_beat,
            ran_at_least=max(0, death.last_beat - started_at) / 1000,
            ran_at_most=max(0, death.died_at - started_at) / 1000,
            charged_as=ruling.charge,
            aboard=left.aboard,
            uptime=death.signs.uptime,
            rss=death.signs.rss,
            exit_hint=exit_hint(death),
        )
        history = (*history, crash)[-10:]
    return Orphan(
        delivery=left.delivery,
        message_id=name[0],
        actor=name[1],
        queue=left.queue,
        broker_namespace=death.info.broker_namespace,
        instance=death.info.id,
        state=_STATES.get(ruling.action, "orphaned"),
        reason=ruling.reason,
        reason_code=ruling.code,
        crash_count=record.crashes + (ruling.charge == "crashes"),
        interrupted_count=record.interrupted + (ruling.charge == "interrupted"),
        started_at=started_at,
        orphaned_at=death.died_at,
        fence=left.entry.fence if left.entry else 0,
        has_hook=death.info.has_hook and started_at is not None,
        crashes=history,
    )


def order_of(decision: Decision) -> Order:
    verdict, orphan = decision.verdict, decision.orphan
    # What waits for a hook goes through custody, where nobody can fetch it while the hook is called.
    action = verdict.action
    if orphan.has_hook and action == "front":
        action, orphan = "defer", orphan.becomes(state="deferred")
    return Order(
        left=decision.left,
        message_id=orphan.message_id,
        action=action,
        delay=verdict.delay,
        charge=verdict.charge,
        seen=decision.record.count(verdict.charge),
        history=orphan.crashes,
        orphan=orphan,
    )


def _settled(orphan: Orphan, outcome: str, reason: str) -> OrphanSettled:
    return OrphanSettled(
        message_id=orphan.message_id,
        actor=orphan.actor,
        queue=orphan.queue,
        instance=orphan.instance,
        outcome=outcome,
        reason=reason,
        crash_count=orphan.crash_count,
    )
