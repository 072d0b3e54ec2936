"""Paired timing: A B A B, so that a machine that drifts harms both sides alike; ratios within pairs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

from asap_lightning.evaluation.cost.memory import peak_of


@dataclass
class Side:
    """What was measured of one side of a comparison.

    Attributes:
        wall: milliseconds of each run.
        cpu: milliseconds of processor time of each run, all threads together (CPU only).
        peak_bytes: memory of one run beyond what lay there before it; -1 where it cannot be measured.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak_bytes: int = -1

    @property
    def median(self) -> float:
        """Median wall time in milliseconds."""
        return statistics.median(self.wall)


@dataclass(frozen=True)
class Ratio:
    """How many times faster one side is: the median of the pairs' ratios, and their quartiles."""

    median: float
    low: float
    high: float


def run_pairs(
    sides: Mapping[str, Callable[[], object]], *, repeats: int, device: torch.device | None = None
) -> dict[str, Side]:
    """Calls each side once to warm up (measuring memory), then ``repeats`` times in turn.

    Raises:
        ValueError: fewer than one repeat.
    """
    if repeats < 1:
        raise ValueError(f"a benchmark needs repeats >= 1, got {repeats}")
    result = {name: Side() for name in sides}
    for name, call in sides.items():
        call()
        result[name].peak_bytes = peak_of(call, device)
    for _ in range(repeats):
        for name, call in sides.items():
            wall, cpu = _time(call, device)
            result[name].wall.append(wall)
            result[name].cpu.append(cpu)
    return result


def _time(call: Callable[[], object], device: torch.device | None) -> tuple[float, float]:
    cuda = device is not None and device.type == "cuda"
    if cuda:
        torch.cuda.synchronize(device)
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    if cuda:
        torch.cuda.synchronize(device)
    return (time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3


def ratio(slow: Side, fast: Side, *, processor_time: bool = False) -> Ratio:
    """How many times faster ``fast`` is than ``slow``, run by run.

    Args:
        processor_time: compare processor time instead of wall time; with one thread it is what a busy
            machine distorts least.
    """
    ours, theirs = (fast.cpu, slow.cpu) if processor_time else (fast.wall, slow.wall)
    ratios = sorted(a / b for a, b in zip(theirs, ours, strict=True))
    if len(ratios) < 2:
        return Ratio(ratios[0], ratios[0], ratios[0])
    low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return Ratio(median, low, high)
