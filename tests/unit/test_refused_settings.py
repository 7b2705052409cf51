"""Every sentence that a wrong setting can cause, word for word: it is all that a person at a failed start has."""

from __future__ import annotations

import pytest

from assured_jobs import AssuredJobs, AssuredJobsSettings, ConfigurationError
from assured_jobs.ledger.connecting import client_of

FIELDS = (
    "instance_id, namespace, redis_url, redis_timeout, heartbeat_interval, heartbeat_ttl, presence_grace, stall_ttl, "
    "recovery_lock_ttl, delayed_recovery_interval, delayed_recovery_count, watch, recovery, recovery_rate, "
    "termination_grace_period, health_file, metrics, assure_all, on_orphan, max_crashes, max_orphan_age"
)
SCHEMES = "a URL beginning with redis://, rediss://, unix://, redis+sentinel://"
LABEL = "1 to 200 letters, digits or . _ : @ -"
TCP = "redis://[[user]:password@]host[:port][/db]"
TLS = "rediss://[[user]:password@]host[:port][/db]"
UNIX = "unix://[[user]:password@]/path[?db=0]"
SENTINEL = "redis+sentinel://[[user]:password@]host[:port],host[:port]/service[/db]"
OPTIONS = ", with its options as ?name=value&name=value"


def refusal(**values) -> str:
    with pytest.raises(ConfigurationError) as caught:
        AssuredJobsSettings(**values)
    return str(caught.value)


def one(problem: str) -> str:
    return f"1 problem in the settings of assured_jobs:\n  {problem}"


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("HEARTBEAT_INTERVAL", "45s", "expected a number, got '45s'"),
        ("HEARTBEAT_INTERVAL", "", "expected a number, got ''"),
        ("HEARTBEAT_INTERVAL", "inf", "expected a finite number, got 'inf'"),
        ("MAX_ORPHAN_AGE", "nan", "expected a finite number, got 'nan'"),
        ("REDIS_TIMEOUT", "0", "expected more than 0, got '0'"),
        ("PRESENCE_GRACE", "-1", "expected 0 or more, got '-1'"),
        ("MAX_CRASHES", "0", "expected 1 or more, got '0'"),
        ("MAX_CRASHES", "2.5", "expected a whole number, got '2.5'"),
        ("DELAYED_RECOVERY_COUNT", "-1", "expected 0 or more, got '-1'"),
        ("WATCH", "maybe", "expected true or false, got 'maybe'"),
        ("ON_ORPHAN", "explode", "expected 'requeue', 'hold' or 'discard', got 'explode'"),
        ("RECOVERY", "look", "expected 'act' or 'observe', got 'look'"),
        ("INSTANCE_ID", "pod 1", f"expected {LABEL}, got 'pod 1'"),
        ("NS", "", f"expected {LABEL}, got ''"),
        ("NAMESPACE", "two words", f"expected {LABEL}, got 'two words'"),
    ],
)
def test_a_wrong_variable_is_named_with_what_it_may_say(monkeypatch, name: str, value: str, problem: str) -> None:
    monkeypatch.setenv(f"ASSURED_JOBS_{name}", value)
    assert refusal() == one(f"ASSURED_JOBS_{name}: {problem}")


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("heartbeat_interval", [1], "ASSURED_JOBS_HEARTBEAT_INTERVAL: expected a number, got [1]"),
        ("heartbeat_interval", None, "ASSURED_JOBS_HEARTBEAT_INTERVAL: expected a number, got None"),
        ("max_crashes", [], "ASSURED_JOBS_MAX_CRASHES: expected a whole number, got []"),
        ("max_crashes", 2.5, "ASSURED_JOBS_MAX_CRASHES: expected a whole number, got 2.5"),
        ("watch", [], "ASSURED_JOBS_WATCH: expected true or false, got []"),
        ("namespace", 5, "ASSURED_JOBS_NS: expected text, got 5"),
        ("redis_url", 5, "ASSURED_JOBS_REDIS_URL: expected text, got a value that is not shown"),
        ("heartbeat_intervall", 5, f"heartbeat_intervall: no such setting; known are {FIELDS}"),
    ],
)
def test_a_wrong_keyword_is_told_by_its_variable(name: str, value, problem: str) -> None:
    assert refusal(**{name: value}) == one(problem)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (
            {"heartbeat_interval": 30, "heartbeat_ttl": 40},
            "ASSURED_JOBS_HEARTBEAT_TTL: expected at least 2 x ASSURED_JOBS_HEARTBEAT_INTERVAL (30 s), got 40 s",
        ),
        (
            {"heartbeat_interval": 2592000, "heartbeat_ttl": 2592001.5, "stall_ttl": 2592002},
            (
                "ASSURED_JOBS_HEARTBEAT_TTL: expected at least 2 x ASSURED_JOBS_HEARTBEAT_INTERVAL (2592000 s), "
                "got 2592001.5 s"
            ),
        ),
        ({"stall_ttl": 44}, "ASSURED_JOBS_STALL_TTL: expected at least ASSURED_JOBS_HEARTBEAT_TTL (45 s), got 44 s"),
        (
            {"presence_grace": 45},
            "ASSURED_JOBS_PRESENCE_GRACE: expected less than ASSURED_JOBS_HEARTBEAT_TTL (45 s), got 45 s",
        ),
        (
            {"recovery_lock_ttl": 4.5},
            "ASSURED_JOBS_RECOVERY_LOCK_TTL: expected at least ASSURED_JOBS_REDIS_TIMEOUT (5 s), got 4.5 s",
        ),
    ],
)
def test_each_rule_between_two_settings_names_both(values: dict[str, float], problem: str) -> None:
    assert refusal(**values) == one(problem)


def test_each_rule_holds_up_to_its_bound() -> None:
    AssuredJobsSettings(heartbeat_interval=15, heartbeat_ttl=30, stall_ttl=30, presence_grace=29.9)
    AssuredJobsSettings(recovery_lock_ttl=5, redis_timeout=5)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", SCHEMES),
        ("postgres://user:hunter2@host/0", SCHEMES),
        ("REDIS://user:hunter2@host/0", SCHEMES),
        ("redis+sentinels://user:hunter2@host/shop", SCHEMES),
        ("redis://user:hunter2@host:hunter2/0", TCP),
        ("redis://user:hunter2@host:65536/0", TCP),
        ("redis://user:hun/ter2@host/0", TCP),
        ("redis://:123#hunter2@host/0", TCP),
        ("redis://:123/4@hunter2/0", TCP),
        ("redis://:123?hunter2@host/0", TCP + OPTIONS),
        ("redis://host/hunter2", TCP),
        ("redis://host?db=hunter2", TCP + OPTIONS),
        ("redis://host?hunter2", TCP + OPTIONS),
        ("redis://one,hunter2/0", TCP),
        ("rediss://host:hunter2", TLS),
        ("unix://hunter2/path", UNIX),
        ("unix://", UNIX),
        ("redis+sentinel://user:hunter2@host:26379", SENTINEL),
        ("redis+sentinel://user:hunter2@/shop", SENTINEL),
        ("redis+sentinel://host:26379,/hunter2", SENTINEL),
        ("redis+sentinel://one:26379,two:hunter2/shop", SENTINEL),
        ("redis+sentinel://one:26379,two:99999/hunter2", SENTINEL),
        ("redis+sentinel://host/shop/hunter2", SENTINEL),
        ("redis+sentinel://host/shop?sentinel_password", SENTINEL + OPTIONS),
    ],
)
def test_a_url_that_cannot_be_read_is_told_without_showing_it(monkeypatch, url: str, expected: str) -> None:
    monkeypatch.setenv("ASSURED_JOBS_REDIS_URL", url)
    assert refusal() == one(f"ASSURED_JOBS_REDIS_URL: expected {expected}, got a value that is not shown")


@pytest.mark.parametrize(
    "url",
    [
        "redis://host/0?hunter2=1",
        "redis://:123?x=hunter2@host/0",
        "redis://host?health_check_interval=hunter2",
        "unix:///run/redis?ssl=hunter2",
        "redis+sentinel://host/shop?hunter2=1",
        "redis+sentinel://host/shop?sentinel_hunter2=1",
        "redis+sentinel://host/shop?ssl_ca_certs=hunter2",  # would be ignored, as no TLS was asked for
    ],
)
def test_an_option_that_redis_py_does_not_know_is_told_before_a_worker_boots(monkeypatch, url: str) -> None:
    monkeypatch.setenv("ASSURED_JOBS_REDIS_URL", url)
    with pytest.raises(ConfigurationError) as caught:
        AssuredJobs()
    assert str(caught.value) == one(
        "ASSURED_JOBS_REDIS_URL: expected after the ? only options that redis-py knows, with values of their kind, "
        "got a value that is not shown"
    )


def test_everything_wrong_is_told_at_once(monkeypatch) -> None:
    monkeypatch.setenv("ASSURED_JOBS_NAMESPACE", "two words")
    monkeypatch.setenv("ASSURED_JOBS_REDIS_URL", "localhost:6379")
    monkeypatch.setenv("ASSURED_JOBS_WATCH", "maybe")
    monkeypatch.setenv("ASSURED_JOBS_HEARTBEAT_TTL", "10")
    assert refusal(max_crashes=0, colour="red") == "\n".join([
        "6 problems in the settings of assured_jobs:",
        f"  ASSURED_JOBS_NAMESPACE: expected {LABEL}, got 'two words'",
        f"  ASSURED_JOBS_REDIS_URL: expected {SCHEMES}, got a value that is not shown",
        "  ASSURED_JOBS_WATCH: expected true or false, got 'maybe'",
        "  ASSURED_JOBS_MAX_CRASHES: expected 1 or more, got 0",
        f"  colour: no such setting; known are {FIELDS}",
        "  ASSURED_JOBS_HEARTBEAT_TTL: expected at least 2 x ASSURED_JOBS_HEARTBEAT_INTERVAL (15 s), got 10 s",
    ])  # fmt: skip


def test_settings_beside_a_settings_object_are_told() -> None:
    with pytest.raises(ConfigurationError) as caught:
        AssuredJobs(AssuredJobsSettings(), namespace="shop", watch=False)
    assert str(caught.value) == (
        "2 problems in the settings of assured_jobs:\n"
        "  namespace: expected in AssuredJobsSettings(...), got beside it\n"
        "  watch: expected in AssuredJobsSettings(...), got beside it"
    )


def test_a_password_is_in_no_picture_of_the_settings() -> None:
    assert "hunter2" not in repr(AssuredJobsSettings(redis_url="redis://user:hunter2@host/0"))


def test_what_is_refused_leaves_no_password_in_the_chain_of_errors() -> None:
    for refused in (lambda: AssuredJobsSettings(redis_url="x://hunter2"), lambda: client_of("redis://h?db=hunter2")):
        with pytest.raises(ConfigurationError) as caught:
            refused()
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
