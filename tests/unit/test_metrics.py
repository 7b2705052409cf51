"""What each event counts, and that no label can grow without end."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

import catalogue
from assured_jobs import AssuredJobs, ConfigurationError, events, metering, metrics
from assured_jobs.policy import ReasonCode


@pytest.fixture
def counted():
    """How much a sample has grown since the test began."""
    meter = metrics.meter()
    before: dict = {}

    def value(name: str, **labels: str) -> float:
        now = REGISTRY.get_sample_value(f"assured_jobs_{name}", labels) or 0.0
        return now - before.get((name, tuple(labels.items())), 0.0)

    for family in REGISTRY.collect():
        for sample in family.samples:
            before[sample.name.removeprefix("assured_jobs_"), tuple(sample.labels.items())] = sample.value
    value.hear = meter.hear
    value.meter = meter
    return value


def settled(outcome: str, code: ReasonCode = "crashed", **more) -> events.OrphanSettled:
    return events.OrphanSettled("m1", "charge", "mail", "web-1.1.a", outcome, "why", 1, code, **more)


JOB = {"queue": "mail", "actor": "charge"}


def test_a_job_handed_back_after_a_death(counted):
    counted.hear(settled("handed_back", charged="crashes", silent_for=4.0))
    assert counted("orphans_found_total", **JOB, reason="crashed") == 1
    assert counted("orphans_handed_back_total", **JOB, reason="crashed") == 1
    assert counted("crashes_total", **JOB) == 1
    assert counted("hand_back_seconds_sum", **JOB) == 4
    assert counted("hand_back_seconds_bucket", **JOB, le="2.5") == 0


def test_a_job_that_waited_before_it_came_back_is_found_once_and_times_nothing(counted):
    counted.hear(settled("deferred", charged="crashes", silent_for=4.0))
    counted.hear(settled("handed_back"))
    assert counted("orphans_found_total", **JOB, reason="crashed") == 1
    assert counted("orphans_handed_back_total", **JOB, reason="crashed") == 1
    assert counted("hand_back_seconds_count", **JOB) == 0


@pytest.mark.parametrize("outcome", ["held", "discarded"])
def test_what_does_not_come_back(counted, outcome):
    counted.hear(settled(outcome, "max_crashes", silent_for=1.0))
    assert counted(f"orphans_{outcome}_total", **JOB, reason="max_crashes") == 1
    assert counted("orphans_handed_back_total", **JOB, reason="max_crashes") == 0


def test_what_was_never_started_is_counted_by_its_number(counted):
    counted.hear(events.NeverStartedHandedBack(700, "mail", "web-1.1.a", 3.0))
    assert counted("orphans_found_total", queue="mail", actor="", reason="never_started") == 700
    assert counted("orphans_handed_back_total", queue="mail", actor="", reason="never_started") == 700


@pytest.mark.parametrize(
    ("cause", "label"), [("stalled", "stalled"), ("connection lost", "connection lost"), ("ann said so", "operator")]
)
def test_a_death_by_its_cause_never_by_a_persons_name(counted, cause, label):
    counted.hear(events.InstanceDied("web-1.1.a", cause))
    assert counted("worker_deaths_total", cause=label) == 1


def test_the_rest(counted):
    for event in (
        events.LateFinish("m1", "charge", "mail", "web-1.1.a"),
        events.ZombieInterrupted("m1", "charge", "mail", "web-1.1.a"),
        events.Refused("m1", "charge", "mail", "taken"),
        events.StrayPutRight("d1", "mail", "web-1.1.a", "put_back"),
        events.ThreadDied("web-1.1.a", "worker thread 3", replaced=True),
        events.Fenced("web-1.1.a", "web-1.1.b"),
        events.InstanceStalled("web-1.1.a", 50.0),
        events.LedgerLost("Jobs go on.", "refused"),
        events.WouldHave("handed_back", "why", "web-1.1.a", "m1", "charge", "mail"),
        events.SignedOff("web-1.1.a"),
    ):
        counted.hear(event)
    assert counted("false_deaths_total", **JOB) == 1
    assert counted("zombies_interrupted_total", **JOB) == 1
    assert counted("refused_deliveries_total", **JOB, cause="taken") == 1
    assert counted("strays_total", queue="mail", outcome="put_back") == 1
    assert counted("dead_threads_total", kind="worker", replaced="true") == 1
    assert counted("workers_fenced_total") == counted("worker_stalls_total") == counted("ledger_outages_total") == 1
    assert counted("observed_total", **JOB, outcome="handed_back") == 1


def test_round_trips_on_a_jobs_path_are_timed_and_no_others(counted):
    counted.meter.timed("begin", 0.002)
    counted.meter.timed("release", 0.002)
    assert counted("ledger_seconds_count", operation="begin") == 1
    assert REGISTRY.get_sample_value("assured_jobs_ledger_seconds_count", {"operation": "release"}) is None


def test_names_from_strangers_do_not_grow_without_end(counted, monkeypatch):
    meter = counted.meter
    monkeypatch.setattr(meter, "_pairs", {(f"queue-{n}", "actor") for n in range(500)})
    counted.hear(settled("handed_back"))
    assert counted("orphans_handed_back_total", queue="other", actor="other", reason="crashed") == 1


def test_what_goes_wrong_in_counting_stays_there(counted, monkeypatch):
    monkeypatch.setattr(counted.meter, "_job", lambda _event: 1 / 0)
    counted.hear(settled("handed_back"))


def test_no_metric_has_an_id_for_a_label():
    metrics.meter()
    labels = {
        name for family in REGISTRY.collect() for sample in family.samples for name in sample.labels
        if family.name.startswith("assured_jobs")
    }  # fmt: skip
    assert labels <= {"queue", "actor", "reason", "cause", "outcome", "kind", "replaced", "operation", "le"}


def test_asking_for_metrics_without_the_extra_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(metering, "find_spec", lambda _name: None)
    AssuredJobs()
    with pytest.raises(ConfigurationError, match="ASSURED_JOBS_METRICS: expected prometheus_client beside it"):
        AssuredJobs(metrics=True)


def test_who_counts_and_is_not_seen_is_told_what_to_do():
    assert metering._nobody_sees(shared=True, used=True) == ""
    assert "add Dramatiq's Prometheus middleware" in metering._nobody_sees(shared=False, used=False)
    assert "Set it in the environment" in metering._nobody_sees(shared=True, used=False)


def test_prometheus_client_is_not_imported_before_a_worker_boots():
    """It would decide there and then to keep its values to itself."""
    code = "import sys; from assured_jobs import AssuredJobs; AssuredJobs(metrics=True); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "assured_jobs.metrics" in loaded
    assert not [name for name in loaded if name.startswith("prometheus_client")]


def test_the_page_of_metrics_lists_all_of_them_with_their_labels():
    page = (Path(__file__).parents[2] / "docs/metrics.md").read_text()
    rows = re.findall(r"^\| `(assured_jobs_\w+)` \| ([\w, ]*)\|", page, re.MULTILINE)
    told = [(name, set(labels.replace(",", "").split())) for name, labels in rows]
    assert sorted(told) == sorted([*catalogue.of_workers().items(), *catalogue.of_redis().items()])
