"""What k8s/ says: it builds, it is valid, and its numbers keep the promises their comments name. Without a cluster."""

from __future__ import annotations

import json
import re

import jsonschema
import kubernetes_validate
import pytest
import yaml

import manifests
from assured_jobs import AssuredJobsSettings, misspelt
from assured_jobs.checkup.stopping import MARGIN
from assured_jobs.healthcheck import VARIABLE
from assured_jobs.settings import variable
from manifests import BASE, K8S, TRIAL

FOLDERS = pytest.mark.parametrize("folder", [BASE, TRIAL])

#: Kinds that the Prometheus operator brings: validated by schemas of our own, which know what we use of them.
OPERATORS = ("ServiceMonitor", "PodMonitor", "PrometheusRule")


@FOLDERS
def test_each_document_is_valid_and_has_no_field_too_many(folder):
    for document in manifests.build(folder):
        if document["kind"] in OPERATORS:
            schema = json.loads((K8S.parent / f"tests/platform/schemas/{document['kind']}.json").read_text())
            jsonschema.validate(document, schema)
        else:
            kubernetes_validate.validate(document, "1.32", strict=True)


def test_what_is_wrong_would_be_seen():
    [deployment] = manifests.of_kind(BASE, "Deployment")
    broken = {**deployment, "spec": {**deployment["spec"], "replicaz": 3}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.32", strict=True)


def test_the_grace_period_is_longer_than_the_shutdown_timeout_by_the_margin():
    pod = manifests.worker()
    [container] = pod["containers"]
    timeout = manifests.option(container["command"], "worker-shutdown-timeout") / 1000
    grace = pod["terminationGracePeriodSeconds"]
    assert grace >= timeout + MARGIN
    assert float(manifests.settings()["ASSURED_JOBS_TERMINATION_GRACE_PERIOD"]) == grace


def test_sigterm_reaches_dramatiqs_master_alone():
    [container] = manifests.worker()["containers"]
    assert container["command"][0] == "dramatiq"
    assert "lifecycle" not in container
    assert not manifests.worker().get("shareProcessNamespace")


def test_the_probes_ask_no_redis_and_kill_nobody_before_its_jobs_run_elsewhere():
    pod = manifests.worker()
    [container] = pod["containers"]
    assert "readinessProbe" not in container
    for probe in ("startupProbe", "livenessProbe"):
        assert container[probe]["exec"]["command"] == ["assured-jobs-healthcheck"]
    told = AssuredJobsSettings(**{
        name: manifests.settings().get(variable(name)) or None
        for name in ("heartbeat_interval", "heartbeat_ttl", "stall_ttl")
    })  # fmt: skip
    liveness = container["livenessProbe"]
    killed_after = told.heartbeat_ttl + liveness["periodSeconds"] * liveness["failureThreshold"]
    assert told.stall_ttl <= killed_after <= told.stall_ttl + 2 * liveness["periodSeconds"]


def test_the_health_file_lies_on_a_volume_that_may_be_written():
    [container] = manifests.worker()["containers"]
    folder = manifests.settings()[VARIABLE].rpartition("/")[0]
    mounts = {one["mountPath"]: one["name"] for one in container["volumeMounts"]}
    volumes = {one["name"]: one for one in manifests.worker()["volumes"]}
    assert volumes[mounts[folder]]["emptyDir"]["medium"] == "Memory"
    env = {one["name"]: one.get("value") for one in container["env"]}
    assert env["PROMETHEUS_MULTIPROC_DIR"] == env["dramatiq_prom_db"]
    assert env["dramatiq_prom_db"] in mounts


@pytest.mark.parametrize("name", ["assured-jobs-worker", "assured-jobs-dashboard", "assured-jobs-redis"])
def test_every_pod_has_as_few_rights_as_it_can(name):
    spec = manifests.pods(TRIAL)[name]["spec"]
    assert spec["enableServiceLinks"] is False
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        assert container["resources"]["limits"]["memory"]
        assert "cpu" not in container["resources"]["limits"]


@FOLDERS
def test_every_pod_has_a_network_policy_of_its_own(folder):
    policies = [one["spec"] for one in manifests.of_kind(folder, "NetworkPolicy")]
    chosen = [one["podSelector"]["matchLabels"].items() for one in policies]
    for template in manifests.pods(folder).values():
        assert sum(labels <= template["metadata"]["labels"].items() for labels in chosen) == 1
    assert all(set(one["policyTypes"]) == {"Ingress", "Egress"} for one in policies)


def test_redis_lets_in_those_who_need_it():
    [policy] = manifests.of_kind(TRIAL, "NetworkPolicy", "redis")
    [rule] = policy["spec"]["ingress"]
    wanted = rule["from"][0]["podSelector"]["matchLabels"].items()
    assert all(wanted <= template["metadata"]["labels"].items() for template in manifests.pods(TRIAL).values())


def test_the_disruption_budget_never_blocks_a_drain():
    [budget] = manifests.of_kind(BASE, "PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    [deployment] = manifests.of_kind(BASE, "Deployment")
    assert budget["spec"]["selector"] == deployment["spec"]["selector"]


def environment_of(name: str) -> set[str]:
    [container] = manifests.pods(TRIAL)[name]["spec"]["containers"]
    return {one["name"] for one in container["env"]} | set(manifests.settings())


@pytest.mark.parametrize("name", ["assured-jobs-worker", "assured-jobs-dashboard"])
def test_every_variable_is_a_setting(monkeypatch, name):
    ours = {one for one in environment_of(name) if one.startswith("ASSURED_JOBS_")}
    assert {one for one in ours if "_WEB_" not in one} <= {*map(variable, AssuredJobsSettings.model_fields)}
    for one in ours:
        monkeypatch.setenv(one, manifests.settings().get(one, "redis://127.0.0.1:6379/0"))
    assert [one.sentence for one in misspelt.ignored()] == []


def test_the_dashboards_variables_are_its_settings():
    web = pytest.importorskip("assured_jobs_web.settings")
    told = {one for one in environment_of("assured-jobs-dashboard") if "_WEB_" in one}
    assert told <= {web.PREFIX + name.upper() for name in web.WebSettings.model_fields}


def test_the_settings_are_taken_and_the_secret_is_no_configmap(monkeypatch):
    for name, value in manifests.settings().items():
        monkeypatch.setenv(name, value)
    read = AssuredJobsSettings()
    assert read.model_fields_set >= {"health_file", "metrics", "heartbeat_ttl", "namespace"}
    assert not [name for name in manifests.settings() if re.search("URL|PASSWORD|KEY|TOKEN", name)]


def test_every_reference_of_the_trial_is_there_but_the_dashboards_own_secret():
    names = {
        kind: {one["metadata"]["name"] for one in manifests.of_kind(TRIAL, kind)} for kind in ("ConfigMap", "Secret")
    }
    text = yaml.safe_dump([manifests.pods(TRIAL)])
    assert set(re.findall(r"configMapRef:\s+name: (\S+)", text)) <= names["ConfigMap"]
    secrets = set(re.findall(r"secretKeyRef:\s+key: \S+\s+name: (\S+)", text))
    assert secrets - names["Secret"] == {"assured-jobs-web"}


def test_monitors_select_what_is_there():
    [service] = manifests.of_kind(TRIAL, "Service", "dashboard")
    [monitor] = manifests.of_kind(TRIAL, "ServiceMonitor")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    [monitor] = manifests.of_kind(TRIAL, "PodMonitor")
    template = manifests.pods(TRIAL)["assured-jobs-worker"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert monitor["spec"]["podMetricsEndpoints"][0]["port"] == template["spec"]["containers"][0]["ports"][0]["name"]


NUMBER = re.compile(r"^\s*(?:- )?(?:(?!api)[\w-]+: |--[\w-]+=)\"?\d+[a-zA-Z]*\"?$")


@pytest.mark.parametrize("path", sorted(K8S.rglob("*.y*ml")), ids=lambda path: str(path.relative_to(K8S)))
def test_every_number_has_a_comment_that_says_why(path):
    lines = path.read_text().splitlines()
    for at, line in enumerate(lines):
        if NUMBER.match(line):
            assert "#" in line or lines[at - 1].strip().startswith("#"), f"{path.name}:{at + 1}: {line.strip()}"
