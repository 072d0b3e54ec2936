"""Reports: what runs have written, as one HTML file that needs neither server nor network."""

from asap_lightning.reports.comparison import ComparisonRow, compare, write_comparison
from asap_lightning.reports.runs import Run, read_run, read_runs
from asap_lightning.reports.sweep import write_sweep_report
from asap_lightning.reports.training import write_training_report

__all__ = [
    "ComparisonRow",
    "Run",
    "compare",
    "read_run",
    "read_runs",
    "write_comparison",
    "write_sweep_report",
    "write_training_report",
]
