"""docker-compose.yml and the Dockerfiles, read and compared. No Docker engine is at hand to run them."""

from __future__ import annotations

import json
import re

import pytest
import yaml

import manifests
from assured_jobs import AssuredJobsSettings
from assured_jobs.checkup.stopping import MARGIN
from assured_jobs.settings import variable
from manifests import K8S, ROOT

COMPOSE = yaml.safe_load((K8S / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILES = sorted((K8S / "docker").glob("*.Dockerfile"))


def seconds(text: str) -> float:
    [(number, unit)] = re.findall(r"^(\d+)(s|m)$", text)
    return int(number) * {"s": 1, "m": 60}[unit]


def command_of(dockerfile: str) -> list[str]:
    [command] = re.findall(r"^CMD (\[.*\])$", (K8S / "docker" / dockerfile).read_text(), re.MULTILINE)
    return json.loads(command)


def test_the_four_services_are_there():
    assert set(SERVICES) == {"redis", "worker", "dashboard", "prometheus"}
    assert SERVICES["worker"]["deploy"]["replicas"] == 3


def test_every_file_it_names_is_there():
    for service in SERVICES.values():
        if build := service.get("build"):
            assert (K8S / build["context"]).resolve() == ROOT
            assert (ROOT / build["dockerfile"]).exists()
        if env_file := service.get("env_file"):
            assert (K8S / env_file).exists()
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (K8S / source).exists()


def test_the_grace_period_is_longer_than_the_images_shutdown_timeout_by_the_margin():
    timeout = manifests.option(command_of("worker.Dockerfile"), "worker-shutdown-timeout") / 1000
    grace = seconds(SERVICES["worker"]["stop_grace_period"])
    assert grace >= timeout + MARGIN
    assert grace == float(manifests.settings()["ASSURED_JOBS_TERMINATION_GRACE_PERIOD"])


def test_the_image_and_the_deployment_run_the_same_command():
    [container] = manifests.worker()["containers"]
    assert command_of("worker.Dockerfile") == container["command"]


def test_every_variable_is_a_setting():
    for name in ("worker", "dashboard"):
        ours = {one for one in SERVICES[name]["environment"] if one.startswith("ASSURED_JOBS_")}
        known = {*map(variable, AssuredJobsSettings.model_fields)}
        assert {one for one in ours if "_WEB_" not in one} <= known


def test_this_machine_alone_reaches_the_ports():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_each_image_is_slim_has_two_stages_and_runs_as_nobody_special(path):
    text = path.read_text()
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["python:3.12-slim"] * 2
    assert re.search(r"^USER 10001", text, re.MULTILINE)
    assert text.rindex("USER ") < text.rindex("CMD ")
    assert not re.search(r"^(CMD|ENTRYPOINT) [^\[]", text, re.MULTILINE)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_what_an_image_copies_is_there_and_not_ignored(path):
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for line in re.findall(r"^COPY (?!--from)(.+)$", path.read_text(), re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists()
            assert any(source.startswith(one) for one in allowed), source
