"""How large a checkpoint's generator is, and how long it takes for one image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from asap_lightning.evaluation.cost.measure import measure_cost, random_condition
from asap_lightning.evaluation.cost.memory import peak_of
from asap_lightning.inference import Translator


@dataclass(frozen=True)
class GeneratorCost:
    """What a generator costs.

    Attributes:
        parameters: their number.
        latency_ms: time of one image in milliseconds; None if it was not measured.
        size: height and width of that image.
        device: where it was measured.
        gmacs: 10^9 multiply-adds of matrix products and convolutions, those of every tile's own network
            included; None if they were not counted.
        peak_mib: memory at the peak of that image's translation, beyond what lay there before; None if it was
            not measured.
    """

    parameters: int
    latency_ms: float | None
    size: tuple[int, int]
    device: str
    gmacs: float | None = None
    peak_mib: float | None = None


def measure_checkpoint(
    path: str | Path,
    *,
    device: str = "auto",
    repeats: int = 10,
    size: tuple[int, int] | None = None,
    work: bool = False,
) -> GeneratorCost:
    """Counts parameters and times one condition, as `measure_cost` does.

    The smallest of ``repeats`` calls after three warm-up calls, of what `Translator.translate` does from
    the condition on the device to the image on the device. ``repeats=0`` only counts.

    Args:
        path: the checkpoint.
        device: where it runs.
        repeats: calls that are timed.
        size: height and width of the image; the training's by default.
        work: also counts multiply-adds and measures memory.

    Raises:
        UserError: not a checkpoint of this program, or there is no such device.
    """
    translator = Translator(path, device=device)
    assert translator.description is not None
    size = size or translator.description.training_size
    generator, latency = translator.generator, None
    if repeats > 0:
        latency = measure_cost("latency", generator, *size, device=translator.device, repeats=repeats)
    parameters = int(measure_cost("parameters", generator, *size, device=translator.device))
    gmacs, peak_mib = _work(translator, size) if work else (None, None)
    return GeneratorCost(parameters, latency, size, str(translator.device), gmacs, peak_mib)


def _work(translator: Translator, size: tuple[int, int]) -> tuple[float, float | None]:
    """10^9 multiply-adds, and MiB of memory, of one image."""
    gflops = measure_cost("flops", translator.generator, *size, device=translator.device)
    condition = random_condition(translator.generator.spec, *size).to(translator.device)
    peak = peak_of(lambda: translator.translate(condition), translator.device)
    return gflops / 2, peak / 2**20 if peak >= 0 else None
