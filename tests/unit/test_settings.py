"""A bad setting is reported by its variable, with what was expected and what came; all problems at once."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker

from assured_jobs import AssuredJobs, AssuredJobsSettings, ConfigurationError
from assured_jobs.brokers.redis import shutdown_timeout
from assured_jobs.choices import choose
from assured_jobs.settings import variable


def _problems(**values) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        AssuredJobsSettings(**values)
    return caught.value.problems


def test_the_defaults_are_the_documented_ones() -> None:
    settings = AssuredJobsSettings()
    assert settings.namespace == "assured_jobs"
    assert (settings.heartbeat_interval, settings.heartbeat_ttl, settings.stall_ttl) == (15, 45, 180)
    assert (settings.presence_grace, settings.recovery_lock_ttl, settings.redis_timeout) == (3, 300, 5)
    assert (settings.delayed_recovery_interval, settings.delayed_recovery_count) == (300, 1)
    assert (settings.watch, settings.assure_all, settings.on_orphan) == (True, False, "requeue")
    assert (settings.max_crashes, settings.max_orphan_age, settings.redis_url) == (3, 86400, None)
    assert (settings.recovery, settings.termination_grace_period) == ("act", None)
    assert settings.instance_id


@pytest.mark.parametrize("name", ["ASSURED_JOBS_NS", "ASSURED_JOBS_NAMESPACE"])
def test_both_names_of_the_namespace_are_read(monkeypatch, name: str) -> None:
    monkeypatch.setenv(name, "shop")
    assert AssuredJobsSettings().namespace == "shop"
    assert AssuredJobsSettings(namespace="other").namespace == "other"


def test_every_setting_is_read_from_its_variable(monkeypatch) -> None:
    values = {
        "instance_id": "pod-1", "namespace": "shop", "redis_url": "redis://127.0.0.1:1/0", "redis_timeout": "2",
        "heartbeat_interval": "5", "heartbeat_ttl": "20", "presence_grace": "0", "stall_ttl": "99",
        "recovery_lock_ttl": "60", "delayed_recovery_interval": "10", "delayed_recovery_count": "4", "watch": "false",
        "recovery": "observe",
        "recovery_rate": "50",
        "termination_grace_period": "60", "health_file": "/run/health",
        "metrics": "true",
        "assure_all": "true", "on_orphan": "hold", "max_crashes": "7",
        "max_orphan_age": "60",
    }  # fmt: skip
    assert set(values) == set(AssuredJobsSettings.model_fields)
    for name, value in values.items():
        monkeypatch.setenv(variable(name), value)
    read = AssuredJobsSettings().model_dump()
    assert {name: str(value).lower().removesuffix(".0") for name, value in read.items()} == values


def test_all_bad_values_are_reported_at_once_by_variable(monkeypatch) -> None:
    monkeypatch.setenv("ASSURED_JOBS_HEARTBEAT_INTERVAL", "45s")
    monkeypatch.setenv("ASSURED_JOBS_MAX_CRASHES", "0")
    monkeypatch.setenv("ASSURED_JOBS_ON_ORPHAN", "explode")
    monkeypatch.setenv("ASSURED_JOBS_NS", "with space")
    problems = _problems()
    assert len(problems) == 4
    joined = "\n".join(problems)
    assert "ASSURED_JOBS_HEARTBEAT_INTERVAL: expected a number, got" in joined
    assert "got '45s'" in joined
    assert "ASSURED_JOBS_MAX_CRASHES: expected 1 or more, got '0'" in joined
    assert "ASSURED_JOBS_ON_ORPHAN: expected 'requeue', 'hold' or 'discard', got 'explode'" in joined
    assert "ASSURED_JOBS_NS: expected 1 to 200 letters" in joined


def test_contradictions_between_settings_are_reported_together() -> None:
    problems = _problems(heartbeat_interval=30, heartbeat_ttl=40, stall_ttl=20, presence_grace=50)
    assert problems == [
        "ASSURED_JOBS_HEARTBEAT_TTL: expected at least 2 x ASSURED_JOBS_HEARTBEAT_INTERVAL (30 s), got 40 s",
        "ASSURED_JOBS_STALL_TTL: expected at least ASSURED_JOBS_HEARTBEAT_TTL (40 s), got 20 s",
        "ASSURED_JOBS_PRESENCE_GRACE: expected less than ASSURED_JOBS_HEARTBEAT_TTL (40 s), got 50 s",
    ]


def test_contradictions_are_told_beside_bad_values(monkeypatch) -> None:
    monkeypatch.setenv("ASSURED_JOBS_WATCH", "maybe")
    monkeypatch.setenv("ASSURED_JOBS_MAX_CRASHES", "0")
    monkeypatch.setenv("ASSURED_JOBS_HEARTBEAT_TTL", "10")
    monkeypatch.setenv("ASSURED_JOBS_STALL_TTL", "never")
    assert _problems(redis_timeout=-1) == [
        "ASSURED_JOBS_REDIS_TIMEOUT: expected more than 0, got -1",
        "ASSURED_JOBS_STALL_TTL: expected a number, got 'never'",
        "ASSURED_JOBS_WATCH: expected true or false, got 'maybe'",
        "ASSURED_JOBS_MAX_CRASHES: expected 1 or more, got '0'",
        "ASSURED_JOBS_HEARTBEAT_TTL: expected at least 2 x ASSURED_JOBS_HEARTBEAT_INTERVAL (15 s), got 10 s",
    ]


def test_a_redis_url_is_never_shown() -> None:
    [problem] = _problems(redis_url="postgres://user:secret@127.0.0.1/0")
    assert problem.startswith("ASSURED_JOBS_REDIS_URL: expected a URL beginning with redis://")
    assert "secret" not in problem


def test_an_unknown_keyword_is_named_beside_the_known_ones() -> None:
    [problem] = _problems(heartbeat_intervall=5)
    assert problem.startswith("heartbeat_intervall: no such setting; known are ")


def test_settings_and_keywords_together_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="namespace: expected in AssuredJobsSettings"):
        AssuredJobs(AssuredJobsSettings(), namespace="shop")


@pytest.fixture
def broker() -> dramatiq.Broker:
    broker = StubBroker()
    broker.add_middleware(AssuredJobs())
    return broker


@pytest.mark.parametrize(
    ("option", "value"),
    [("on_orphan", "explode"), ("max_crashes", 0), ("max_crashes", "3"), ("max_orphan_age", -1)],
)
def test_a_bad_actor_option_is_refused_when_the_actor_is_declared(broker, option: str, value) -> None:
    with pytest.raises(ConfigurationError, match=f"work: {option}: expected .*, got {re.escape(repr(value))}"):
        dramatiq.actor(lambda: None, actor_name="work", broker=broker, assured=True, **{option: value})


def test_a_bad_option_of_one_message_is_complained_about_and_ignored(caplog) -> None:
    default = AssuredJobsSettings().policy()
    assert choose("work", {"max_crashes": "many", "on_orphan": "hold"}, default) == replace(default, on_orphan="hold")
    assert "work: max_crashes: expected a whole number, 1 or more, got 'many'" in caplog.text


@pytest.mark.parametrize(
    ("argv", "seconds"),
    [
        (["/usr/bin/dramatiq", "app"], 600),
        (["/lib/dramatiq/__main__.py", "app", "--worker-shutdown-timeout", "25000"], 25),
        (["dramatiq", "--worker-shutdown-timeout=25000", "app", "-p", "4"], 25),
        (["dramatiq", "app", "--worker-shutdown-timeout", "soon"], None),
        (["/usr/bin/flask", "worker"], None),
    ],
)
def test_the_shutdown_timeout_is_read_from_dramatiqs_own_command_line(argv, seconds) -> None:
    assert shutdown_timeout(argv) == seconds


def test_an_age_may_be_a_timedelta(broker) -> None:
    dramatiq.actor(lambda: None, actor_name="work", broker=broker, assured=True, max_orphan_age=timedelta(hours=1))


def test_another_broker_is_left_alone_with_one_clear_warning(broker, caplog) -> None:
    dramatiq.actor(lambda: None, actor_name="work", broker=broker, assured=True)
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=10)
    worker.start()
    broker.get_actor("work").send()
    broker.join("default")
    worker.stop()
    assert "needs a RedisBroker and got a StubBroker" in caplog.text


def test_the_readmes_table_is_the_settings() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| `(ASSURED_JOBS_\w+)`[^|]*\| ([^|]+) \|", readme, re.MULTILINE)
    defaults = {name: field.get_default() for name, field in AssuredJobsSettings.model_fields.items()}
    assert [row[0] for row in rows] == list(defaults)
    for name, env, default in rows:
        assert env == variable(name)
        expected = defaults[name]
        if name not in ("instance_id", "redis_url", "termination_grace_period", "recovery_rate", "health_file"):
            plain = str(expected).lower().removesuffix(".0")
            assert default.strip().removesuffix(" s").strip("`") == plain


@pytest.mark.parametrize("name", ["NAMESPACE", "namespace", "REDIS_URL", "NS"])
def test_a_name_without_our_prefix_is_nothing_to_us(monkeypatch, name: str) -> None:
    monkeypatch.delenv("ASSURED_JOBS_REDIS_URL", raising=False)
    monkeypatch.setenv(name, "somebody-elses")
    assert (AssuredJobsSettings().namespace, AssuredJobsSettings().redis_url) == ("assured_jobs", None)


def test_a_name_in_small_letters_is_read(monkeypatch) -> None:
    monkeypatch.setenv("assured_jobs_ns", "shop")
    assert AssuredJobsSettings().namespace == "shop"
