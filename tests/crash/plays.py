"""Brings one worker to the place where the fault strikes: with jobs of its own, in a pass, or watching."""

from __future__ import annotations

from dataclasses import dataclass, field

from lab import Lab, Worker
from matrix import JOB_PLACES, Case
from proxy import Proxy

#: Fetched, and in the memory of a worker whose threads all stand somewhere else.
PREFETCHED = (10, 11)


@dataclass
class Play:
    """`struck` is whom the fault hits, `victim` a worker that is killed to give a recoverer something to do."""

    lab: Lab
    proxy: Proxy
    case: Case
    settings: dict[str, str]
    sent: set[int] = field(default_factory=set)
    victims: set[str] = field(default_factory=set)

    def set_up(self) -> None:
        """Returns when everybody stands where the fault is to find them, and a judge is there to see it."""
        if self.case.place == "jobs":
            places = [place for place in JOB_PLACES if self._retries or place != "job.failed"]
            self.struck = self._start_struck(places, threads=len(places))
            [self.name] = self.lab.alive()
            self._send(self.struck, places)
        elif self.case.place == "watching":
            self.struck = self._start_struck(["none"], "-Q", "idle")
            self.lab.wait(lambda: self.lab.lease_holder() in self.lab.alive(), "it holds the lease")
            [self.name] = self.lab.alive()
            self._start_victim()
        else:
            self._start_victim()
            self._kill_victim()
            self.struck = self._start_struck([self.case.place])
            self._wait_for_stops(self.struck, [self.case.place])
            self.name = next(id for id in self.lab.alive() if id not in self.victims)
        # A retry that waits for a clock is Dramatiq's business: where clocks jump, it stays with the clock it met.
        idle = ["-Q", "idle"] if self.case.fault.startswith("clock") and self.case.place != "watching" else []
        self.helper = self.lab.worker(*idle, threads=2, environment=self._hook, **self.settings)

    def go(self) -> None:
        """Into the fault: whoever stands at a place goes on from there."""
        if self.case.place == "watching":
            self._kill_victim()
        self.lab.open("go")

    def expire_claims(self) -> None:
        """What a dead recoverer had claimed is due again half a minute later: this is half a minute later."""
        if self.case.place == "pass.after_claim":
            key = self.lab.ledger.keys.deferred
            for delivery, _ in self.lab.redis.zscan_iter(key):
                self.lab.redis.zincrby(key, -30_000, delivery)

    @property
    def _retries(self) -> bool:
        return self.case.retries == "with retries"

    @property
    def _hook(self) -> dict[str, str]:
        return {"LAB_HOOK": "1"} if self.case.place == "pass.after_claim" else {}

    def _start_struck(self, places: list[str], *args: str, threads: int = 2) -> Worker:
        environment = {"LAB_STOPS": " ".join(places), "LAB_URL": self.proxy.url, **self._hook}
        # A pass over a dead worker may reach its place, and stop there, before this worker is seen to be registered.
        return self.lab.worker(*args, threads=threads, environment=environment, **self.settings)

    def _start_victim(self) -> None:
        before = set(self.lab.alive())
        environment = {"LAB_STOPS": "app.mid_body", **self._hook}
        self.victim = self.lab.worker(threads=2, environment=environment, **self.settings)
        self.victims = set(self.lab.alive()) - before
        self._send(self.victim, ["app.mid_body"] * 2)

    def _kill_victim(self) -> None:
        self.victim.kill()

    def _send(self, worker: Worker, places: list[str]) -> None:
        """One job for each place, and when all of them stand there, two more that only get as far as a memory."""
        actor = self.lab.jobs.staged if self._retries else self.lab.jobs.staged_final
        for n, place in enumerate(places):
            actor.send_with_options(args=(n, place == "job.failed"), stop_at=place)
        self._wait_for_stops(worker, places)
        for n in PREFETCHED:
            actor.send(n, self._retries and n == PREFETCHED[0])
        self.lab.wait(lambda: self.lab.queued() == 0, "two more are prefetched")
        self.sent = {*range(len(places)), *PREFETCHED}

    def _wait_for_stops(self, worker: Worker, places: list[str]) -> None:
        def stopped() -> list[str]:
            return sorted(line["n"] for line in self.lab.effects("stop") if worker.ran(line))

        self.lab.wait(lambda: stopped() == sorted(places), f"workers stand at {', '.join(places)}")
