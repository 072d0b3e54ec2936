"""The container's files: what they copy is there, what they start composes, what they promise of safety."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from asap_lightning.commands import by_name
from asap_lightning.configuration.configs import conf_dir
from asap_lightning.configuration.resolvers import register_resolvers

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
USER = 10001


def composed(words: list[str]) -> DictConfig:
    """The configuration of ``asap WORDS``."""
    command = by_name(words[0])
    assert command is not None and command.config is not None
    GlobalHydra.instance().clear()
    register_resolvers()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose(command.config, words[1:])


@pytest.fixture
def instructions() -> list[tuple[str, str]]:
    """(name, arguments) of the Dockerfile, its lines joined."""
    text = re.sub(r"^\s*#.*\n", "", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), flags=re.M)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines if line.strip()]


def test_the_dockerfile(instructions: list[tuple[str, str]]) -> None:
    known = {"FROM", "ARG", "RUN", "COPY", "WORKDIR", "ENV", "USER", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL"}
    assert {name for name, _ in instructions} <= known | {"ENTRYPOINT", "CMD"}
    given = dict(instructions)  # the last of each
    assert given["USER"] == f"{USER}:{USER}"
    assert json.loads(given["ENTRYPOINT"]) == ["asap"] and "/health" in given["HEALTHCHECK"]
    config = composed(json.loads(given["CMD"]))
    assert (config.host, config.port, config.model) == ("0.0.0.0", 8000, "facades")
    assert given["EXPOSE"] == str(config.port)
    names = [name for name, _ in instructions]
    installed = max(index for index, (name, _) in enumerate(instructions) if name == "RUN")
    assert names.index("USER") > names.index("RUN") and installed < names.index("USER")
    arguments = {
        value.partition("=")[0]: value.partition("=")[2] for name, value in instructions if name == "ARG"
    }
    assert arguments["DEVICE"] == "cpu"
    extras = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extra in arguments["EXTRAS"].split(","):
        assert re.search(rf"^{extra} = \[", extras, re.M), extra


def test_what_is_copied_is_there_and_not_ignored(instructions: list[tuple[str, str]]) -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignore[0] == "*"
    copied = [
        source
        for name, value in instructions
        if name == "COPY" and not value.startswith("--from")
        for source in value.split()[:-1]
    ]
    assert {"src", "conf", "native", "pyproject.toml", "requirements.lock"} <= set(copied)
    for source in copied:
        assert (ROOT / source).exists() and f"!{source}" in ignore, source


def test_compose() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert set(services) == {"serve", "predict"}
    for service in services.values():
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
        assert service["user"] == f"{USER}:{USER}" and service["security_opt"] == ["no-new-privileges:true"]
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        composed(service["command"])
    assert all(port.startswith("127.0.0.1:") for port in services["serve"]["ports"])


def containers(path: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """(pod, container) of every document that has pods."""
    documents = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    pods = [one["spec"]["template"]["spec"] for one in documents if one["kind"] in ("Deployment", "Job")]
    return [(pod, container) for pod in pods for container in pod["containers"]]


@pytest.mark.parametrize("name", ["serve", "predict"])
def test_kubernetes(name: str) -> None:
    ((pod, container),) = containers(DEPLOY / "kubernetes" / f"{name}.yaml")
    words = [word.replace("$(JOB_COMPLETION_INDEX)", "0") for word in container["args"]]
    assert words[0] == name
    config = composed(words)
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == USER
    safety = container["securityContext"]
    assert safety["readOnlyRootFilesystem"] and not safety["allowPrivilegeEscalation"]
    assert safety["capabilities"] == {"drop": ["ALL"]}
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}
    if name == "serve":
        (port,) = container["ports"]
        assert port["containerPort"] == config.port
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container[probe]["httpGet"] == {"path": "/health", "port": port["name"]}
    else:
        assert str(config.runs).startswith("/tmp/")


def test_the_service_finds_its_pods() -> None:
    documents = list(yaml.safe_load_all((DEPLOY / "kubernetes" / "serve.yaml").read_text(encoding="utf-8")))
    deployment, service = documents
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
