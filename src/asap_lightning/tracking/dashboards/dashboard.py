"""A W&B workspace and a report of the same panels: built without a server, written as JSON, sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import wandb_workspaces.reports.v2 as wr
import wandb_workspaces.workspaces as ws

from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.metrics import QUICK, MetricDeclaration, declaration_of
from asap_lightning.metrics.declarations import VALIDATED
from asap_lightning.tracking.dashboards import kinds
from asap_lightning.tracking.dashboards.panels import REPORT_COLUMNS, Group
from asap_lightning.tracking.describing import STEP
from asap_lightning.tracking.server import LOGIN_ADVICE, require_server

KINDS = {
    "training": (kinds.training, "How trainings go: losses, validation, samples, discriminator, system."),
    "sweep": (kinds.sweep, "Which settings are worth their time: parallel coordinates and Pareto front."),
    "comparison": (kinds.comparison, "Models beside each other: quality, cost, samples."),
}
PARAMETERS = ("generator.s1", "generator.s2", "generator.mlp_width", "generator.mlp_depth")


@dataclass(frozen=True)
class Subject:
    """What a dashboard is about.

    Attributes:
        project: name of the W&B project.
        entity: user or team; None takes the account's default, which only a server knows.
        group: only runs of this group.
        metrics: validation metrics, the most important first.
        parameters: keys of the configuration that a sweep varies.
    """

    project: str = "asap-lightning"
    entity: str | None = None
    group: str | None = None
    metrics: Sequence[str] = QUICK
    parameters: Sequence[str] = PARAMETERS

    @property
    def filters(self) -> str:
        """As W&B writes which runs are shown."""
        return f"Group = {json.dumps(self.group)}" if self.group else ""


@dataclass
class Dashboard:
    """A workspace and a report of one kind.

    Attributes:
        kind: ``training``, ``sweep`` or ``comparison``.
        subject: what it is about.
        groups: headings and panels.
        workspace: live, for looking at runs.
        report: the same panels below each other, for showing to others.
    """

    kind: str
    subject: Subject
    groups: list[Group]
    workspace: ws.Workspace
    report: wr.Report

    def as_dict(self) -> dict[str, Any]:
        """Both as W&B's server would get them, as plain values; no server is asked."""
        view, document = self.workspace._to_model(), self.report._to_model()
        return {
            "kind": self.kind,
            "entity": self.subject.entity,
            "project": self.subject.project,
            "workspace": {"name": view.display_name, "spec": _plain(view.spec)},
            "report": {
                "title": document.display_name,
                "description": document.description,
                "spec": _plain(document.spec),
            },
        }

    def write(self, path: str | Path) -> None:
        """Writes `as_dict` as JSON, atomically."""
        with atomic_write(path, "w") as file:
            json.dump(self.as_dict(), file, indent=2, allow_nan=False)
            file.write("\n")

    def save(self) -> dict[str, str]:
        """Sends both to the server.

        Returns:
            ``workspace`` and ``report`` -> address.

        Raises:
            UserError: no login, no connection, no such project, or the server refuses.
        """
        require_server("--save")
        import wandb
        from wandb.sdk.lib.service.service_connection import WandbApiFailedError

        place = f"{self.subject.entity or 'the default entity'}/{self.subject.project}"
        try:
            self._send(self.subject.entity or str(wandb.Api().default_entity))
        except wandb.errors.UsageError as error:  # the key is refused, or has the wrong form
            raise UserError(f"--save: W&B does not accept the login ({error}): {LOGIN_ADVICE}") from error
        except (wandb.errors.Error, WandbApiFailedError) as error:
            raise UserError(f"--save: W&B's server refused the dashboard for {place}: {error}") from error
        return {"workspace": self.workspace.url, "report": self.report.url}

    def _send(self, entity: str) -> None:
        self.workspace.entity = self.report.entity = entity
        for grid in (block for block in self.report.blocks if isinstance(block, wr.PanelGrid)):
            for runset in grid.runsets:
                runset.entity, runset.project = entity, self.subject.project
        try:
            self.report._to_model()  # looks the project up, before anything is sent
        except ValueError as error:
            raise UserError(
                f"--save: there is no project {entity}/{self.subject.project} that this account may see; "
                "a run that is logged or synced to it makes it"
            ) from error
        self.workspace.save()
        self.report.save()


def build_dashboard(kind: str, subject: Subject) -> Dashboard:
    """Builds a workspace and a report.

    Raises:
        ValueError: an unknown kind, or no metric.
        UserError: a metric that is not declared for validations.
    """
    if kind not in KINDS or not subject.metrics:
        raise ValueError(
            f"expected one of {', '.join(KINDS)} and a metric, got {kind!r} and {subject.metrics}"
        )
    make, description = KINDS[kind]
    groups = make([_validated(name) for name in subject.metrics], subject.parameters)
    name = f"{kind.capitalize()}: {subject.group or subject.project}"
    return Dashboard(
        kind, subject, groups, _workspace(name, groups, subject), _report(name, description, groups, subject)
    )


def _validated(name: str) -> MetricDeclaration:
    """The metric of that name; the summaries of runs hold the best value of declared ones alone."""
    declared = declaration_of(name)
    if declared not in VALIDATED:
        known = ", ".join(metric.key for metric in VALIDATED)
        raise UserError(f"--metrics {name}: expected a metric of the validation: {known}")
    assert declared is not None
    return declared


def _workspace(name: str, groups: Sequence[Group], subject: Subject) -> ws.Workspace:
    sections = [
        ws.Section(
            name=group.name,
            panels=group.panels,
            is_open=True,
            layout_settings=ws.SectionLayoutSettings(
                columns=group.columns, rows=-(-len(group.panels) // group.columns)
            ),
        )
        for group in groups
    ]
    return ws.Workspace(
        entity=subject.entity or "",
        project=subject.project,
        name=name,
        sections=sections,
        settings=ws.WorkspaceSettings(x_axis=STEP, max_runs=20),
        runset_settings=ws.RunsetSettings(filters=subject.filters),
    )


def _report(name: str, description: str, groups: Sequence[Group], subject: Subject) -> wr.Report:
    blocks: list[Any] = [wr.TableOfContents()]
    for group in groups:
        blocks.append(wr.H2(group.name))
        if group.note:
            blocks.append(wr.P(group.note))
        # A run set that names its project is looked up on the server; `save` names it.
        runs = wr.Runset(name="Runs", filters=subject.filters)
        blocks.append(wr.PanelGrid(runsets=[runs], panels=_laid_out(group)))
    return wr.Report(
        project=subject.project,
        entity=subject.entity or "",
        title=name,
        description=description,
        blocks=blocks,
        width="fluid",
    )


def _laid_out(group: Group) -> list[Any]:
    """The panels with their places in a report's grid."""
    width = REPORT_COLUMNS // group.columns
    for index, panel in enumerate(group.panels):
        row, column = divmod(index, group.columns)
        panel.layout = wr.Layout(x=column * width, y=row * group.height, w=width, h=group.height)
    return group.panels


def _plain(spec: Any) -> Any:
    return json.loads(spec.model_dump_json(by_alias=True, exclude_none=True))
