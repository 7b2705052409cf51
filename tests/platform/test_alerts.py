"""Alerts and pictures name only metrics that exist, each alert is tried on a time line, and each has a page to read."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

import catalogue
import manifests
from manifests import K8S, ROOT
from prometheus import needs

TIMELINES = Path(__file__).with_name("alerts.test.yml")
MONITORING = K8S / "components/monitoring"


def promtool(*words: str | Path, folder: Path | None = None) -> None:
    command = [needs("promtool"), *map(str, words)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_watchers_silence_comes_first():
    assert manifests.rules()[0]["alert"] == "AssuredJobsWatcherSilent"


def test_every_alert_is_tried_on_a_time_line(tmp_path):
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump({"groups": manifests.groups()}))
    (tmp_path / TIMELINES.name).write_text(TIMELINES.read_text())
    promtool("check", "rules", "--lint=all", "--lint-fatal", "alerts.yml", folder=tmp_path)
    promtool("test", "rules", TIMELINES.name, folder=tmp_path)
    told = yaml.safe_load(TIMELINES.read_text())["tests"]
    fired = {one["alertname"] for test in told for one in test["alert_rule_test"] if one.get("exp_alerts")}
    assert fired == {rule["alert"] for rule in manifests.rules()}


def test_every_alert_has_an_entry_in_the_runbook():
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
    assert headings == [rule["alert"] for rule in manifests.rules()]
    for rule in manifests.rules():
        assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"


def test_a_prometheus_without_its_operator_has_the_same_alerts(tmp_path):
    assert yaml.safe_load((K8S / "docker/alerts.yml").read_text())["groups"] == manifests.groups()
    promtool("check", "config", K8S / "docker/prometheus.yml")


def panels() -> list[tuple[str, str]]:
    board = json.loads((MONITORING / "grafana.json").read_text())
    return [(panel["title"], target["expr"]) for panel in board["panels"] for target in panel["targets"]]


def names(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:assured_jobs|dramatiq)_\w+", expression))


@pytest.mark.parametrize(("title", "expression"), panels())
def test_every_query_of_the_board_names_metrics_that_exist(title, expression):
    assert names(expression)
    assert names(expression) <= catalogue.series(), title


def test_every_alert_names_metrics_that_exist():
    for rule in manifests.rules():
        assert names(rule["expr"]) <= catalogue.series(), rule["alert"]


def test_the_boards_queries_are_promql(tmp_path):
    """As Grafana would send them, its variables filled in."""
    filled = [expression.replace("$__rate_interval", "1m").replace("$namespace", ".*") for _, expression in panels()]
    rules = [{"record": f"board:{number}", "expr": expression} for number, expression in enumerate(filled)]
    (tmp_path / "board.yml").write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
    promtool("check", "rules", tmp_path / "board.yml")


def test_every_metric_of_redis_is_on_the_board_or_in_an_alert():
    used = {name for _, expression in panels() for name in names(expression)}
    used |= {name for rule in manifests.rules() for name in names(rule["expr"])}
    unseen = set(catalogue.of_redis()) - used
    assert unseen <= {"assured_jobs_info", "assured_jobs_oldest_held_timestamp_seconds", "assured_jobs_watcher_alive"}
