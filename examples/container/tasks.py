"""The app in the worker's image: `dramatiq tasks`. Everything else it is told by its environment."""

from __future__ import annotations

import os
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware.prometheus import Prometheus

from assured_jobs import AssuredJobs

broker = RedisBroker(url=os.environ["ASSURED_JOBS_REDIS_URL"])
broker.add_middleware(Prometheus())  # exports Dramatiq's metrics and ours, on port 9191
broker.add_middleware(AssuredJobs())
dramatiq.set_broker(broker)


@dramatiq.actor(assured=True)
def send_invoice(order_id: int, seconds: float = 1.0) -> None:
    time.sleep(seconds)
    print(f"invoice {order_id} sent", flush=True)
