"""A variable with a slip in its name is warned of: pydantic-settings passes over it without a word."""

from __future__ import annotations

import pytest

from assured_jobs import AssuredJobs, AssuredJobsSettings, ConfigurationError, misspelt

SLIP = (
    "ASSURED_JOBS_HEARTBEAT_INTERVALL is not a setting of assured_jobs and is ignored: "
    "did you mean ASSURED_JOBS_HEARTBEAT_INTERVAL?"
)


@pytest.fixture(autouse=True)
def _nothing_told(monkeypatch) -> None:
    monkeypatch.setattr(misspelt, "_told", set())


def sentences() -> list[str]:
    return [one.sentence for one in misspelt.ignored()]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ASSURED_JOBS_HEARTBEAT_INTERVALL", "ASSURED_JOBS_HEARTBEAT_INTERVAL"),
        ("assured_jobs_heartbeat_intervall", "ASSURED_JOBS_HEARTBEAT_INTERVAL"),
        ("ASSURED_JOBS_HEARTBEATTTL", "ASSURED_JOBS_HEARTBEAT_TTL"),
        ("ASSURED_JOBS_NAME_SPACE", "ASSURED_JOBS_NAMESPACE"),
        ("ASSURED_JOBS_REDIS_PORT", "ASSURED_JOBS_REDIS_URL"),  # no service link: its value is no address
        ("ASSURED_JOBS_REDIS_HOST", "ASSURED_JOBS_REDIS_URL"),
    ],
)
def test_a_slip_is_told_with_what_was_meant(monkeypatch, name: str, meant: str) -> None:
    monkeypatch.setenv(name, "5")
    assert sentences() == [
        f"{name.upper()} is not a setting of assured_jobs and is ignored: did you mean {meant}?",
    ]


def test_what_resembles_nothing_is_told_with_where_the_list_is(monkeypatch) -> None:
    monkeypatch.setenv("ASSURED_JOBS_COLOUR", "red")
    [sentence] = sentences()
    assert sentence == (
        "ASSURED_JOBS_COLOUR is not a setting of assured_jobs and is ignored: "
        "`assured-jobs config` lists those that are."
    )


@pytest.mark.parametrize("service", ["ASSURED_JOBS", "ASSURED_JOBS_REDIS", "ASSURED_JOBS_REDIS_URL"])
def test_the_service_links_of_kubernetes_are_passed_over(monkeypatch, service: str) -> None:
    links = {
        "SERVICE_HOST": "10.0.0.11", "SERVICE_PORT": "6379", "SERVICE_PORT_CLIENT_TLS": "6379",
        "PORT": "tcp://10.0.0.11:6379", "PORT_6379_TCP": "tcp://10.0.0.11:6379", "PORT_6379_TCP_PROTO": "tcp",
        "PORT_6379_TCP_PORT": "6379", "PORT_6379_TCP_ADDR": "10.0.0.11", "PORT_53_UDP": "udp://10.0.0.11:53",
    }  # fmt: skip
    for name, value in links.items():
        monkeypatch.setenv(f"{service}_{name}", value)
    monkeypatch.delenv("ASSURED_JOBS_REDIS_URL", raising=False)
    assert sentences() == []
    assert AssuredJobsSettings().redis_url is None


def test_an_address_that_came_into_a_real_variable_is_refused_like_any_wrong_value(monkeypatch) -> None:
    monkeypatch.setenv("ASSURED_JOBS_REDIS_URL", "tcp://10.0.0.11:6379")
    assert sentences() == []
    with pytest.raises(ConfigurationError, match=r"ASSURED_JOBS_REDIS_URL: expected a URL beginning with redis://"):
        AssuredJobs()


def test_what_others_of_us_read_is_passed_over(monkeypatch) -> None:
    for name in ("FAIL_POINT", "WEB_PASSWORD", "WEB_PORT"):
        monkeypatch.setenv(f"ASSURED_JOBS_{name}", "x")
    assert sentences() == []


def test_two_names_of_the_namespace_that_disagree_are_told_with_the_one_that_counts(monkeypatch) -> None:
    monkeypatch.setenv("ASSURED_JOBS_NS", "shop")
    monkeypatch.setenv("ASSURED_JOBS_NAMESPACE", "other")
    assert sentences() == [
        "ASSURED_JOBS_NAMESPACE is ignored: ASSURED_JOBS_NS says something else, and goes before it."
    ]
    assert AssuredJobsSettings().namespace == "shop"
    monkeypatch.setenv("ASSURED_JOBS_NAMESPACE", "shop")
    assert sentences() == []


def test_the_middleware_warns_once_in_a_process(monkeypatch, caplog) -> None:
    monkeypatch.setenv("ASSURED_JOBS_HEARTBEAT_INTERVALL", "5")
    AssuredJobs()
    AssuredJobs(AssuredJobsSettings())
    assert [(one.name, one.levelname, one.message) for one in caplog.records] == [("assured_jobs", "WARNING", SLIP)]


def test_a_start_that_is_refused_warns_all_the_same(monkeypatch, caplog) -> None:
    monkeypatch.setenv("ASSURED_JOBS_HEARTBEAT_INTERVALL", "5")
    with pytest.raises(ConfigurationError):
        AssuredJobs(max_crashes=0)
    assert caplog.messages == [SLIP]


def test_the_value_of_what_is_ignored_is_not_told(monkeypatch, caplog) -> None:
    monkeypatch.setenv("ASSURED_JOBS_REDIS_ULR", "redis://user:hunter2@host/0")
    AssuredJobs()
    assert "did you mean ASSURED_JOBS_REDIS_URL?" in caplog.text
    assert "hunter2" not in caplog.text
