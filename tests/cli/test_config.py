"""`config` tells which settings hold, and who said so, without a Redis and without a secret."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from assured_jobs import AssuredJobsSettings
from assured_jobs.cli import main
from assured_jobs.settings import variable


@pytest.fixture(autouse=True)
def _without_variables(monkeypatch) -> None:
    monkeypatch.delenv("ASSURED_JOBS_REDIS_URL", raising=False)


def run(*args: str, **env: str):
    return CliRunner().invoke(main, [*args], env=env)


def told(*args: str, **env: str) -> dict:
    result = run("config", "--json", *args, **env)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def one(name: str, *args: str, **env: str) -> tuple:
    [found] = [setting for setting in told(*args, **env)["settings"] if setting["name"] == name]
    return found["value"], found["source"]


def row(text: str, name: str) -> list[str]:
    [line] = [line for line in text.splitlines() if line.split()[0] == name]
    return line.split()


def test_every_setting_is_told_with_its_variable_and_its_default():
    settings = told()["settings"]
    defaults = AssuredJobsSettings().model_dump()
    assert [tuple(one) for one in settings] == [("name", "variable", "value", "source")] * len(defaults)
    assert {one["name"]: one["value"] for one in settings} == defaults
    assert {one["name"]: one["variable"] for one in settings} == {name: variable(name) for name in defaults}
    assert {one["source"] for one in settings} == {"default"}


def test_an_option_goes_before_a_variable_and_a_variable_before_the_default():
    assert one("heartbeat_ttl", ASSURED_JOBS_HEARTBEAT_TTL="50") == (50.0, "ASSURED_JOBS_HEARTBEAT_TTL")
    assert one("namespace", ASSURED_JOBS_NAMESPACE="shop") == ("shop", "ASSURED_JOBS_NAMESPACE")
    both = {"ASSURED_JOBS_NS": "shop", "ASSURED_JOBS_NAMESPACE": "other"}
    assert one("namespace", **both) == ("shop", "ASSURED_JOBS_NS")
    assert one("namespace", "--namespace", "night", **both) == ("night", "--namespace")
    assert one("redis_url", ASSURED_JOBS_REDIS_URL="redis://a") == ("redis://a", "ASSURED_JOBS_REDIS_URL")
    assert one("redis_url", "--url", "redis://b", ASSURED_JOBS_REDIS_URL="redis://a") == ("redis://b", "--url")


def test_for_people_durations_have_their_unit():
    text = run("config", ASSURED_JOBS_MAX_ORPHAN_AGE="2592000", ASSURED_JOBS_PRESENCE_GRACE="0.5").stdout
    assert row(text, "max_orphan_age") == [
        "max_orphan_age", "ASSURED_JOBS_MAX_ORPHAN_AGE", "2592000", "s", "ASSURED_JOBS_MAX_ORPHAN_AGE",
    ]  # fmt: skip
    assert row(text, "presence_grace")[2:4] == ["0.5", "s"]
    assert row(text, "max_crashes") == ["max_crashes", "ASSURED_JOBS_MAX_CRASHES", "3", "default"]
    assert row(text, "watch") == ["watch", "ASSURED_JOBS_WATCH", "true", "default"]
    assert "the broker's own; for this command redis://127.0.0.1:6379/0" in text
    assert "not known" in text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:hunter2@host:6379/3", "redis://user:***@host:6379/3"),
        ("redis://:hunter2@host", "redis://:***@host"),
        ("redis://user@host", "redis://user@host"),
        ("redis://us%2Fer:p@hunter2@host/0", "redis://us%2Fer:***@host/0"),
        ("redis://host?password=hunter2&db=3", "redis://host?password=***&db=3"),
        ("rediss://host?ssl_ca_certs=/ca&ssl_password=hunter2", "rediss://host?ssl_ca_certs=/ca&ssl_password=***"),
        ("unix://user:hunter2@/run/redis?db=1", "unix://user:***@/run/redis?db=1"),
        (
            "redis+sentinel://user:hunter2@one:1,two/shop/2?sentinel_username=s&sentinel_password=hunter2&ssl=true",
            "redis+sentinel://user:***@one:1,two/shop/2?sentinel_username=s&sentinel_password=***&ssl=true",
        ),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str):
    assert one("redis_url", ASSURED_JOBS_REDIS_URL=url) == (shown, "ASSURED_JOBS_REDIS_URL")
    text = run("--url", url, "config").output
    assert shown in text
    assert "hunter2" not in text


def test_what_was_ignored_is_told():
    slips = {"ASSURED_JOBS_HEARTBEAT_TLL": "5", "ASSURED_JOBS_COLOUR": "red", "ASSURED_JOBS_WEB_PORT": "80"}
    assert told(**slips)["ignored"] == [
        {"variable": "ASSURED_JOBS_COLOUR", "did_you_mean": None},
        {"variable": "ASSURED_JOBS_HEARTBEAT_TLL", "did_you_mean": "ASSURED_JOBS_HEARTBEAT_TTL"},
    ]
    result = run("config", **slips)
    assert row(result.stdout, "ASSURED_JOBS_COLOUR") == ["ASSURED_JOBS_COLOUR", "no", "setting", "ignored"]
    assert "did you mean ASSURED_JOBS_HEARTBEAT_TTL?" in result.stdout


def test_bad_settings_are_told_all_at_once():
    result = run("config", ASSURED_JOBS_MAX_CRASHES="0", ASSURED_JOBS_REDIS_URL="x://hunter2")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == (
        "assured-jobs: 2 problems in the settings of assured_jobs:\n"
        "  ASSURED_JOBS_REDIS_URL: expected a URL beginning with redis://, rediss://, unix://, redis+sentinel://, "
        "got a value that is not shown\n"
        "  ASSURED_JOBS_MAX_CRASHES: expected 1 or more, got '0'\n"
    )
