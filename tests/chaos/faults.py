"""Who plays the faults: one after the other, at random, from the seed."""

from __future__ import annotations

import os
import random
import signal
import threading
import time

from assured_jobs.demo.server import Server
from chaos.diary import Diary
from chaos.fleet import STALL_TTL, Fleet, Slot, kill_children

#: At most so many workers are out of order at a time: the others have to do the work.
MOST_IMPAIRED = 3


class Faults:
    def __init__(self, fleet: Fleet, server: Server, diary: Diary, seed: int) -> None:
        self.fleet, self.server, self.diary = fleet, server, diary
        self._chance = random.Random(f"faults {seed}")
        self._stop = threading.Event()
        self._pauses: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._run)
        self.failure: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Lets them last that long, or until they fail."""
        self._thread.join(seconds)

    def stop(self) -> None:
        """Ends with everybody awake and Redis there."""
        self._stop.set()
        self._thread.join()
        for pause in self._pauses:
            pause.join()

    def _run(self) -> None:
        faults = {
            self._kill: 8, self._kill_child: 4, self._pause_past_the_limit: 4, self._pause_briefly: 3,
            self._terminate: 3, self._terminate_group: 2, self._restart_redis: 2, self._freeze_redis: 1,
            self._cut_connections: 2,
        }  # fmt: skip
        try:
            while not self._stop.wait(self._chance.uniform(0.5, 3.0)):
                self._chance.choices(list(faults), list(faults.values()))[0]()
        except BaseException as error:  # noqa: BLE001 - told at the end
            self.failure = error

    def _somebody(self) -> Slot | None:
        free = [slot for slot in self.fleet.slots if not slot.impaired]
        impaired = len(self.fleet.slots) - len(free)
        return self._chance.choice(free) if free and impaired < MOST_IMPAIRED else None

    def _kill(self) -> None:
        if slot := self._somebody():
            worker = slot.worker
            self.diary.note("SIGKILL", worker.name)
            worker.kill()

    def _kill_child(self) -> None:
        if slot := self._somebody():
            worker = slot.worker
            self.diary.note("SIGKILL", worker.name)
            kill_children(worker)

    def _terminate(self) -> None:
        if slot := self._somebody():
            worker = slot.worker
            self.diary.note("SIGTERM", worker.name)
            worker.terminate()

    def _terminate_group(self) -> None:
        if slot := self._somebody():
            worker = slot.worker
            self.diary.note("SIGTERM", worker.name)
            worker._signal_group(signal.SIGTERM)

    def _pause_past_the_limit(self) -> None:
        self._pause(STALL_TTL + self._chance.uniform(1.0, 5.0))

    def _pause_briefly(self) -> None:
        self._pause(self._chance.uniform(0.1, 2.5))

    def _pause(self, seconds: float) -> None:
        if slot := self._somebody():
            slot.impaired = True
            worker = slot.worker
            self.diary.note("SIGSTOP", worker.name)
            worker.pause()

            def resume() -> None:
                time.sleep(seconds)  # the fault itself lasts that long
                worker.resume()
                self.diary.note("SIGCONT", worker.name)
                slot.impaired = False

            self._pauses.append(threading.Thread(target=resume))
            self._pauses[-1].start()

    def _restart_redis(self) -> None:
        self.diary.note("goes", "redis")
        self.server.stop(kill=self._chance.random() < 0.7)
        time.sleep(self._chance.choice([0.0, 0.3, 1.0, 2.5]))
        self.server.start()
        self.diary.note("is back", "redis")

    def _freeze_redis(self) -> None:
        assert self.server.process
        self.diary.note("goes", "redis")
        os.kill(self.server.process.pid, signal.SIGSTOP)
        time.sleep(self._chance.uniform(0.5, 3.0))
        os.kill(self.server.process.pid, signal.SIGCONT)
        self.diary.note("is back", "redis")

    def _cut_connections(self) -> None:
        import redis

        kind = self._chance.choice(["normal", "pubsub"])
        self.diary.note(f"cuts {kind} connections of", "redis")
        with redis.Redis.from_url(self.server.url) as client:
            client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
