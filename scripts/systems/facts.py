"""What a generator's modules make of an image of 256 x 256: read off a call, never typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SIDE = 256
PHOTO = ("hdrnet",)
"""Generators whose condition is a photo here; of the others 12 classes and 'unknown'."""


def built(name: str) -> Any:
    """The generator of ``conf/generator`` for images of 256 x 256, with random weights."""
    import torch

    from asap_lightning.building import build
    from asap_lightning.condition import ConditionSpec
    from asap_lightning.configuration.peers import sized_node

    torch.manual_seed(0)
    spec = (
        ConditionSpec("image", channels=3)
        if name in PHOTO
        else ConditionSpec(num_classes=12, has_unknown=True)
    )
    return build(sized_node(name, SIDE), "generator", spec=spec).eval()


def parameters(module: Any) -> int:
    """Number of weights."""
    return sum(weight.numel() for weight in module.parameters())


def traced(generator: Any, paths: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Of each module: the shape of its last output (C, H, W), its parameters, and how often it is called."""
    import torch

    from asap_lightning.evaluation.cost.measure import condition_for

    found: dict[str, dict[str, Any]] = {}

    def note(path: str, module: Any) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            shape = list(output.shape[1:]) if isinstance(output, torch.Tensor) else []
            calls = found.get(path, {}).get("calls", 0) + 1
            found[path] = {"shape": shape, "parameters": parameters(module), "calls": calls}

        return module.register_forward_hook(hook)

    modules = dict(generator.named_modules())
    handles = [note(path, modules[path]) for path in paths]
    with torch.no_grad():
        generator(condition_for(generator, SIDE, SIDE))
    for handle in handles:
        handle.remove()
    return found
