"""What `kubectl kustomize` makes of the folders under k8s/."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from prometheus import needs

ROOT = Path(__file__).parents[2]
K8S = ROOT / "k8s"

Document = dict[str, Any]

BASE, TRIAL = "base", "overlays/trial"


@cache
def build(folder: str) -> list[Document]:
    command = [needs("kubectl"), "kustomize", str(K8S / folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return list(yaml.safe_load_all(done.stdout))


def of_kind(folder: str, kind: str, name: str = "") -> list[Document]:
    return [one for one in build(folder) if one["kind"] == kind and name in one["metadata"]["name"]]


def worker(folder: str = BASE) -> Document:
    """The pod of a worker."""
    [deployment] = of_kind(folder, "Deployment", "worker")
    return deployment["spec"]["template"]["spec"]


def pods(folder: str) -> dict[str, Document]:
    kinds = ("Deployment", "StatefulSet")
    return {one["metadata"]["name"]: one["spec"]["template"] for one in build(folder) if one["kind"] in kinds}


def settings() -> dict[str, str]:
    """What the ConfigMap tells."""
    [one] = of_kind(BASE, "ConfigMap")
    return one["data"]


def rules() -> list[Document]:
    return [rule for group in groups() for rule in group["rules"]]


def groups() -> list[Document]:
    return yaml.safe_load((K8S / "components/monitoring/alerts.yaml").read_text())["spec"]["groups"]


def option(command: list[str], name: str) -> int:
    [value] = [word.split("=")[1] for word in command if word.startswith(f"--{name}=")]
    return int(value)
