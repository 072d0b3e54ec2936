"""What one image costs a generator: time measured, or work counted."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.inference import Translator
from asap_lightning.inference.encoding import with_blank_guide
from asap_lightning.models import Generator
from asap_lightning.ops.layout import MlpLayout

COST_NAMES = {"latency": "latency_ms", "flops": "gflops", "parameters": "parameters"}
"""Kind of cost -> its name in the study and in ``finished.json``."""


def measure_cost(
    kind: str, generator: Generator, height: int, width: int, *, device: torch.device, repeats: int = 20
) -> float:
    """The cost of translating one image; the generator's weights, mode and random state stay as they are.

    Args:
        kind: ``latency``: milliseconds, the smallest of ``repeats`` calls after three that do not count:
            whatever else a machine does makes a call longer, never shorter, so the minimum varies least.
            ``flops``: 10^9 floating-point operations of matrix products and convolutions, the same on every
            machine and at every call. ``parameters``: their number.
        generator: as training holds it; it is moved to ``device``.
        height: of the image.
        width: of the image.
        device: on which it runs.
        repeats: calls that are timed.

    Raises:
        ValueError: another kind.
    """
    if kind not in COST_NAMES:
        raise ValueError(f"cost must be one of {', '.join(COST_NAMES)}, got {kind!r}")
    if kind == "parameters":
        return float(sum(parameter.numel() for parameter in generator.parameters()))
    training = generator.training
    try:
        translator = Translator.from_generator(generator, device=str(device))
        condition = condition_for(generator, height, width).to(translator.device)
        if kind == "flops":
            return _gflops(translator, condition)
        return 1000 * min([_seconds(translator, condition) for _ in range(3 + repeats)][3:])
    finally:
        generator.train(training)


def condition_for(generator: Generator, height: int, width: int) -> Condition:
    """`random_condition` with the guide or canvas that the generator needs."""
    return completed(generator, random_condition(generator.spec, height, width))


def completed(generator: Generator, condition: Condition) -> Condition:
    """The condition with the guide or canvas that the generator needs; blank ones cost what any do."""
    if generator.takes_canvas:
        size = (condition.batch_size, 4, condition.height, condition.width)
        condition = replace(condition, canvas=torch.zeros(size, device=condition.device))
    return with_blank_guide(condition) if generator.needs_guide else condition


def random_condition(spec: ConditionSpec, height: int, width: int) -> Condition:
    """A condition of blocks of 16 pixels, as label maps have areas and not noise; always the same."""
    draw = torch.Generator().manual_seed(0)

    def blocks(end: int) -> torch.Tensor:
        small = torch.randint(0, end, (1, -(-height // 16), -(-width // 16)), generator=draw)
        large = small.repeat_interleave(16, 1).repeat_interleave(16, 2)
        return large[:, :height, :width].to(torch.int32).contiguous()

    instance = blocks(9) if spec.instance_edges else None
    if spec.kind == "label":
        return Condition(label=blocks(spec.label_channels), instance=instance)
    image = torch.rand((1, spec.channels, height, width), generator=draw) * 2 - 1
    return Condition(image=image, instance=instance)


def _seconds(translator: Translator, condition: Condition) -> float:
    _wait(translator.device)
    began = time.perf_counter()
    translator.translate(condition)
    _wait(translator.device)
    return time.perf_counter() - began


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def count_operations() -> FlopCounterMode:
    """PyTorch's counter of operations, told what ours compute, which it cannot look into."""
    ours: Any = torch.ops.asap_lightning
    mapping = {ours.pixelwise_mlp: _pixelwise_flops, ours.bilateral: _bilateral_flops}
    return FlopCounterMode(display=False, custom_mapping=mapping)


def _gflops(translator: Translator, condition: Condition) -> float:
    trained = [one for one in translator.generator.parameters() if one.requires_grad]
    try:
        # the counter hooks the gradients of what enters a module, which weights under spectral norm do
        for one in trained:
            one.requires_grad_(False)
        with count_operations() as counter:
            translator.translate(condition)
    finally:
        for one in trained:
            one.requires_grad_(True)
    return counter.get_total_flops() / 1e9


def _pixelwise_flops(
    phi: Any, label: Any, image: Any, tile: int, width: int, depth: int, classes: int, channels: int,
    out_channels: int, encoding: bool, slope: float, *rest: Any, out_shape: Any = None, **named: Any,
) -> int:  # fmt: skip
    """Of the pixelwise stream; two operations a multiply-add."""
    layout = MlpLayout(tile, width, depth, classes, channels, out_channels, encoding, slope)
    batch, _, rows, columns = phi
    return 2 * layout.multiply_adds(batch * rows * columns * tile * tile)


def _bilateral_flops(
    grid: Any, guide: Any, image: Any, *rest: Any, out_shape: Any = None, **named: Any
) -> int:
    """Of slicing: four entries of a blended row a pixel; and of the transform, if it is applied."""
    batch, height, width = guide
    coefficients = grid[1] * grid[2]
    return 2 * batch * height * width * coefficients * (4 if image is None else 5)
