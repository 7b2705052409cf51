"""Charges a card. What was cut in half waits for a person: whether money was taken, only the bank knows."""

from __future__ import annotations

import os

import bank
import books
import dramatiq
from dramatiq.brokers.redis import RedisBroker

from assured_jobs import AssuredJobs, current_job
from assured_jobs.failpoint import reach

broker = RedisBroker(url=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
broker.add_middleware(AssuredJobs())
dramatiq.set_broker(broker)


@dramatiq.actor(assured=True, on_orphan="hold", max_retries=0)
def charge_card(payment: str, cents: int) -> None:
    job = current_job()
    books.write(payment, "charging", job.fence)
    reach("app.before_charge")
    job.ensure_owned()  # raises where this worker was declared dead before it came to this: it must not charge then
    bank.charge(job.message_id, cents)  # the message's id is the same in every life of the job: the idempotency key
    reach("app.after_charge")
    if not books.write(payment, "paid", job.fence):
        print(f"{payment}: another worker has taken over, this one's word counts no longer.")
