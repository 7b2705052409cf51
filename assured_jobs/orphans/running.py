"""A person's word about all that match, carried out in steps that each end soon: for who cannot wait for the last one.

Where it stands is kept in the ledger. Whoever holds its name takes the next step: another page, after a killed one too.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from uuid import uuid4

from ..entry import State
from ..events import OperatorBegan, OperatorSaid
from ..foreign import known, number, parse
from ..ledger import Ledger
from ..ledger.custody import Place
from .deciding import DECIDABLE, Deciding, Verb
from .selection import Selection

#: Jobs that are decided in one round trip, and how long a step goes on, in seconds.
BATCH, STEP = 250, 1.0

#: What a rate allowed while nobody took a step is made up for only so far, in ms.
LEEWAY = 2000


@dataclass(frozen=True)
class Order:
    """What a person has seen and asked for: what came after `as_of`, in ms, is left out. `rate` per second, 0 = all."""

    verb: Verb
    selection: Selection
    as_of: int
    total: int
    exact: bool
    rate: int = 0

    def dumps(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> Order:
        """Raises ValueError, TypeError or KeyError where it is something else."""
        told = parse(text)
        chosen = known(Selection, told["selection"])
        chosen = {**chosen, "states": tuple(chosen["states"])}
        return cls(**known(cls, {**told, "selection": Selection(**chosen)}))

    def total_in_words(self) -> str:
        return f"{self.total:,}{'' if self.exact else '+'}"


@dataclass(frozen=True)
class Progress:
    """Where a run stands. `ended` is empty while it runs; `looked` counts the rows it has come by."""

    name: str
    order: Order
    who: str
    began: int
    done: int
    looked: int
    ended: str

    @property
    def gone(self) -> int:
        """What left before its turn came, by another hand. Known when it is over, of an exact number alone."""
        return max(0, self.order.total - self.done) if self.order.exact and self.ended == "finished" else 0


class Running:
    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._deciding = Deciding(ledger)

    def begin(self, order: Order, who: str) -> Progress:
        """Written down before anything is decided. Raises LedgerError where it cannot be.

        If interrupted: on record, and not begun.
        """
        name = uuid4().hex[:16]
        self.ledger.write_down(OperatorBegan(order.verb, who, str(order.selection), order.total_in_words(), name))
        began = self.ledger.custody.now()
        self.ledger.runs.begin(name, {"order": order.dumps(), "who": who, "began": began, "done": 0, "looked": 0})
        return Progress(name, order, who, began, 0, 0, "")

    def look(self, name: str) -> Progress | None:
        return _progress(name, self.ledger.runs.read(name))

    def stop(self, name: str) -> None:
        """running -> stopped. If interrupted: either."""
        if self.ledger.runs.end(name, "stopped"):
            self._tell(name)

    def resume(self, name: str) -> None:
        """stopped -> running, never what is finished. If interrupted: either."""
        if self.ledger.runs.read(name).get("ended") == "stopped":
            self.ledger.runs.resume(name)

    def step(self, name: str, seconds: float = STEP) -> Progress | None:
        """Decides what it can in so long. None where there is no such run.

        If interrupted: at most one batch is decided and not counted, and a later step goes on behind it.
        """
        until = time.monotonic() + seconds
        while True:
            fields = self.ledger.runs.read(name)
            found = _progress(name, fields)
            if found is None or found.ended:
                return found
            since = self._since(found, fields) if found.order.rate else 0
            allowed = self._allowed(found, since)
            if (
                allowed > 0
                and not self._batch(found, fields, allowed, since)
                and self.ledger.runs.end(name, "finished")
            ):
                self._tell(name)
            if time.monotonic() > until or not allowed:
                return self.look(name)

    def _since(self, found: Progress, fields: dict[str, str]) -> int:
        """Up to when its rate has been used, in ms."""
        used = number(fields.get("used", str(found.began)))
        return max(used, self.ledger.custody.now() - LEEWAY)

    def _allowed(self, found: Progress, since: int) -> int:
        if not found.order.rate:
            return BATCH
        return min(BATCH, max(0, (self.ledger.custody.now() - since) * found.order.rate // 1000))

    def _batch(self, found: Progress, fields: dict[str, str], most: int, since: int) -> bool:
        """One bounded look at the next rows, and what is decided of them. False where nothing follows."""
        order = found.order
        states = order.selection.within(DECIDABLE[order.verb])
        at = fields.get("state") or (states[0] if states else "")
        if at not in states:
            return False
        state: State = at
        place = _place(fields)
        sift = order.selection.may_admit
        rows = self.ledger.custody.rows(state, min(most, BATCH) if found.order.rate else BATCH, place, sift=sift)
        if not rows:
            following = states[states.index(state) + 1 :]
            if not following:
                return False
            self.ledger.runs.advance(found.name, {"state": following[0], "score": "", "delivery": ""}, 0, 0)
            return True
        orphans = [orphan for where, raw in rows if (orphan := self.ledger.custody.orphan_at(state, where, raw))]
        meant = [one for one in orphans if order.selection.admits(one) and (one.since or 0) <= order.as_of]
        words = self._deciding.act(order.verb, meant, found.who)
        done = sum(word in ("released", "discarded") for word in words)
        last = rows[-1][0]
        where_now: dict[str, str | int] = {"state": state, "score": last.score, "delivery": last.delivery}
        if found.order.rate:
            where_now["used"] = since + done * 1000 // found.order.rate
        self.ledger.runs.advance(found.name, where_now, done, len(rows))
        return True

    def _tell(self, name: str) -> None:
        if found := self.look(name):
            what = f"{found.order.selection} (run {name}, {found.ended})"
            self.ledger.tell(OperatorSaid(found.order.verb, found.who, what, found.done, found.gone))


def _place(fields: dict[str, str]) -> Place | None:
    """Behind which row the last step ended. Raises ValueError or KeyError where it is none."""
    return Place(number(fields["score"]), fields["delivery"]) if fields.get("score") else None


def _progress(name: str, fields: dict[str, str]) -> Progress | None:
    try:
        _place(fields)
        number(fields.get("used", "0"))
        return Progress(
            name, Order.loads(fields["order"]), fields["who"], number(fields["began"]), number(fields["done"]),
            number(fields["looked"]), fields.get("ended", ""),
        )  # fmt: skip
    except (ValueError, TypeError, KeyError):
        return None
