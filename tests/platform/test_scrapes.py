"""What Prometheus sees of real workers, and of what Redis knows."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from assured_jobs.demo.server import free_port
from assured_jobs.metrics import exposition, redis_collector
from prometheus import Dashboard, lint, read


@pytest.fixture
def dashboard(lab) -> Iterator[Dashboard]:
    made = Dashboard(lab.server.url, "assured_jobs")
    yield made
    made.close()


def exporting(lab, *args: str, **more):
    """A worker whose metrics Dramatiq's own exporter shows, and the text of a scrape."""
    port = free_port()
    environment = {
        "LAB_PROMETHEUS": "1", "dramatiq_prom_port": str(port), "dramatiq_prom_host": "127.0.0.1",
        "dramatiq_prom_db": str(lab.folder / f"prometheus-{port}"),
    }  # fmt: skip
    worker = lab.worker(*args, environment=environment, METRICS="true", **more)
    url = f"http://127.0.0.1:{port}/metrics"
    return worker, lambda: read(url)


def ours(text: str) -> str:
    """Without Dramatiq's own metrics, some of which break the rules."""
    kept = [line for line in text.splitlines() if re.match(r"(# (HELP|TYPE) )?assured_jobs_", line)]
    return "\n".join(kept) + "\n"


def samples(text: str) -> dict:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_dramatiqs_own_exporter_shows_what_became_of_a_dead_workers_job(lab):
    victim = lab.worker()
    lab.jobs.gated.send(1)
    lab.wait(lambda: lab.effects("start"), "the job runs")
    _survivor, scrape = exporting(lab)
    victim.kill()
    key = ("assured_jobs_orphans_handed_back_total", (("actor", "gated"), ("queue", "default"), ("reason", "crashed")))
    lab.wait(lambda: samples(scrape()).get(key), "the hand back is counted")
    lab.open()
    lab.wait(lambda: lab.effects("done"), "it runs again")
    text = scrape()
    told = samples(text)
    job = (("actor", "gated"), ("queue", "default"))
    assert told[key] == 1
    assert told["assured_jobs_orphans_found_total", (*job, ("reason", "crashed"))] == 1
    assert told["assured_jobs_crashes_total", job] == 1
    assert told["assured_jobs_hand_back_seconds_count", job] == 1
    assert told["assured_jobs_worker_deaths_total", (("cause", "connection lost"),)] == 1
    assert told["assured_jobs_ledger_seconds_count", (("operation", "begin"),)] >= 1
    assert "dramatiq_messages_total" in text
    lint(ours(text))


def test_four_processes_are_one_exporter(lab):
    _worker, scrape = exporting(lab, "-p", "4", threads=1)
    lab.wait(lambda: len(lab.alive()) == 4, "all four are registered")
    for n in range(40):
        lab.jobs.work.send(n)
    lab.wait(lambda: len(lab.effects("done")) == 40, "the jobs run")
    begun = ("assured_jobs_ledger_seconds_count", (("operation", "begin"),))
    lab.wait(lambda: samples(scrape()).get(begun, 0) >= 40, "their begins are in one sum")


def test_metrics_without_an_exporter_are_warned_of(lab):
    worker = lab.worker(METRICS="true")
    lab.wait(lambda: worker.said("add Dramatiq's Prometheus middleware to the broker"), "it says so")


def test_what_redis_knows_is_one_exporter_by_the_rules(lab, dashboard):
    url = f"http://{dashboard.target}/metrics"
    empty = samples(read(url))
    assert empty["assured_jobs_redis_up", ()] == 1
    assert empty["assured_jobs_instances", (("state", "alive"),)] == 0
    assert ("assured_jobs_watcher_last_tick_timestamp_seconds", ()) not in empty
    lab.worker()
    lab.jobs.gated.send(1)
    lab.wait(lambda: lab.effects("start"), "the job runs")
    lab.wait(lambda: ("assured_jobs_watcher_last_tick_timestamp_seconds", ()) in samples(read(url)), "a watcher ticks")
    told = samples(read(url))
    assert told["assured_jobs_in_flight_jobs", ()] == 1
    assert told["assured_jobs_instances", (("state", "alive"),)] == 1
    assert told["assured_jobs_watcher_alive", ()] == 1
    lint(read(url))


def test_what_waits_and_why(lab, dashboard):
    url = f"http://{dashboard.target}/metrics"
    victim = lab.worker()
    lab.jobs.holding.send(1)
    lab.wait(lambda: lab.effects("start"), "the job runs")
    lab.worker()
    victim.kill()
    held = ("assured_jobs_held_orphans", (("reason", "on_orphan"),))
    lab.wait(lambda: samples(read(url)).get(held) == 1, "it is held")
    told = samples(read(url))
    assert told["assured_jobs_orphans", (("state", "held"),)] == 1
    assert told["assured_jobs_recent_deaths", ()] == 1
    assert told["assured_jobs_oldest_held_timestamp_seconds", ()] > 1e9
    assert {dict(labels)["reason"] for name, labels in told if name == "assured_jobs_held_orphans"} >= {"unread"}
    lint(read(url))


def test_a_redis_that_is_away_is_told_and_breaks_no_scrape(make_lab, own_server):
    server = own_server()
    lab = make_lab(server)
    collector = redis_collector(lab.ledger)
    assert b"assured_jobs_redis_up 1.0" in exposition(collector)[1]
    server.close()
    text = exposition(collector)[1].decode()
    assert samples(text)["assured_jobs_redis_up", ()] == 0
    assert "assured_jobs_orphans{" not in text
