"""How large a checkpoint's generator is, and how long it takes for one image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from asap_lightning.evaluation.cost.measure import measure_cost
from asap_lightning.inference import Translator


@dataclass(frozen=True)
class GeneratorCost:
    """What a generator costs.

    Attributes:
        parameters: their number.
        latency_ms: time of one image in milliseconds; None if it was not measured.
        size: height and width of that image.
        device: where it was measured.
    """

    parameters: int
    latency_ms: float | None
    size: tuple[int, int]
    device: str


def measure_checkpoint(path: str | Path, *, device: str = "auto", repeats: int = 10) -> GeneratorCost:
    """Counts parameters and times one condition of the training's size, as `measure_cost` does.

    The smallest of ``repeats`` calls after three warm-up calls, of what `Translator.translate` does from
    the condition on the device to the image on the device. ``repeats=0`` only counts.

    Raises:
        UserError: not a checkpoint of this program, or there is no such device.
    """
    translator = Translator(path, device=device)
    assert translator.description is not None
    size = translator.description.training_size
    generator, latency = translator.generator, None
    if repeats > 0:
        latency = measure_cost("latency", generator, *size, device=translator.device, repeats=repeats)
    parameters = int(measure_cost("parameters", generator, *size, device=translator.device))
    return GeneratorCost(parameters, latency, size, str(translator.device))
