import math
import subprocess
import sys
from typing import Any, get_args

import pytest

from asap_lightning.errors import UserError
from asap_lightning.evaluation.cost.measure import COST_NAMES
from asap_lightning.metrics import (
    METRICS,
    QUICK,
    best_value,
    declaration_of,
    direction_of,
    is_better,
    metric_named,
)
from asap_lightning.metrics.catalogue import CATALOGUE
from asap_lightning.metrics.declarations import VALIDATED, title_of
from asap_lightning.metrics.metric import Direction, MetricDeclaration, Need, Scope
from asap_lightning.reports.series import panels_of
from asap_lightning.tracking.describing import define_metrics


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_declaration_is_all_there_is_to_say(metric: MetricDeclaration) -> None:
    assert METRICS[metric.key] is metric and metric.heading and metric.source
    assert metric.scope in get_args(Scope) and metric.direction in (*get_args(Direction), None)
    assert (metric.place == "val") == (metric.scope in ("image", "set"))
    assert set(metric.needs) <= set(get_args(Need)) and metric.least >= 1
    assert declaration_of(metric.key) is declaration_of(metric.logged) is metric
    (panel,) = panels_of([metric.logged])
    assert panel.title == metric.title == title_of(metric.key) and panel.columns == (metric.logged,)
    if metric.direction is not None:
        best = {"max": 3.0, "min": 1.0}[metric.direction]
        assert best_value(metric.logged, [1.0, math.nan, 3.0]) == best == metric.best([3.0, 1.0])
        assert metric_named(f"{metric.logged}:{metric.direction}") == metric
        assert metric.better == ("higher is better" if best == 3 else "lower is better")


def test_what_is_measured_is_declared() -> None:
    assert {METRICS[name].scope for name in QUICK} == {"image"}
    assert {METRICS[name].scope for name in COST_NAMES.values()} == {"model"}
    assert len({metric.title for metric in METRICS.values()}) == len(METRICS)


def test_summaries_of_wandb_hold_the_best_value_of_every_validated_metric() -> None:
    class Run:
        summaries: dict[str, Any]

        def __init__(self) -> None:
            self.summaries = {}

        def define_metric(self, name: str, summary: str | None = None, **options: Any) -> None:
            self.summaries[name] = summary

    run = Run()
    define_metrics(run)
    kept = {name: summary for name, summary in run.summaries.items() if summary}
    best = {metric.logged: f"{metric.direction},last" for metric in VALIDATED if metric.direction}
    assert kept == {metric.logged: "last" for metric in VALIDATED} | best
    assert kept["val/miou_photos"] == "last", "which tells of the segmenter, not of the model"
    assert kept["val/fid"] == "min,last"


def test_a_name_that_is_not_declared_has_no_direction() -> None:
    for name in ("val/new", "new", "loss_g/l1", "train/psnr"):
        assert declaration_of(name) is None and direction_of(name) is None
        assert best_value(name, [1.0, 2.0]) is None
        with pytest.raises(UserError, match=f"{name}: which way is better is known of psnr, .*{name}:max"):
            metric_named(name)
    assert title_of("val/new") == "new"
    with pytest.raises(ValueError, match="no value of data_wait"):
        _ = METRICS["data_wait"].higher_is_better


def test_a_direction_may_be_named_but_not_against_the_declaration() -> None:
    new = metric_named("val/new:min")
    assert (new.key, new.logged, new.direction, new.title) == ("new", "val/new", "min", "new")
    assert metric_named("speed/data_wait:min").heading == METRICS["data_wait"].heading
    with pytest.raises(UserError, match="--metric psnr:min: psnr is declared the other way; write psnr"):
        metric_named("psnr:min", "--metric ")
    with pytest.raises(UserError, match="max or min was expected, found up"):
        metric_named("new:up")


def test_what_is_not_finite_is_never_the_best_and_never_stays_it() -> None:
    assert METRICS["psnr"].best([math.inf, 2.0, -math.inf]) == 2
    assert math.isnan(METRICS["l1"].best([])) and math.isnan(METRICS["l1"].best([math.nan, math.inf]))
    for bad in (math.nan, math.inf, -math.inf):
        for higher in (True, False):
            assert not is_better(bad, None, higher=higher) and not is_better(bad, 1.0, higher=higher)
            assert is_better(1.0, bad, higher=higher)
    assert is_better(1.0, None, higher=True)
    assert is_better(2.0, 1.0, higher=True) and not is_better(2.0, 1.0, higher=False)
    assert not is_better(1.0, 1.0, higher=True)


def test_declarations_need_neither_torch_nor_torchmetrics() -> None:
    code = "import sys; from asap_lightning.metrics import METRICS, QUICK; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "torchmetrics", "pytorch_lightning"} & set(done.stdout.split())


def test_what_the_catalogue_declares_is_declared_nowhere_else():
    for key, metric in CATALOGUE.items():
        assert METRICS[key] is metric.declaration
