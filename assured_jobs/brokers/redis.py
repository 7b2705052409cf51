"""The RedisBroker: what recovery must know of Dramatiq's own keeping.

Dramatiq keeps each fetched id in an ack set of the broker that fetched it, and the payload in a hash. A dead
instance's work is taken over from exactly there: same id, same payload, nothing re-enqueued.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeGuard

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.worker import ConsumerThread, WorkerThread

from ..ledger.store import speaking_plainly

#: Whoever is inside one of these has a message in its hands, hooks and ack included.
_HANDS = frozenset(
    method.__code__
    for method in (
        WorkerThread.process_message,
        ConsumerThread.handle_message,
        ConsumerThread.handle_delayed_messages,
    )
)


@dataclass(frozen=True)
class Content:
    """What a payload says. `opaque` in an encoding this process does not have, `garbage` in none at all."""

    kind: Literal["message", "opaque", "garbage"]
    message_id: str = ""
    actor: str = ""
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] | None = None


def encoder_name() -> str:
    return type(dramatiq.get_encoder()).__name__


def read_payload(payload: bytes, encoder: str) -> Content:
    """Decodes a payload that `encoder` wrote, only if that is this process's own encoder."""
    if encoder != encoder_name():
        return Content("opaque")
    try:
        message = dramatiq.Message.decode(payload)
        return Content("message", str(message.message_id), str(message.actor_name), message.args, message.kwargs)
    except dramatiq.errors.DecodeError:
        return Content("garbage")


def shutdown_timeout(argv: list[str]) -> float | None:
    """Seconds that the `dramatiq` command lets its jobs finish in after SIGTERM; None under any other command."""
    if not Path(argv[0]).name.startswith("dramatiq") and Path(argv[0]).parent.name != "dramatiq":
        return None
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("--worker-shutdown-timeout", type=int, default=600_000)
    try:
        return float(parser.parse_known_args(argv[1:])[0].worker_shutdown_timeout) / 1000
    except argparse.ArgumentError:
        return None


class RedisHost:
    """A RedisBroker and its worker, as an instance sees them. `assured` names the assured actors declared so far."""

    def __init__(self, broker: RedisBroker, worker: dramatiq.Worker, assured: Callable[[], tuple[str, ...]]) -> None:
        self.broker = broker
        self.worker = worker
        self.namespace: str = broker.namespace
        self.encoder = encoder_name()
        self.shutdown_timeout = shutdown_timeout(sys.argv)
        self.assured = assured

    def queues(self) -> tuple[str, ...]:
        """Every declared queue and its delay queue."""
        return tuple(sorted({*self.broker.get_declared_queues(), *self.broker.get_declared_delay_queues()}))

    def assume(self, broker_id: str) -> None:
        """Fetches under this id from now on, so that an ack set belongs to one incarnation alone.

        If interrupted: nothing has been fetched under the new id yet.
        """
        self.broker.broker_id = broker_id

    def sees(self, key: str) -> bool:
        """Whether the broker's own client finds a key. Raises LedgerError."""
        with speaking_plainly([key]):
            return bool(self.broker.client.exists(key))

    def options_of(self, actor: str) -> dict[str, Any]:
        """The options of a declared actor; none where it is unknown."""
        try:
            return dict(self.broker.get_actor(actor).options)
        except dramatiq.ActorNotFound:
            return {}

    def in_memory(self) -> set[str]:
        """Every delivery that waits here: prefetched, delayed, or undecoded yet."""
        consumers = list(self.worker.consumers.values())
        queues = [self.worker.work_queue, *(consumer.delay_queue for consumer in consumers)]
        messages: list[Any] = [item.message for queue in queues for item in list(queue.queue)]
        for consumer in consumers:
            for payload in list(getattr(consumer.consumer, "message_cache", ())):
                with suppress(dramatiq.errors.DecodeError, TypeError):
                    messages.append(dramatiq.Message.decode(payload))
        return {_delivery_of(message) for message in messages}

    def in_hands(self) -> dict[int, str]:
        """The threads that have a message in their hands, one of its hooks or its ack included, and its delivery.

        It reads the frames of running threads, which some versions of Python do not take well (cpython#106883,
        #111363): so it is asked only where something looks forgotten.
        """
        found: dict[int, str] = {}
        for thread, top in sys._current_frames().items():  # noqa: SLF001 - there is no other way to ask
            frame: Any = top
            while frame is not None and frame.f_code not in _HANDS:
                frame = frame.f_back
            if frame is not None:
                message = frame.f_locals.get("message")
                found[thread] = "" if message is None else _delivery_of(message)
        return found

    def threads(self) -> dict[str, threading.Thread]:
        """Dramatiq's threads that should be running, by what they are."""
        found: dict[str, Any] = {f"consumer of {name}": thread for name, thread in list(self.worker.consumers.items())}
        found |= {f"worker thread {number}": thread for number, thread in enumerate(list(self.worker.workers))}
        return {name: thread for name, thread in found.items() if thread.running}

    def is_stopped(self) -> bool:
        """Whether none of Dramatiq's threads is left: what is still fetched, nobody here will come to."""
        threads: list[threading.Thread] = [*self.worker.workers, *self.worker.consumers.values()]
        return not any(thread.is_alive() for thread in threads)

    def replace(self, thread: Any) -> bool:
        """Gives the worker a new thread in the place of that one. False where this Dramatiq has no such means.

        What the dead consumer had in memory is forgotten with it: the audit finds it and puts it back.
        """
        try:
            if thread in self.worker.workers:
                self.worker.workers.remove(thread)
                self.worker._add_worker()  # noqa: SLF001 - there is no public way
            else:
                queue = thread.queue_name
                del self.worker.consumers[queue]
                self.worker._add_consumer(queue, delay=queue.endswith(".DQ"))  # noqa: SLF001
        except (AttributeError, LookupError):
            return False
        return True

    def ack(self, queue: str, delivery: str) -> None:
        """Lets go of a delivery that has ended. If interrupted: fetched still, or gone. Raises LedgerError."""
        with speaking_plainly(()):
            self.broker.do_ack(queue, delivery)


def _delivery_of(message: Any) -> str:
    return str(message.options.get("redis_message_id"))


def is_supported(broker: dramatiq.Broker) -> TypeGuard[RedisBroker]:
    return isinstance(broker, RedisBroker)
