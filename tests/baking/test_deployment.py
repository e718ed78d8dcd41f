"""Tests that the files for several replicas are valid for Kubernetes and nginx, and match the competitor's settings."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from fnmatch import fnmatch
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from competitor.core.settings import Settings, variables

KINDS = {"Namespace", "Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy"}
VALIDATOR = Path(sysconfig.get_path("scripts")) / "kubernetes-validate"


def manifests(project: Path) -> dict[str, Path]:
    """Maps the kind of each manifest to its file."""
    folder = project / "deploy" / "kubernetes"
    names = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    assert {path.name for path in folder.glob("*.yaml")} == {*names, "kustomization.yaml"}
    return {yaml.safe_load((folder / name).read_text(encoding="utf-8"))["kind"]: folder / name for name in names}


def container(project: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    pod = yaml.safe_load(manifests(project)["Deployment"].read_text(encoding="utf-8"))["spec"]["template"]["spec"]
    return pod, pod["containers"][0]


def validate(*files: Path) -> "subprocess.CompletedProcess[str]":
    """Validates manifests strictly: a field that is not in the schema is an error."""
    return subprocess.run(
        [str(VALIDATOR), "--strict", *map(str, files)], capture_output=True, text=True, timeout=600, check=False
    )


def test_every_manifest_is_valid_for_the_schema_of_kubernetes(baked: Path) -> None:
    found = manifests(baked)
    assert found.keys() == KINDS
    done = validate(*found.values())
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_validator_rejects_a_misspelt_field(baked: Path, tmp_path: Path) -> None:
    text = manifests(baked)["Deployment"].read_text(encoding="utf-8")
    (tmp_path / "wrong.yaml").write_text(text.replace("readOnlyRootFilesystem", "readOnlyRoot"), encoding="utf-8")
    assert validate(tmp_path / "wrong.yaml").returncode != 0


def test_a_pod_is_confined_like_the_image_and_has_the_arena_s_resources(baked: Path) -> None:
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


def test_a_pod_has_a_pinned_image_and_no_token_of_the_cluster(baked: Path) -> None:
    pod, one = container(baked)
    assert re.fullmatch(r"ghcr\.io/[a-z0-9/-]+:\d+\.\d+\.\d+@sha256:[0-9a-f]{64}", one["image"])
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


def test_the_cluster_refuses_less_confined_pods_and_other_connections(baked: Path) -> None:
    found = {kind: yaml.safe_load(path.read_text(encoding="utf-8")) for kind, path in manifests(baked).items()}
    assert found["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    kustomized = yaml.safe_load((baked / "deploy/kubernetes/kustomization.yaml").read_text(encoding="utf-8"))
    assert kustomized["namespace"] == found["Namespace"]["metadata"]["name"]
    policy = found["NetworkPolicy"]["spec"]
    assert policy["podSelector"] == found["Deployment"]["spec"]["selector"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert all("from" in rule for rule in policy["ingress"])
    (internet,) = [to["ipBlock"] for rule in policy["egress"] for to in rule["to"] if "ipBlock" in to]
    for private in ("10.1.2.3", "172.20.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"):
        assert any(ip_address(private) in ip_network(network) for network in internet["except"]), private


def test_every_service_of_compose_is_confined_and_no_secret_has_a_default(baked: Path) -> None:
    services = yaml.safe_load((baked / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert len(services) == 4
    for name, service in services.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not str(service["image"]).endswith(":latest"), name
        for variable, value in service.get("environment", {}).items():
            if "SECRET" in variable:
                assert value == "${BUCKET_SECRET:-}", name
    assert "root" not in services["bucket"]["user"]


def test_every_variable_in_the_manifests_is_a_setting(baked: Path) -> None:
    known = {name for field in Settings.model_fields.values() for name in variables(field)}
    _, one = container(baked)
    assert {entry["name"] for entry in one["env"]} <= known
    comments = (baked / "deploy/kubernetes/kustomization.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"JANUS_\w+", comments)) <= known
    composed = yaml.safe_load((baked / "compose.yaml").read_text(encoding="utf-8"))
    assert set(composed["services"]["replica"]["environment"]) <= known


def test_the_compose_profile_has_several_replicas_behind_a_proxy_and_one_bucket(baked: Path) -> None:
    services = yaml.safe_load((baked / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert {name for name, service in services.items() if service.get("profiles") == ["replicas"]} == {
        "replica", "proxy", "bucket",
    }  # fmt: skip
    assert "profiles" not in services["competitor"]
    assert services["replica"]["deploy"]["replicas"] > 1
    confined = {name: services["replica"][name] for name in ("read_only", "cap_drop", "security_opt", "cpus")}
    assert confined == {name: services["competitor"][name] for name in confined}
    assert json.dumps(services).count("JANUS_ARTIFACTS_BUCKET") == 1


def test_the_proxy_does_not_buffer_and_waits_longer_than_the_answer_s_time_limit(baked: Path) -> None:
    text = (baked / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    said = dict(re.findall(r"^\s+(\w+) ([^;{]+);", text, re.MULTILINE))
    assert said["proxy_buffering"] == "off"
    assert said["proxy_http_version"] == "1.1"
    assert int(said["proxy_read_timeout"].removesuffix("s")) > Settings().timeout_seconds
    assert int(said["client_max_body_size"].removesuffix("m")) * 2**20 > Settings().max_body_bytes
    assert "proxy_set_header Host $http_host;" in text  # links to artifacts are made from it
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in text  # the console then refuses


LEFT_OUT = ("checks", "submission", "workshop")


def in_the_image(project: Path) -> list[Path]:
    """The files that the Dockerfile copies into /app. In .dockerignore, the last matching line decides."""
    rules = [
        line
        for line in (project / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    dockerfile = (project / "Dockerfile").read_text(encoding="utf-8")
    copied = " ".join(re.findall(r"^COPY ((?!--from).*) /app/?\S*$", dockerfile, re.MULTILINE)).split()
    files = [path.relative_to(project) for path in sorted(project.rglob("*")) if path.is_file()]
    return [path for path in files if path.parts[0] in copied and not _is_ignored(path, rules)]


def _is_ignored(path: Path, rules: list[str]) -> bool:
    names = [part.as_posix() for part in (path, *path.parents[:-1])]
    ignored = False
    for rule in rules:
        pattern = rule.removeprefix("!").removeprefix("**/")
        found = [name.rpartition("/")[2] if "**/" in rule else name for name in names]
        if any(fnmatch(name, pattern) for name in found):
            ignored = not rule.startswith("!")
    return ignored


def test_the_image_has_only_files_that_the_server_needs(each: Path) -> None:
    paths = {path.as_posix() for path in in_the_image(each)}
    assert {"competitor/__main__.py", "competitor/core/server/app.py", "competitor/backend/agent.py"} <= paths
    assert {"pyproject.toml", "LICENSE"} <= paths
    assert not [path for path in paths if "__pycache__" in path or path.startswith(("tests/", ".", "docs/"))]
    for folder in LEFT_OUT:
        assert (each / "competitor" / folder).is_dir()
        assert not [path for path in paths if path.startswith(f"competitor/{folder}/")]


@pytest.fixture(scope="module")
def app(baked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the image's folder /app."""
    folder = tmp_path_factory.mktemp("app")
    for path in in_the_image(baked):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(baked / path, folder / path)
    return folder


@pytest.mark.parametrize("command", ["ask hello", "check", "check --here", "arena", "submission", "workshop"])
def test_in_the_image_a_command_that_needs_the_checks_says_that_they_are_missing(command: str, app: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "competitor", *command.split()], cwd=app, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "The image does not contain the checks: run this command in the repo instead.\n"
    assert done.stdout == ""
