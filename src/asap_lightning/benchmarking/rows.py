"""The numbers that every suite's rows share."""

from __future__ import annotations

import statistics
from typing import Any

from asap_lightning.benchmarking.timing import Side, ratio

Row = dict[str, Any]


def numbers(side: Side, baseline: Side) -> Row:
    """Medians of one side, and how many times faster it is than the baseline."""
    speed, cpu = ratio(baseline, side), ratio(baseline, side, processor_time=True)
    return {
        "ms": side.median,
        "ms_runs": side.wall,
        "cpu_ms": statistics.median(side.cpu),
        "speedup": speed.median,
        "speedup_quartiles": [speed.low, speed.high],
        "cpu_speedup": cpu.median,
        "peak_mib": side.peak_bytes / 2**20 if side.peak_bytes >= 0 else None,
    }
