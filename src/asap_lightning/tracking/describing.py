"""What every W&B run says of itself: x-axes, best values, code and environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asap_lightning.metrics.declarations import VALIDATED
from asap_lightning.tracking.provenance import code_state, environment

STEP = "trainer/global_step"


def define_metrics(run: Any) -> None:
    """The x-axis of everything is the generator updates; summaries hold best and last metrics."""
    run.define_metric(STEP)
    run.define_metric("*", step_metric=STEP, step_sync=True)
    for metric in VALIDATED:
        summary = f"{metric.direction},last" if metric.direction else "last"
        run.define_metric(metric.logged, step_metric=STEP, step_sync=True, summary=summary)


def describe(run: Any) -> None:
    """Adds code version and environment to the configuration, and the diff of changed code to the files."""
    code = code_state()
    run.config.update({"code": code.as_dict(), "environment": environment()}, allow_val_change=True)
    if code.patch:
        path = Path(run.dir) / "code.patch"
        path.write_text(code.patch, encoding="utf-8")
        run.save(str(path), base_path=run.dir, policy="now")
