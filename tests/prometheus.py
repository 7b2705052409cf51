"""A private Prometheus of the distribution's own, and a stand-in for the dashboard's `/metrics`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
import yaml

from assured_jobs.demo.server import free_port
from assured_jobs.ledger import Ledger
from assured_jobs.metrics import exposition, redis_collector


def needs(program: str) -> str:
    """The program's path. Without it the test is left out, unless this is CI, where it fails."""
    found = shutil.which(program)
    if not found:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{program} is not installed")
    return found


def read(url: str, timeout: float = 10) -> str:
    """The text there; "" where nobody answers yet."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.read().decode()
    except OSError:
        return ""


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


class Dashboard:
    """What the dashboard's `/metrics` does, and nothing else of it."""

    def __init__(self, ledger: Ledger) -> None:
        self._collector = redis_collector(ledger)
        self._server = make_server("127.0.0.1", 0, self._app, handler_class=Quiet)
        self.target = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _app(self, _environ: dict[str, Any], start_response: Any) -> list[bytes]:
        content_type, body = exposition(self._collector)
        start_response("200 OK", [("Content-Type", content_type)])
        return [body]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Prometheus:
    """Scrapes each second. `targets`: job -> host:port; `groups`: those of a rule file."""

    def __init__(self, folder: Path, targets: dict[str, str], groups: list[dict[str, Any]]) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        (folder / "rules.yml").write_text(yaml.safe_dump({"groups": groups}))
        jobs = [{"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()]
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "scrape_configs": jobs,
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self.log = (folder / "prometheus.log").open("wb")
        self.process = subprocess.Popen(
            [
                needs("prometheus"), f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address={self.url.removeprefix('http://')}",
            ],
            stdout=self.log, stderr=self.log,
        )  # fmt: skip

    def query(self, expression: str) -> list[dict[str, Any]]:
        return self._ask("query", query=expression).get("result", [])

    def alerts(self) -> dict[str, str]:
        """Name -> state, of those that are pending or firing."""
        return {one["labels"]["alertname"]: one["state"] for one in self._ask("alerts").get("alerts", [])}

    def healthy_jobs(self) -> set[str]:
        return {one["labels"]["job"] for one in self._ask("targets").get("activeTargets", []) if one["health"] == "up"}

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def _ask(self, what: str, **parameters: str) -> dict[str, Any]:
        text = read(f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}")
        return json.loads(text)["data"] if text else {}


def lint(exposition_text: str) -> None:
    """As `promtool check metrics` does it."""
    command = [needs("promtool"), "check", "metrics"]
    done = subprocess.run(command, input=exposition_text, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def until(condition: Any, what: str, timeout: float = 60) -> Any:
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        assert time.monotonic() < deadline, f"waited {timeout} s in vain until {what}"
        time.sleep(0.1)
    return result
