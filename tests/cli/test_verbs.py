"""What holds for every verb there is, also for those to come: the table is the group itself."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from assured_jobs.cli import main
from assured_jobs.cli.options import Verb
from assured_jobs.demo.server import free_port
from assured_jobs.orphans import REASONS, RETRIABLE, STATES

Words = tuple[str, ...]


def every_verb(group: click.Group = main, path: Words = ()) -> Iterator[tuple[Words, click.Command]]:
    for name, verb in sorted(group.commands.items()):
        yield (*path, name), verb
        if isinstance(verb, click.Group):
            yield from every_verb(verb, (*path, name))


VERBS = dict(every_verb())
PATHS = pytest.mark.parametrize("path", VERBS, ids=" ".join)
EXAMPLES = [(path, example) for path, verb in VERBS.items() for example in getattr(verb, "examples", ())]


def parse(line: str) -> Words:
    """The verb that a line calls. Raises what click raises where the verb does not know the rest of it."""
    program, *words = shlex.split(line)
    assert program == "assured-jobs"
    path = max((path for path in VERBS if tuple(words[: len(path)]) == path), key=len)
    VERBS[path].make_context(path[-1], words[len(path) :])
    return path


def run(*words: str, **env: str):
    return CliRunner().invoke(main, [*words], env=env)


@PATHS
def test_every_verb_has_a_short_help_an_example_and_json(path):
    verb = VERBS[path]
    assert isinstance(verb, Verb)
    assert verb.short_help
    assert verb.short_help.endswith(".") or verb.short_help.endswith("?")
    assert any("--json" in option.opts for option in verb.params)
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert f"Example:\n  assured-jobs {' '.join(path)}" in result.stdout
    assert "--json" in result.stdout


@pytest.mark.parametrize(("path", "example"), EXAMPLES, ids=[example for _, example in EXAMPLES])
def test_every_example_parses(path, example):
    words = re.sub(r"^(?:[A-Z_]+=\S+ )+", "", example.split(" | ")[0])
    assert parse(words)[: len(path)] == path


def test_the_readme_names_every_verb_and_each_of_its_lines_parses():
    text = (Path(__file__).parents[2] / "README.md").read_text()
    block = re.search(r"## At 2 am\n\n```console\n(.*?)```", text, re.DOTALL)
    lines = [re.sub(r"<.*?>", "ID", line[2:].split(" #")[0]) for line in block[1].splitlines()]
    assert {parse(line) for line in lines} == set(VERBS) - {("demo",)}


#: For each verb, words with which it answers, and its exit code then.
CALLS = {
    ("status",): ([], 0), ("orphans",): ([], 0), ("show",): (["held"], 0), ("retry",): (["held"], 0),
    ("delete",): (["held"], 0), ("recover",): ([], 0), ("instances",): ([], 0),
    ("instances", "declare-dead"): (["web-5", "--yes"], 0), ("in-flight",): ([], 0), ("events",): ([], 0),
    ("release",): (["--all", "--yes"], 0), ("check",): ([], 1), ("config",): ([], 0),
    ("healthcheck",): (["/nowhere/health"], 2),
}  # fmt: skip


def test_every_verb_is_called_here_or_goes_on_until_it_is_stopped():
    assert {*CALLS, ("demo",), ("web",)} == set(VERBS)


@pytest.mark.parametrize("path", CALLS, ids=" ".join)
def test_json_is_all_there_is_on_standard_output(scene, path):
    [(message_id, _)] = scene.hold("x")
    scene.start(scene.register("web-5.1.eeee", present=True))
    words, code = CALLS[path]
    result = scene.run(*path, *(message_id if word == "held" else word for word in words), "--json")
    assert result.exit_code == code, result.output
    for text in result.stdout.splitlines() if path == ("events",) else [result.stdout]:
        assert json.loads(text)


#: What makes a verb exit with 1: there is no such thing, or a person said no.
UNMATCHED = [("show", "x"), ("retry", "x"), ("delete", "x"), ("instances", "declare-dead", "x", "--yes")]


@pytest.mark.parametrize("words", UNMATCHED, ids=" ".join)
def test_what_is_not_found_exits_with_1(scene, words):
    scene.hold()
    assert scene.run(*words).exit_code == 1


@PATHS
def test_wrong_usage_and_settings_exit_with_2(path):
    assert run(*path, "--frobnicate").exit_code == 2
    words = CALLS.get(path, ([], 0))[0]
    assert run("--namespace", "two words", *path, *words).exit_code == 2


WITHOUT_REDIS = {
    ("config",), ("healthcheck",),
    ("web",),  # starts, and says on every page that Redis does not answer
}  # fmt: skip


@pytest.mark.parametrize("path", [path for path in VERBS if path not in WITHOUT_REDIS], ids=" ".join)
def test_a_redis_that_does_not_answer_exits_with_3(path):
    words = CALLS.get(path, ([], 0))[0]
    result = run("--url", f"redis://127.0.0.1:{free_port()}/0", *path, *words)
    assert result.exit_code == 3
    assert result.stderr.startswith("assured-jobs: ")
    assert result.stdout == ""


def test_the_exit_codes_are_told_in_the_help():
    told = " ".join(run("--help").stdout.split())
    for says in ("0 when done", "1 where an ID was not found or refused", "2 on wrong usage", "3 where Redis does"):
        assert says in told


PROGRAM = Path(sys.executable).with_name("assured-jobs")


def completing(words: str, instruction: str = "bash_complete") -> str:
    """What the shell is offered for the last of these words; nothing is asked of any Redis."""
    env = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")), "_ASSURED_JOBS_COMPLETE": instruction}
    result = subprocess.run(
        [PROGRAM], env={"PATH": os.environ["PATH"], **env}, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in result.stderr
    return result.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_is_given_its_completion(shell):
    source = completing("", f"{shell}_source")
    assert "_ASSURED_JOBS_COMPLETE" in source
    assert f"{shell}_complete" in source
    assert "assured-jobs" in source


def offered(words: str) -> list[str]:
    return [line.partition(",")[2] for line in completing(words).splitlines()]


def test_verbs_are_completed():
    assert sorted(offered("assured-jobs ")) == sorted(main.commands)
    assert offered("assured-jobs in") == ["in-flight", "instances"]
    assert offered("assured-jobs instances ") == ["declare-dead"]


def test_states_and_reasons_are_completed():
    assert offered("assured-jobs orphans --state ") == [*STATES]
    assert offered("assured-jobs retry --state ") == [*RETRIABLE]
    assert offered("assured-jobs delete --reason ") == [*REASONS]
    assert offered("assured-jobs events --action Or") == ["OrphanSettled"]
