"""Sending dashboards to a server, here one of our own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from asap_lightning.errors import UserError
from asap_lightning.tracking.dashboards import Subject, build_dashboard
from wandb_server import Handler, Server, running

from .specs import panels_of

PROJECT = {"id": "cA==", "name": "facades", "entityName": "us", "createdAt": "2026-01-01T00:00:00",
           "isBenchmark": False, "user": None}  # fmt: skip


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Knows the project us/facades, and takes views."""

    def project(self: Handler, variables: dict[str, Any]) -> Any:
        known = variables["projectName"] == "facades"
        return {"project": {"id": "cA==", "internalId": "UHJvamVjdA=="} if known else None}

    def projects(self: Handler, variables: dict[str, Any]) -> Any:
        edge = {"node": PROJECT, "cursor": "a"}
        return {"models": {"edges": [edge], "pageInfo": {"endCursor": "a", "hasNextPage": False}}}

    def workspace(self: Handler, variables: dict[str, Any]) -> Any:
        return {"upsertView": {"view": {"id": "dmlldw==", "name": variables["name"]}, "inserted": True}}

    def report(self: Handler, variables: dict[str, Any]) -> Any:
        same = {name: variables[name] for name in ("name", "displayName", "description", "spec")}
        project = {"id": "cA==", "name": "facades", "entityName": "us"}
        return {"upsertView": {"view": {"id": "cmVwb3J0", "project": project, **same}, "inserted": True}}

    monkeypatch.setattr(Handler, "on_ProjectInternalId", project, raising=False)
    monkeypatch.setattr(Handler, "on_GetProjects", projects, raising=False)
    monkeypatch.setattr(Handler, "on_UpsertView2", workspace, raising=False)
    monkeypatch.setattr(Handler, "on_upsertView", report, raising=False)
    with running() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.address)
        monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
        yield server


def sent(server: Server) -> dict[str, dict[str, Any]]:
    """Name of the operation -> what it carried, of those that change something."""
    pairs = zip(server.kept.operations, server.kept.variables, strict=True)
    return {name: variables for name, variables in pairs if name.lower().startswith("upsert")}


@pytest.mark.parametrize("entity", ["us", None])
def test_workspace_and_report_arrive(server: Server, entity: str | None) -> None:
    dashboard = build_dashboard("sweep", Subject("facades", entity))
    addresses = dashboard.save()
    assert addresses["workspace"].startswith(f"{server.address}/us/facades?nw=")
    assert addresses["report"].startswith(f"{server.address}/us/facades/reports/Sweep:-facades--")
    views = sent(server)
    assert set(views) == {"UpsertView2", "upsertView"} and not server.kept.unknown
    for variables in views.values():
        assert (variables["entityName"], variables["projectName"]) == ("us", "facades")
        assert variables["displayName"] == "Sweep: facades"
        kinds = [panel["viewType"] for panel in panels_of(json.loads(variables["spec"]))]
        assert kinds[0] == "Parallel Coordinates Plot" and "Scatter Plot" in kinds
    assert views["UpsertView2"]["type"] == "project-view" and views["upsertView"]["type"] == "runs"


def test_a_project_that_is_not_there_gets_nothing(server: Server) -> None:
    with pytest.raises(UserError, match="there is no project us/nowhere"):
        build_dashboard("training", Subject("nowhere", "us")).save()
    assert sent(server) == {}


def test_a_refusal_is_a_message(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Handler.graphql

    def refusing(self: Handler, request: dict[str, Any]) -> Any:
        if "UpsertView2" in request["query"]:
            return {"data": None, "errors": [{"message": "permission denied"}]}
        return original(self, request)

    monkeypatch.setattr(Handler, "graphql", refusing)
    monkeypatch.setattr(Handler, "answer", _with_errors(Handler.answer))
    with pytest.raises(UserError, match=r"refused the dashboard for us/facades: .*permission denied"):
        build_dashboard("training", Subject("facades", "us")).save()


def _with_errors(answer: Any) -> Any:
    def call(self: Handler, content: Any) -> None:
        inner = content.get("data") if isinstance(content, dict) else None
        answer(self, inner if isinstance(inner, dict) and "errors" in inner else content)

    return call


def test_without_login_or_server_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    dashboard = build_dashboard("training", Subject("facades", "us"))
    with pytest.raises(UserError, match="--save: there is no W&B API key"):
        dashboard.save()
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"--save: W&B's server http://127\.0\.0\.1:9 cannot be reached"):
        dashboard.save()
