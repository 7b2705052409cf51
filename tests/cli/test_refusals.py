from __future__ import annotations

import socket
import threading

import pytest
from click.testing import CliRunner

from assured_jobs.cli import main
from assured_jobs.demo.server import free_port

VERBS = [
    ("status",), ("orphans",), ("retry", "x"), ("delete", "x"), ("recover",), ("recover", "--dry-run"), ("check",),
]  # fmt: skip


def run(*args: str, **env: str):
    return CliRunner().invoke(main, [*args], env=env)


def one_sentence(result) -> str:
    """What is said on standard error: no traceback, and nothing on standard output."""
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("assured-jobs: ")
    return result.stderr


@pytest.mark.parametrize("verb", [*VERBS, ("demo",)], ids=" ".join)
def test_a_redis_that_does_not_answer_is_named_in_one_sentence(verb):
    port = free_port()
    result = run("--url", f"redis://127.0.0.1:{port}/0", *verb)
    assert result.exit_code == 3
    assert f"127.0.0.1:{port}" in one_sentence(result)


@pytest.mark.parametrize("verb", ["status", "check"])
def test_a_server_that_is_no_redis_is_told_apart_from_a_bug(verb):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        result = run("--url", f"redis://127.0.0.1:{server.getsockname()[1]}/0", verb)
    assert result.exit_code == 3
    one_sentence(result)


@pytest.mark.parametrize(
    "url", ["http://x", "localhost:6379", "redis://user:hunter2@host:hunter2/0", "redis://host/0?hunter2=1", ""]
)
def test_an_unusable_url_is_a_configuration_error_that_tells_no_password(url):
    result = run("--url", url, "status")
    assert result.exit_code == 2
    assert "--url: expected" in one_sentence(result)
    assert "hunter2" not in result.stderr


def test_the_option_or_the_variable_that_holds_an_unusable_url_is_named():
    words = "expected after the ? only options that redis-py knows, with values of their kind, got a value that is not"
    url = "redis://user:hunter2@host/0?hunter2=1"
    said = run("--url", url, "status").stderr
    assert said == f"assured-jobs: 1 problem in the settings of assured_jobs:\n  --url: {words} shown\n"
    read = run("status", ASSURED_JOBS_REDIS_URL=url).stderr
    assert read == said.replace("--url", "ASSURED_JOBS_REDIS_URL")


@pytest.mark.parametrize("name", ["ASSURED_JOBS_NS", "ASSURED_JOBS_NAMESPACE"])
def test_an_unusable_namespace_is_told_by_its_option_or_by_the_variable_that_says_it(name):
    said = run("--namespace", "two words", "status", **{name: "three bad words"}).stderr
    assert said.endswith("  --namespace: expected 1 to 200 letters, digits or . _ : @ -, got 'two words'\n")
    read = run("status", **{name: "three bad words"}).stderr
    assert read.endswith(f"  {name}: expected 1 to 200 letters, digits or . _ : @ -, got 'three bad words'\n")


def test_an_unusable_namespace_is_named():
    result = run("--namespace", "two words", "status")
    assert result.exit_code == 2
    assert "--namespace: expected" in one_sentence(result)


def test_an_unusable_variable_is_named():
    result = run("status", ASSURED_JOBS_NS="two words")
    assert result.exit_code == 2
    assert "ASSURED_JOBS_NS: expected" in one_sentence(result)


@pytest.mark.parametrize("verb", [("status",), ("orphans", "--json"), ("recover",)])
def test_every_verb_says_on_standard_error_what_it_ignores(scene, verb):
    result = scene.run(*verb, env={"ASSURED_JOBS_HEARTBEAT_TLL": "5", "ASSURED_JOBS_COLOUR": "\x1b[2Jred"})
    assert result.exit_code == 0
    no_setting = "is not a setting of assured_jobs and is ignored"
    assert result.stderr.splitlines() == [
        f"assured-jobs: ASSURED_JOBS_COLOUR {no_setting}: `assured-jobs config` lists those that are.",
        f"assured-jobs: ASSURED_JOBS_HEARTBEAT_TLL {no_setting}: did you mean ASSURED_JOBS_HEARTBEAT_TTL?",
    ]
    assert "ASSURED_JOBS" not in result.stdout


@pytest.mark.parametrize("words", [(), ("frobnicate",), ("status", "--frobnicate"), ("orphans", "--state", "lost")])
def test_wrong_usage_exits_with_2(words):
    assert run(*words).exit_code == 2


@pytest.mark.parametrize("name", ["alive", "dead", "instances", "held", "deferred", "released", "lease"])
def test_a_foreign_value_is_told_with_its_key(scene, name):
    key = getattr(scene.keys, name)
    scene.orphan()
    scene.redis.delete(key)
    (scene.redis.sadd if name == "lease" else scene.redis.set)(key, "theirs")
    result = scene.run("status")
    assert result.exit_code == 3
    assert f"{key} (a " in one_sentence(result)


@pytest.mark.parametrize("verb", ["status", "orphans", "recover"])
def test_a_foreign_entry_is_told_with_its_key(scene, verb):
    scene.orphan()
    key = scene.keys.entries("web-1.4711.aaaa")
    scene.redis.hset(key, "theirs", "\x1b[2J[red]")
    result = scene.run(verb)
    assert result.exit_code == 3
    assert key in result.stderr
    assert "\x1b" not in result.stderr
    assert "Traceback" not in result.output


def test_a_foreign_value_under_a_jobs_custody_is_told_with_its_key(scene):
    key = scene.keys.custody("abc")
    scene.redis.set(key, "theirs")
    result = scene.run("retry", "abc")
    assert result.exit_code == 3
    assert key in one_sentence(result)


def test_options_may_stand_before_or_after_the_verb_and_the_later_wins(scene):
    scene.register("web-1.4711.aaaa")
    before = run("--url", scene.url, "--namespace", "night", "--json", "status")
    after = run("status", "--url", scene.url, "--namespace", "night", "--json")
    both = run("--url", "redis://127.0.0.1:1", "--namespace", "day", "status", *("--url", scene.url),
               *("--namespace", "night", "--json"))  # fmt: skip
    for result in (before, after, both):
        assert result.exit_code == 0, result.output
        assert "web-1.4711.aaaa" in result.stdout


def test_the_environment_is_the_default(scene):
    scene.register("web-1.4711.aaaa")
    result = run("status", ASSURED_JOBS_REDIS_URL=scene.url, ASSURED_JOBS_NS="night")
    assert "web-1.4711.aaaa" in result.stdout
