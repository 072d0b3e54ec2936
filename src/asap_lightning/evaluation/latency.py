"""How large a checkpoint's generator is, and how long it takes for one image."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.inference import Translator

WARM_UP = 3


@dataclass(frozen=True)
class GeneratorCost:
    """What a generator costs.

    Attributes:
        parameters: their number.
        latency_ms: median time of one image in milliseconds; None if it was not measured.
        size: height and width of that image.
        device: where it was measured.
    """

    parameters: int
    latency_ms: float | None
    size: tuple[int, int]
    device: str


def measure_checkpoint(path: str | Path, *, device: str = "auto", repeats: int = 10) -> GeneratorCost:
    """Counts parameters and times one random condition of the training's size.

    The median over ``repeats`` calls after three warm-up calls, of what `Translator.translate` does from
    the condition on the device to the image on the device. ``repeats=0`` only counts.

    Raises:
        UserError: not a checkpoint of this program, or there is no such device.
    """
    translator = Translator(path, device=device)
    config = translator.description.config if translator.description is not None else {}
    data = config.get("data", {})
    size = int(data.get("height", 256)), int(data.get("width", 256))
    latency = None
    if repeats > 0:
        condition = _random_condition(translator, *size)
        seconds = [_timed(translator, condition) for _ in range(WARM_UP + repeats)][WARM_UP:]
        latency = 1000 * statistics.median(seconds)
    parameters = sum(parameter.numel() for parameter in translator.generator.parameters())
    return GeneratorCost(parameters, latency, size, str(translator.device))


def _random_condition(translator: Translator, height: int, width: int) -> Condition:
    spec, draw = translator.spec, torch.Generator().manual_seed(0)
    instance = torch.randint(0, 9, (1, height, width), generator=draw, dtype=torch.int32)
    made = Condition(
        instance=instance if spec.instance_edges else None, **_content(spec, height, width, draw)
    )
    return made.to(translator.device)


def _content(spec: ConditionSpec, height: int, width: int, draw: torch.Generator) -> dict[str, Any]:
    if spec.kind == "label":
        # Blocks of 16 pixels, as label maps have areas and not noise.
        small = torch.randint(0, spec.label_channels, (1, -(-height // 16), -(-width // 16)), generator=draw)
        label = small.repeat_interleave(16, 1).repeat_interleave(16, 2)[:, :height, :width]
        return {"label": label.to(torch.int32).contiguous()}
    return {"image": torch.rand((1, spec.channels, height, width), generator=draw) * 2 - 1}


def _timed(translator: Translator, condition: Condition) -> float:
    def wait() -> None:
        if translator.device.type == "cuda":
            torch.cuda.synchronize(translator.device)

    wait()
    began = time.perf_counter()
    translator.translate(condition)
    wait()
    return time.perf_counter() - began
