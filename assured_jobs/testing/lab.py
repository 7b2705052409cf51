"""A private Redis, real workers on your app, and the questions a test asks about them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from ..errors import AssuredJobsError
from ..failpoint import VARIABLE, problem_of
from ..ledger import Ledger, Store
from ..orphans import Tally
from ..settings import PREFIX
from .story import Happened, Story, Storyteller
from .worker import PATIENCE, T, Worker, wait_until

#: Settings that make deaths visible within a second or two. `env` of a lab or of a start goes before them.
QUICK = {
    f"{PREFIX}HEARTBEAT_INTERVAL": "0.5",
    f"{PREFIX}HEARTBEAT_TTL": "3",
    f"{PREFIX}PRESENCE_GRACE": "0.7",
    f"{PREFIX}STALL_TTL": "4",
    f"{PREFIX}REDIS_TIMEOUT": "2",
}

#: What a message does not leave by itself.
_FINAL: tuple[Happened, ...] = ("held", "discarded", "dead_lettered", "stranded", "done")


class CrashLabError(AssuredJobsError):
    """The lab cannot do what the test asks."""


class CrashLab:
    """Attributes to set before the first `start` or `send`:

    url_variable: the environment variable from which the app takes its broker's URL.
    namespace: of the ledger, where the app gives AssuredJobs another one.
    broker_namespace: of Dramatiq's keys, where the app gives RedisBroker another one.
    cwd: the folder the workers run in; the current one by default. It is on their path.
    pythonpath: more folders to import the app from.
    env: variables for every worker. ASSURED_JOBS_* of the test's own environment are not passed on.
    """

    def __init__(self, redis_url: str, folder: Path) -> None:
        self.redis_url = redis_url
        self.folder = folder
        self.url_variable = "REDIS_URL"
        self.namespace = "assured_jobs"
        self.broker_namespace = "dramatiq"
        self.cwd: Path | str = Path.cwd()
        self.pythonpath: list[Path | str] = []
        self.env: dict[str, str] = {}
        self.workers: list[Worker] = []
        self._queues = {"default"}

    def start(
        self, app: str, *dramatiq_args: str, die_at: str | None = None, threads: int = 2, processes: int = 1,
        env: Mapping[str, str] | None = None, timeout: float = PATIENCE,
    ) -> Worker:  # fmt: skip
        """Runs `dramatiq <app>`, and returns when its processes are in the ledger; one that is to die may be dead then.

        Args:
            app: the module that declares broker and actors, as the `dramatiq` command takes it.
            dramatiq_args: more of what that command takes.
            threads: in each process.
            processes: that work; beside them, the command has one of its own.
            die_at: a place of `failpoint.FAIL_POINTS`, or your own. `:3` behind it: the third time it is reached.
            env: variables for this worker, before every other.
            timeout: for all of this, in seconds.

        Raises:
            CrashLabError: there is no such place, or the worker ended. Its log is shown.
            AssertionError: the worker runs and is not in this ledger. Its log is shown.
        """
        if die_at is not None and (problem := problem_of(die_at)):
            raise CrashLabError(problem.replace(f"{VARIABLE}:", "die_at:"))
        log = self.folder / f"worker-{len(self.workers) + 1}.log"
        args = ["-p", str(processes), "-t", str(threads), *dramatiq_args]
        environment = {**self._environment(), **(env or {}), **({VARIABLE: die_at} if die_at else {})}
        worker = Worker(log, app, args, env=environment, cwd=self.cwd)
        self.workers.append(worker)
        ended = worker.died if die_at else worker.exited  # unasked, it ends by itself, and its log has last words
        self.wait(lambda: self._identify(worker, processes) or ended(), _registers(worker, self), timeout)
        if worker.exited() and not die_at:
            raise CrashLabError(f"{worker.name} ended before it was in the ledger.\n{worker.told()}")
        for info in worker.instances:
            if info.broker_namespace != self.broker_namespace:
                raise CrashLabError(
                    f"crash_lab.broker_namespace: expected {info.broker_namespace!r}, as the app has it, "
                    f"got {self.broker_namespace!r}."
                )
        return worker

    def send(self, actor: str, /, *args: Any, queue: str = "default", delay: int | None = None, **kwargs: Any) -> str:
        """Enqueues a message for an actor, without importing the app; returns its id. `delay` in milliseconds.

        If interrupted: enqueued or not.
        """
        self._queues |= {queue, f"{queue}.DQ"}
        self._broker.declare_queue(queue)
        message: dramatiq.Message[Any] = dramatiq.Message(queue, actor, args, kwargs, {})
        return self._broker.enqueue(message, delay=delay).message_id

    def what_happened(self, message_id: str) -> Story:
        """What became of a message, wherever it was sent from."""
        infos = [info for worker in self.workers for info in worker.instances]
        return self._storyteller.tell(message_id, infos, self._queues)

    def wait(self, condition: Callable[[], T], what: str, timeout: float = PATIENCE) -> T:
        """Waits until a condition holds, and returns it; `timeout` in seconds.

        Raises AssertionError, saying what was waited for, with the workers' logs.
        """
        return wait_until(condition, what, timeout, self._logs)

    def wait_for(self, message_id: str, state: Happened, timeout: float = PATIENCE) -> Story:
        """Waits until a message is in that state; `timeout` in seconds.

        Raises AssertionError, with its story and the workers' logs: at once where it has come to its end elsewhere.
        """
        story = self.what_happened(message_id)

        def arrived() -> bool:
            nonlocal story
            story = self.what_happened(message_id)
            if story.state in _FINAL and story.state != state:
                raise AssertionError(f"waited until {message_id} is {state}, and it is {story.state}: {told()}")
            return story.state == state

        def told() -> str:
            return f"{story}\n{self._logs()}"

        wait_until(arrived, f"{message_id} is {state}", timeout, told)
        return story

    def wait_until_done(self, message_id: str, timeout: float = PATIENCE) -> Story:
        """Waits until nothing is left to do of a message. See `wait_for`."""
        return self.wait_for(message_id, "done", timeout)

    def retry(self, message_id: str) -> None:
        """A person gives a held or deferred job one more life. Raises CrashLabError where it does not wait.

        If interrupted: released or not; saying it again is harmless.
        """
        _must_be_done(self._storyteller.desk.retry([message_id], "a test"))

    def delete(self, message_id: str) -> None:
        """A person throws a job that waits away. Raises CrashLabError where it does not wait.

        If interrupted: discarded or not; saying it again is harmless.
        """
        _must_be_done(self._storyteller.desk.delete([message_id], "a test"))

    def close(self) -> None:
        """Kills what still runs. What is in Redis stays there."""
        for worker in self.workers:
            worker.kill()
        for name in ("_storyteller", "_ledger", "_broker"):
            if opened := self.__dict__.pop(name, None):
                opened.close()

    def _environment(self) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        path = [*map(str, self.pythonpath), *filter(None, [plain.get("PYTHONPATH")])]
        ours = {f"{PREFIX}NS": self.namespace, self.url_variable: self.redis_url, "PYTHONUNBUFFERED": "1"}
        return {**plain, **QUICK, **ours, "PYTHONPATH": os.pathsep.join(path), **self.env}

    def _identify(self, worker: Worker, processes: int) -> bool:
        """Finds a worker's processes in the ledger: registered, and seen by a heartbeat that saw their presence."""
        look = self._ledger.instances.look(self._ledger.store.client)
        seen = {one.id: one.seen_by != "-" for one in look.living}
        infos = self._ledger.instances.describe(list(seen)).values()
        worker.instances = [info for info in infos if worker.owns(info.pid)]
        settled = [info for info in worker.instances if seen[info.id] or not info.presence_grace]
        return len(settled) >= processes

    def _logs(self) -> str:
        return "\n".join(worker.told() for worker in self.workers)

    @cached_property
    def _ledger(self) -> Ledger:
        return Ledger(Store.from_url(self.redis_url, self.namespace, 5.0))

    @cached_property
    def _storyteller(self) -> Storyteller:
        return Storyteller(self._ledger, self.broker_namespace)

    @cached_property
    def _broker(self) -> RedisBroker:
        return RedisBroker(url=self.redis_url, namespace=self.broker_namespace, middleware=[])


def _registers(worker: Worker, lab: CrashLab) -> str:
    return (
        f"{worker.name} is in the ledger {lab.namespace!r} of {lab.redis_url} (does the app add AssuredJobs() to a "
        f"RedisBroker whose URL it takes from {lab.url_variable}? If not: crash_lab.url_variable, crash_lab.namespace)"
    )


def _must_be_done(tally: Tally) -> None:
    if not tally.done:
        raise CrashLabError(" ".join(tally.notes))
