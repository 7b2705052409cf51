"""Random bytes under our keys, and random words after each verb: an exit code and a sentence, never a traceback."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from click.testing import Result
from hypothesis import example, given, note
from hypothesis import strategies as st

from assured_jobs.cli import main
from assured_jobs.orphans import REASONS, STATES
from garbage import GARBAGES, NUMBERS, TEXT, fuzzing
from nightmare import LIVING, VICTIM, Nightmare

#: These end when somebody says so, start servers, or are about files.
APART = {"web", "demo", "healthcheck"}

VERBS = sorted(set(main.commands) - APART)

#: What each verb is asked for where the garbage is in Redis. Each of them reads or writes all it can.
ASKED = {
    "status": [()], "orphans": [(), ("--state", "discarded"), ("--text", "x", "--limit", "3")],
    "recover": [("--dry-run",), ()],
    "instances": [(), ("declare-dead", LIVING, "--yes"), ("declare-dead", VICTIM)], "in-flight": [()],
    "events": [("--limit", "0"), ("--job", "x"), ()], "check": [()], "config": [()],
    "release": [("--all", "--yes"), ("--all",)], "show": [("ID",), ("MESSAGE",)],
    "retry": [("ID",), ("MESSAGE",), ("--all", "--yes"), ("--queue", "default", "--yes", "--limit", "2")],
    "delete": [("ID",), ("MESSAGE",), ("--state", "held", "--yes", "--limit", "1")],
}  # fmt: skip


def assert_told_plainly(result: Result, allowed: tuple[int, ...] = (0, 1, 2, 3)) -> None:
    note(ascii(result.output[-2000:]))
    assert result.exit_code in allowed
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in ascii(result.output)


def test_every_verb_is_asked() -> None:
    assert sorted(ASKED) == VERBS


@pytest.mark.timeout(1800)
def test_random_bytes_under_our_keys_are_told_in_a_sentence(server) -> None:
    asked = st.sampled_from([(verb, *words) for verb, all in ASKED.items() for words in all])

    @fuzzing(80)
    @given(garbages=GARBAGES, words=asked, which=st.integers(0, 20), as_json=st.booleans())
    def told_plainly(garbages, words, which, as_json) -> None:
        with closing(Nightmare(server.url)) as scene:
            message, delivery = [(m, d) for d, m in scene.messages.items()][which % len(scene.messages)]
            words = [{"ID": delivery, "MESSAGE": message}.get(word, word) for word in words]
            with scene.spoilt(garbages):
                result = scene.run(*words, *["--json"] * as_json)
            assert_told_plainly(result)
            if words[0] == "delete":
                scene.forget_the_discarded()
            scene.assert_nothing_is_lost()

    told_plainly()


WORDS = st.one_of(
    TEXT,
    st.sampled_from(NUMBERS),
    st.sampled_from(["--", "-", "--all", "--yes", "--dry-run", "--json", "--limit", "--state", "--text", "--queue"]),
    st.sampled_from(["--reason", "--instance", "--actor", "--job", "--action", "--url", "--namespace", "--help", "-f"]),
    st.sampled_from(["declare-dead", "--grace-period", "--url=", "--namespace=", "--limit=-1", "--port=x"]),
    st.sampled_from([*STATES, *REASONS, LIVING, VICTIM, "redis://", "redis://127.0.0.1:1/0", "/nowhere"]),
)


@pytest.mark.timeout(1800)
def test_random_words_after_each_verb_are_told_in_a_sentence(server) -> None:
    with closing(Nightmare(server.url)) as scene:

        @fuzzing(200)
        @given(verb=st.sampled_from(VERBS), words=st.lists(WORDS, max_size=5), before=st.lists(WORDS, max_size=1))
        @example(verb="show", words=["\ud800"], before=[])
        @example(verb="status", words=["--namespace", "\ud800"], before=[])
        def told_plainly(verb: str, words: list[str], before: list[str]) -> None:
            if {"-f", "--follow"} & {*words} and verb == "events":
                words = ["--no-such-option", *words]  # it ends when somebody says so
            assert_told_plainly(scene.run(*before, verb, *words))

        told_plainly()


@pytest.mark.timeout(1800)
def test_random_reports_of_health_are_told_in_a_sentence(tmp_path: Path) -> None:
    from click.testing import CliRunner

    @fuzzing(60)
    @given(text=st.binary(max_size=60) | _reports(), path=TEXT | st.none())
    def told_plainly(text: bytes, path: str | None) -> None:
        (tmp_path / "health.1").write_bytes(text)
        named = str(tmp_path / "health") if path is None else path
        assert_told_plainly(CliRunner().invoke(main, ["healthcheck", "--", named]))
        assert_told_plainly(CliRunner().invoke(main, ["healthcheck", "--json", "--", named]))

    told_plainly()


def _reports() -> st.SearchStrategy[bytes]:
    names = ("pid", "born", "run", "at", "confirmed", "patience", "draining", "lost")
    values = st.one_of(TEXT, st.sampled_from(NUMBERS), st.integers().map(str))
    lines = st.fixed_dictionaries(dict.fromkeys(names, values))
    return lines.map(lambda told: "".join(f"{k} {v}\n" for k, v in told.items()).encode(errors="surrogatepass"))
