"""What the three dashboards show."""

from __future__ import annotations

from collections.abc import Sequence

import wandb_workspaces.reports.v2 as wr

from asap_lightning.metrics import METRICS, MetricDeclaration
from asap_lightning.tracking.dashboards.panels import (
    LATENCY,
    PARAMETERS,
    TABLE,
    Group,
    best,
    course,
    curve,
    matching,
    parallel_coordinates,
    quality_against_latency,
    samples,
)

# Logged only where there is a GPU.
ON_GPU = METRICS["gpu_gib"]
GRADIENTS = ("grad_norm/generator", "grad_norm/discriminator")


def training(metrics: Sequence[MetricDeclaration], parameters: Sequence[str]) -> list[Group]:
    """Losses, validation, pictures, the adversarial game, the machine."""
    return [
        Group(
            "Losses",
            [
                curve("Generator loss", "loss_g/total", smooth=True),
                matching("Terms of the generator's loss", "^loss_g/(?!total$)"),
                curve("Discriminator loss", "loss_d/fake", "loss_d/real", "loss_d/total", smooth=True),
            ],
        ),
        Group("Validation", [course(metric) for metric in metrics]),
        Group(
            "Images",
            [
                samples("Samples over time", gallery_axis="step", num_columns=1),
                wr.WeavePanelSummaryTable(table_name=TABLE),
            ],
            columns=1,
            height=16,
        ),
        Group(
            "Discriminator",
            [
                curve("Mean output", "discriminator/fake_mean", "discriminator/real_mean", smooth=True),
                curve("Output on generated images", "discriminator/fake"),
                curve("Output on real images", "discriminator/real"),
                curve("Gradient norms", *GRADIENTS, smooth=True, log_y=True),
            ],
            columns=2,
        ),
        Group(
            "System",
            [
                course(METRICS["images_per_second"], smooth=True),
                course(METRICS["data_wait"], range_y=(0, 1)),
                curve("Learning rates", "lr/generator", "lr/discriminator"),
                course(ON_GPU),
            ],
            columns=2,
        ),
    ]  # fmt: skip


def sweep(metrics: Sequence[MetricDeclaration], parameters: Sequence[str]) -> list[Group]:
    """Parallel coordinates, Pareto scatter, what matters, the curves."""
    main = best(metrics[0]).name
    return [
        Group(
            "Settings, cost, quality",
            [parallel_coordinates(parameters, metrics)],
            columns=1,
            height=12,
            note="One line a run. Draw along an axis to keep only the runs that pass there.",
        ),
        Group(
            "Latency and quality",
            [quality_against_latency(metric) for metric in metrics],
            height=10,
            note="The line follows the best value from the fastest run on: the Pareto front.",
        ),
        Group("What matters", [wr.ParameterImportancePlot(with_respect_to=main)], columns=1),
        Group("Curves", [course(metric) for metric in metrics]),
        Group("Images", [_side_by_side()], columns=1, height=16),
    ]


def comparison(metrics: Sequence[MetricDeclaration], parameters: Sequence[str]) -> list[Group]:
    """Best values, cost, curves, pictures and settings of several models."""
    bars = [
        wr.BarPlot(title=f"Best {metric.heading} ({metric.better})", metrics=[best(metric).name])
        for metric in metrics
    ]
    cost = [
        wr.BarPlot(title=LATENCY.title, metrics=[LATENCY.logged]),
        wr.BarPlot(title=PARAMETERS.heading, metrics=[PARAMETERS.logged]),
    ]
    speed = course(METRICS["images_per_second"], smooth=True)
    return [
        Group("Quality", bars),
        Group("Cost", [*cost, speed]),
        Group("Latency and quality", [quality_against_latency(metrics[0])], columns=1, height=10),
        Group("Curves", [
            *(course(metric) for metric in metrics),
            curve("Generator loss", "loss_g/total", smooth=True),
            curve("Discriminator loss", "loss_d/total", smooth=True),
        ]),
        Group("The same samples side by side", [_side_by_side()], columns=1, height=16),
        Group("Settings", [wr.RunComparer(diff_only="split")], columns=1, height=16),
    ]  # fmt: skip


def _side_by_side() -> wr.MediaBrowser:
    return samples("Samples", mode="grid", grid_x_axis="run", grid_y_axis="index")
