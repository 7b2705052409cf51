"""What the ledger should do, in a page of plain Python: where every delivery is, who owns it, who lives."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

QUEUE, DEFERRED, HELD, RELEASED = "queue", "deferred", "held", "released"


def acks(instance: str) -> str:
    return f"acks of {instance}"


@dataclass
class Model:
    """`places` says where each id is; `payloads` which of them still mean a job; `message_of` whose copy each is."""

    cap: int
    lives: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    payloads: set[str] = field(default_factory=set)
    message_of: dict[str, str] = field(default_factory=dict)
    owners: dict[str, tuple[str, str]] = field(default_factory=dict)
    noted: dict[str, list[str] | str] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    suspects: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    limits: dict[str, int] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)  # messages that succeeded, failed for good, or were thrown away

    def enqueue(self, delivery: str, message: str) -> None:
        self.message_of[delivery] = message
        self.payloads.add(delivery)
        self.places[delivery] = QUEUE

    def begin(self, id: str, delivery: str, token: str, predecessor: str = "", *, again: bool = False) -> str:
        if self.lives.get(id) != "alive":
            return "fenced" if id in self.lives else "unknown"
        if self.owners.get(delivery) == (id, token):
            return "run"
        if word := self._refusal(id, delivery, again=again):
            return word
        message = self.message_of[delivery]
        if self._is_suspect(message):
            self.suspects[id].add(delivery)
        self.owners[delivery] = (id, token)
        if predecessor in self.owners:
            self.noted[predecessor] = "begun"
        return "run"

    def _refusal(self, id: str, delivery: str, *, again: bool) -> str | None:
        owner = self.owners.get(delivery, ("", ""))[0]
        if again:
            return "taken" if owner else None
        if self.places.get(delivery) != acks(id):
            return "taken" if delivery in self.payloads else "gone"
        if delivery in self.done or delivery not in self.payloads:
            return "finished"
        if owner:
            self.places[delivery] = acks(owner)
            return "taken"
        message = self.message_of[delivery]
        if self.counts[message]["crashes"] >= max(self.cap, self.limits.get(message, 0)):
            return "hold"
        if self._is_suspect(message) and self._running_suspects(id) - {delivery}:
            return "wait"
        return None

    def _running_suspects(self, id: str) -> set[str]:
        return {one for one in self.suspects[id] & self.payloads if self.owners.get(one, ("",))[0] == id}

    def _is_suspect(self, message: str) -> bool:
        return bool(self.counts[message]["crashes"] or self.counts[message]["suspicions"])

    def finish(self, id: str, delivery: str, token: str, how: str, sent: list[str]) -> bool:
        owner = self.owners.get(delivery)
        if self.lives.get(id) != "alive" or (owner and owner != (id, token)):
            return False
        if not owner and how != "again":
            return True
        if how == "again" and (self.retry_under_way(delivery) or any(one in self.payloads for one in sent)):
            how = "retry"
        self._forget(delivery)
        self.suspects[id].discard(delivery)
        mine = self.places.get(delivery) == acks(id)
        if how == "again":
            if mine:
                self._move(delivery, QUEUE)
            return True
        if how != "retry":
            self._drop_record(self.message_of[delivery])
        if delivery in self.payloads:
            if mine:
                self._end(delivery)
            else:
                self.done.add(delivery)
            if how != "retry":
                self.ended.add(self.message_of[delivery])
        return True

    def ack(self, id: str, delivery: str, *, final: bool) -> None:
        """Dramatiq's own ack, or rejection."""
        if self.places.get(delivery) == acks(id):
            self._end(delivery)
            if final:
                self.ended.add(self.message_of[delivery])

    def hand_back(self, id: str, delivery: str, *, seen: str | None, action: str, charge: str, count: int) -> str:
        message = self.message_of[delivery]
        started = seen is not None
        if self.lives.get(id) != "dead":
            return "alive"
        entry = self.owners.get(delivery)
        if (entry[1] if entry and entry[0] == id else None) != seen:
            return "changed"
        if charge and self.counts[message][charge] != count:
            return "changed"
        mine = self.places.get(delivery) == acks(id)
        if delivery not in self.payloads:
            if mine:
                del self.places[delivery]
            if started:
                self._forget(delivery)
            return "settled" if started else "gone"
        if started and self.retry_under_way(delivery):
            if mine:
                self._end(delivery)
                self._forget(delivery)
            return "settled" if mine else "elsewhere"
        if not mine:
            return "elsewhere" if started else "gone"
        if started:
            self._forget(delivery)
        if charge:
            self.counts[message][charge] += 1
        if action == "discard":
            self._end(delivery)
            self._drop_record(message)
            self.ended.add(message)
            return "discarded"
        self.places[delivery] = {"front": QUEUE, "tail": QUEUE, "defer": DEFERRED, "hold": HELD}[action]
        return {QUEUE: "handed_back", DEFERRED: "deferred", HELD: "held"}[self.places[delivery]]

    def set_aside(self, id: str, delivery: str, place: str) -> bool:
        if self.lives.get(id) != "alive" or self.places.get(delivery) != acks(id):
            return False
        self.places[delivery] = place
        return True

    def put_back(self, id: str, delivery: str) -> bool:
        if delivery in self.owners or self.places.get(delivery) != acks(id) or self.lives.get(id) != "alive":
            return False
        self._move(delivery, QUEUE)
        return True

    def release(self, delivery: str) -> str:
        if self.places.get(delivery) not in (DEFERRED, RELEASED):
            return "gone"
        self._move(delivery, QUEUE)
        return "handed_back" if delivery in self.places else "settled"

    def retry(self, delivery: str, seen: int) -> str:
        place, message = self.places.get(delivery), self.message_of[delivery]
        if place == RELEASED:
            return "already"
        if place not in (HELD, DEFERRED):
            return "gone"
        crashes = self.counts[message]["crashes"] or seen
        self.counts[message]["crashes"], self.limits[message] = crashes, crashes + 1
        self.counts[message]["interrupted"] = 0
        self.places[delivery] = RELEASED
        return "released"

    def discard(self, delivery: str) -> str:
        if self.places.get(delivery) not in (HELD, DEFERRED, RELEASED):
            return "gone"
        self._end(delivery)
        message = self.message_of[delivery]
        if not any(self.places.get(one) in (HELD, DEFERRED, RELEASED) for one in self.copies_of(message)):
            self._drop_record(message)
        self.ended.add(message)
        return "discarded"

    def rob(self, id: str) -> None:
        """Dramatiq's maintenance takes that worker for dead."""
        for delivery in [one for one, place in self.places.items() if place == acks(id)]:
            self._move(delivery, QUEUE)

    def die(self, id: str) -> bool:
        if self.lives.get(id) != "alive":
            return False
        self.suspects[id] = self._running_suspects(id)
        self.lives[id] = "dead"
        return True

    def bury(self, id: str) -> bool:
        owed = acks(id) in self.places.values() or any(owner == id for owner, _ in self.owners.values())
        if self.lives.get(id) != "dead" or owed:
            return False
        self.lives[id] = "buried"
        self.suspects.pop(id, None)
        return True

    def lose_everything(self) -> None:
        self.__init__(self.cap, message_of=self.message_of)

    def retry_under_way(self, delivery: str) -> bool:
        noted = self.noted.get(delivery, [])
        return noted == "begun" or any(one in self.payloads for one in noted)

    def copies_of(self, message: str) -> list[str]:
        return [delivery for delivery, whose in self.message_of.items() if whose == message]

    def _move(self, delivery: str, place: str) -> None:
        if delivery in self.payloads:
            self.places[delivery] = place
        else:
            del self.places[delivery]

    def _end(self, delivery: str) -> None:
        self.payloads.discard(delivery)
        del self.places[delivery]

    def _forget(self, delivery: str) -> None:
        self.owners.pop(delivery, None)
        self.noted.pop(delivery, None)

    def _drop_record(self, message: str) -> None:
        self.counts.pop(message, None)
        self.limits.pop(message, None)
