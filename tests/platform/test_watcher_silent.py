"""A real Prometheus scrapes a real worker and the dashboard, and tells when nobody watches any more."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import manifests
from assured_jobs.demo.server import free_port
from prometheus import Dashboard, Prometheus


def in_seconds(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rules as they are shipped, with a minute for a second, so that no test has to wait for them."""
    quick = copy.deepcopy(groups)
    for rule in quick[0]["rules"]:
        rule["expr"] = re.sub(r"> 60$", "> 4", rule["expr"])
        rule["for"] = "1s"
    return quick


@pytest.fixture
def observed(lab) -> Iterator[Callable[..., Prometheus]]:
    opened: list[Any] = []

    def observe(**targets: str) -> Prometheus:
        dashboard = Dashboard(lab.server.url, "assured_jobs")
        opened.append(dashboard)
        made = Prometheus(lab.folder, {"dashboard": dashboard.target, **targets}, in_seconds(manifests.groups()))
        opened.append(made)
        return made

    yield observe
    for one in opened:
        one.close()


def test_prometheus_sees_the_workers_and_tells_when_all_of_them_are_killed(lab, observed):
    ports = [free_port(), free_port()]
    workers = [
        lab.worker(
            METRICS="true",
            environment={
                "LAB_PROMETHEUS": "1", "dramatiq_prom_port": str(port), "dramatiq_prom_host": "127.0.0.1",
                "dramatiq_prom_db": str(lab.folder / f"shared-{port}"),
            },
        )
        for port in ports
    ]  # fmt: skip
    seen = observed(**{f"worker-{at}": f"127.0.0.1:{port}" for at, port in enumerate(ports)})
    lab.wait(lambda: seen.healthy_jobs() == {"dashboard", "worker-0", "worker-1"}, "all three are scraped")
    lab.jobs.work.send(1)
    lab.wait(lambda: lab.effects("done"), "a job runs")
    begun = 'sum(assured_jobs_ledger_seconds_count{operation="begin"})'
    lab.wait(lambda: [one for one in seen.query(begun) if float(one["value"][1]) >= 1], "its begin is on the record")
    lab.wait(lambda: seen.query("dramatiq_messages_total"), "Dramatiq's own are beside ours")
    lab.wait(lambda: seen.query("assured_jobs_watcher_last_tick_timestamp_seconds"), "a watcher ticks")
    assert "AssuredJobsWatcherSilent" not in seen.alerts()

    for worker in workers:
        worker.kill()
    lab.wait(lambda: seen.alerts().get("AssuredJobsWatcherSilent") == "firing", "the silence is told", timeout=90)

    lab.worker()
    lab.wait(lambda: "AssuredJobsWatcherSilent" not in seen.alerts(), "and over when somebody watches", timeout=90)
