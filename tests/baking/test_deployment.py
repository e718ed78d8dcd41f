"""What is baked for several replicas is what Kubernetes and nginx accept, and means what it says."""

import json
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import yaml

from competitor.core.settings import Settings, variables

KINDS = {"Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"}
VALIDATOR = Path(sysconfig.get_path("scripts")) / "kubernetes-validate"


def manifests(project: Path) -> dict[str, Path]:
    """kind -> file."""
    folder = project / "deploy" / "kubernetes"
    names = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    assert {path.name for path in folder.glob("*.yaml")} == {*names, "kustomization.yaml"}
    return {yaml.safe_load((folder / name).read_text(encoding="utf-8"))["kind"]: folder / name for name in names}


def container(project: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    pod = yaml.safe_load(manifests(project)["Deployment"].read_text(encoding="utf-8"))["spec"]["template"]["spec"]
    return pod, pod["containers"][0]


def judged(*files: Path) -> "subprocess.CompletedProcess[str]":
    """Strictly: a field that the schema does not know is an error."""
    return subprocess.run(
        [str(VALIDATOR), "--strict", *map(str, files)], capture_output=True, text=True, timeout=600, check=False
    )


def test_every_manifest_fits_kubernetes_own_schema(baked: Path) -> None:
    found = manifests(baked)
    assert found.keys() == KINDS
    done = judged(*found.values())
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_validator_rejects_a_field_that_is_misspelt(baked: Path, tmp_path: Path) -> None:
    text = manifests(baked)["Deployment"].read_text(encoding="utf-8")
    (tmp_path / "wrong.yaml").write_text(text.replace("readOnlyRootFilesystem", "readOnlyRoot"), encoding="utf-8")
    assert judged(tmp_path / "wrong.yaml").returncode != 0


def test_a_pod_is_confined_as_the_image_is_and_fits_the_arena_s_machine(baked: Path) -> None:
    pod, one = container(baked)
    assert pod["securityContext"]["runAsNonRoot"]
    assert str(pod["securityContext"]["runAsUser"]) in (baked / "Dockerfile").read_text(encoding="utf-8")
    assert one["securityContext"] == {
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert one["resources"]["limits"] == {"cpu": "2", "memory": "4Gi"}
    assert {probe for probe in one if probe.endswith("Probe")} == {"startupProbe", "readinessProbe", "livenessProbe"}
    assert one["startupProbe"]["periodSeconds"] * one["startupProbe"]["failureThreshold"] <= 30
    assert pod["terminationGracePeriodSeconds"] > Settings().shutdown_seconds + 3


def test_every_variable_that_is_set_is_a_setting(baked: Path) -> None:
    known = {name for field in Settings.model_fields.values() for name in variables(field)}
    _, one = container(baked)
    assert {entry["name"] for entry in one["env"]} <= known
    comments = (baked / "deploy/kubernetes/kustomization.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"JANUS_\w+", comments)) <= known
    composed = yaml.safe_load((baked / "compose.yaml").read_text(encoding="utf-8"))
    assert set(composed["services"]["replica"]["environment"]) <= known


def test_the_profile_has_several_replicas_behind_a_proxy_and_one_bucket(baked: Path) -> None:
    services = yaml.safe_load((baked / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert {name for name, service in services.items() if service.get("profiles") == ["replicas"]} == {
        "replica", "proxy", "bucket",
    }  # fmt: skip
    assert "profiles" not in services["competitor"]
    assert services["replica"]["deploy"]["replicas"] > 1
    confined = {name: services["replica"][name] for name in ("read_only", "cap_drop", "security_opt", "cpus")}
    assert confined == {name: services["competitor"][name] for name in confined}
    assert json.dumps(services).count("JANUS_ARTIFACTS_BUCKET") == 1


def test_the_proxy_neither_buffers_nor_gives_up_before_an_answer_has_to_end(baked: Path) -> None:
    text = (baked / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    said = dict(re.findall(r"^\s+(\w+) ([^;{]+);", text, re.MULTILINE))
    assert said["proxy_buffering"] == "off"
    assert said["proxy_http_version"] == "1.1"
    assert int(said["proxy_read_timeout"].removesuffix("s")) > Settings().timeout_seconds
    assert int(said["client_max_body_size"].removesuffix("m")) * 2**20 > Settings().max_body_bytes
    assert "proxy_set_header Host $http_host;" in text  # links to artifacts are made from it
