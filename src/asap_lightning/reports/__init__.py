"""Reports: what runs have written, as one HTML file that needs neither server nor network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.reports.comparison import ComparisonRow as ComparisonRow
    from asap_lightning.reports.comparison import compare as compare
    from asap_lightning.reports.comparison import write_comparison as write_comparison
    from asap_lightning.reports.runs import Run as Run
    from asap_lightning.reports.runs import read_run as read_run
    from asap_lightning.reports.runs import read_runs as read_runs
    from asap_lightning.reports.sweep import write_sweep_report as write_sweep_report
    from asap_lightning.reports.training import write_training_report as write_training_report

_HOMES = {
    "ComparisonRow": "comparison",
    "Run": "runs",
    "compare": "comparison",
    "read_run": "runs",
    "read_runs": "runs",
    "write_comparison": "comparison",
    "write_sweep_report": "sweep",
    "write_training_report": "training",
}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
