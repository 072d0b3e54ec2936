"""Pyramids: a tiny one with random weights, and the one that the authors' program trained and recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from asap_lightning.interop.systems import singan
from asap_lightning.singan.checkpoint import Pyramid, Scale
from asap_lightning.singan.networks import ScaleGenerator
from asap_lightning.singan.resize import imresize

FACTOR = 0.8


def scale_of(real: Tensor, seed: int, amplitude: float, width: int = 4) -> Scale:
    """A scale with random weights and running statistics."""
    torch.manual_seed(seed)
    generator = ScaleGenerator(width=width)
    for block in generator.network.blocks:
        block.norm.running_mean.uniform_(-0.1, 0.1)
        block.norm.running_var.uniform_(0.0005, 0.02)
    with torch.no_grad():
        generator.network.last.weight.mul_(2)
    h, w = real.shape[-2:]
    noise = torch.zeros(1, 3, h + 10, w + 10)
    if amplitude == 1:
        noise[..., 5:-5, 5:-5] = torch.randn(1, 1, h, w)
    return {
        "arguments": {"width": width},
        "state_dict": generator.state_dict(),
        "fixed_noise": noise,
        "noise_amp": amplitude,
        "real": real,
    }


def make_pyramid(height: int = 30, width: int = 37, *, task: str = "generate") -> Pyramid:
    """Three scales of a soft random picture."""
    coarse = torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(9))
    top = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic").clamp(0, 1) * 2 - 1
    reals = [top if index == 2 else imresize(top, FACTOR ** (2 - index)) for index in range(3)]
    scales = [scale_of(real, index, 1.0 if index == 0 else 0.1) for index, real in enumerate(reals)]
    return Pyramid(tuple(scales), FACTOR, 3, task)


@dataclass(frozen=True)
class Recording:
    """What the authors' program was given and made."""

    pyramid: Pyramid
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    about: dict[str, Any]

    def noise(self, name: str, first: int = 0) -> Callable[[int, int, int, int], Tensor]:
        """The recorded draws of an application, the first of them for scale ``first``."""

        def draw(scale: int, channels: int, height: int, width: int) -> Tensor:
            found = self.inputs[f"{name}.draw.{scale - first:04}"]
            assert found.shape == (1, channels, height, width)
            return found

        return draw


def read_recording(file: Path) -> Recording:
    """``reference2/singan_applications.pt``."""
    content = torch.load(file, weights_only=True)
    about = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    inputs, scales = content["inputs"], []
    for index in range(len(about["sizes"])):
        prefix = f"scale{index}.G."
        state = {k.removeprefix(prefix): v for k, v in content["state_dict"].items() if k.startswith(prefix)}
        described = singan.infer_generator(state, {})
        names = singan.names(described.sketch(state))
        scale: Scale = {
            "arguments": described.arguments,
            "state_dict": names.to_ours(state, f"scale {index}"),
            "fixed_noise": inputs[f"z{index}"],
            "noise_amp": float(inputs[f"noise_amp{index}"]),
            "real": inputs[f"real{index}"],
        }
        scales.append(scale)
    return Recording(Pyramid(tuple(scales), about["scale_factor"], 3), inputs, content["outputs"], about)
