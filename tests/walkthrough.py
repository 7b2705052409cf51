"""A README, walked through: its commands are run as they stand, in their order, none left out."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from assured_jobs.testing.worker import wait_until

EXAMPLES = Path(__file__).parents[1] / "examples"


def commands_of(readme: Path) -> list[str]:
    """The lines behind a `$ ` in the console blocks."""
    blocks = re.findall(r"^```console\n(.*?)^```$", readme.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]


class Tour:
    """Commands in a folder, each in a terminal of its own. Only what `instead` and `ports` name is not the README's."""

    def __init__(self, folder: Path, commands: list[str], env: dict[str, str]) -> None:
        self.folder = folder
        self.commands = commands
        self.env = env
        self.instead: dict[str, str] = {}
        self.ports: dict[str, int] = {}
        self.started: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, beginning: str) -> None:
        """The next command, which must begin so, in a terminal of its own."""
        command = self._next(beginning)
        with self._log(len(self.started)).open("wb") as log:
            process = subprocess.Popen(
                ["bash", "-c", command], cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True,
            )  # fmt: skip
        self.started.append((command, process))

    def run(self, beginning: str, timeout: float = 60.0) -> str:
        """The next command, which must begin so and succeed; returns what it printed."""
        command = self._next(beginning)
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{self._logs()}"
        return done.stdout

    def kill(self) -> None:
        """The next command, which must kill what runs in the last terminal."""
        self.run("kill -9")
        assert self.started[-1][1].wait(30) == -signal.SIGKILL

    def run_json(self, beginning: str) -> Any:
        return json.loads(self.run(beginning))

    def get(self, url: str) -> Any:
        """What the web app answers now; None where it does not yet."""
        with suppress(OSError), urlopen(self._here(url), timeout=10) as answer:
            return json.load(answer)
        return None

    def answers(self, url: str) -> bool:
        """Whether somebody listens there."""
        try:
            urlopen(self._here(url), timeout=10).close()
        except OSError as error:
            return hasattr(error, "code")
        return True

    def wait(self, condition: Any, what: str) -> Any:
        return wait_until(condition, what, 60, self._logs)

    def said(self, words: str) -> bool:
        """Whether the last terminal shows these words."""
        return words in self._log(len(self.started) - 1).read_text(errors="replace")

    def finish(self) -> None:
        assert not self.commands, f"not run: {self.commands}"

    def close(self) -> None:
        for _, process in self.started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _next(self, beginning: str) -> str:
        command = self.commands.pop(0)
        assert command.startswith(beginning), f"the README goes on with {command!r}"
        return self._here(command)

    def _here(self, text: str) -> str:
        for theirs, port in self.ports.items():
            text = text.replace(f"127.0.0.1:{theirs}", f"127.0.0.1:{port}")
        for theirs, ours in self.instead.items():
            text = text.replace(theirs, ours)
        return text

    def _log(self, number: int) -> Path:
        return self.folder / f"terminal-{number}.log"

    def _logs(self) -> str:
        told = [
            f"--- {command}\n{self._log(n).read_text(errors='replace')[-3000:]}"
            for n, (command, _) in enumerate(self.started)
        ]
        return "\n".join(told)


class Walkthrough(Tour):
    """In a copy of the example, on another Redis."""

    def __init__(self, example: str, folder: Path, redis_url: str, **env: str) -> None:
        copy = folder / example
        shutil.copytree(EXAMPLES / example, copy, ignore=shutil.ignore_patterns("__pycache__", "*.db", "*.pid"))
        ours = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONUNBUFFERED": "1",
            "REDIS_URL": redis_url,
            "ASSURED_JOBS_REDIS_URL": redis_url,
        }
        super().__init__(copy, commands_of(copy / "README.md"), {**os.environ, **ours, **env})
