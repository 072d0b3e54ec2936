"""What several systems have in common."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.interop.inferred import Options, State, partial_node


def tensor(state: State, name: str, system: str) -> Tensor:
    """The entry ``name``; a message that the file is of another system where it is missing."""
    if name not in state:
        shown = ", ".join(list(state)[:4])
        raise UserError(f"this does not look like {system}: there is no '{name}' (its names begin {shown})")
    return state[name]


def indices(state: State, pattern: str) -> list[int]:
    """The sorted distinct numbers that the first group of ``pattern`` matches in the names."""
    compiled = re.compile(pattern)
    return sorted({int(match[1]) for name in state if (match := compiled.match(name))})


def option(options: Options, *names: str, default: Any = None) -> Any:
    """The first of several spellings of an option that is present."""
    for name in names:
        if options.get(name) is not None:
            return options[name]
    return default


def flag(options: Options, *names: str, default: bool = False) -> bool:
    """As `option`, for yes or no."""
    value = option(options, *names, default=default)
    return value.strip().lower() in ("true", "1", "yes") if isinstance(value, str) else bool(value)


def condition_spec(channels: int, options: Options, *, edges: bool | None = None) -> ConditionSpec:
    """The kind of condition behind ``channels`` input channels.

    Options: ``one_hot`` (false: a continuous condition), ``instance_edges``, ``contain_dontcare_label``,
    ``label_nc``. Where edges are not said to be there or not, one channel more than the labels tells.
    """
    if not flag(options, "one_hot", default=True):
        edges = bool(edges if edges is not None else flag(options, "instance_edges"))
        return ConditionSpec("image", channels=channels - edges, instance_edges=edges)
    unknown = flag(options, "contain_dontcare_label")
    labels = option(options, "label_nc")
    if edges is None:
        edges = flag(options, "instance_edges") or (
            labels is not None and "instance_edges" not in options and channels == int(labels) + unknown + 1
        )
    if "contain_dontcare_label" not in options and labels is not None:
        unknown = channels == int(labels) + edges + 1
    classes = channels - unknown - edges
    if classes < 1:
        raise UserError(
            f"{channels} input channels leave no class beside "
            f"{'an unknown class ' if unknown else ''}{'and edges' if edges else ''}: check "
            "contain_dontcare_label and instance_edges"
        )
    if labels is not None and int(labels) != classes:
        raise UserError(
            f"the weights take {channels} input channels, which label_nc={labels}"
            f"{' with an unknown class' if unknown else ''}{' and instance edges' if edges else ''} does not "
            "give; check label_nc, contain_dontcare_label and instance_edges"
        )
    return ConditionSpec("label", num_classes=classes, has_unknown=unknown, instance_edges=edges)


def image_spec(channels: int) -> ConditionSpec:
    """A continuous condition, for networks that are fed planes directly."""
    return ConditionSpec("image", channels=channels)


def judged(channels: int) -> tuple[ConditionSpec, dict[str, Any]]:
    """The condition behind a discriminator's input channels, and the arguments that give that many.

    Three are the image's. With three or fewer there is no condition: the image is judged alone.
    """
    if channels > 3:
        return image_spec(channels - 3), {}
    return image_spec(1), {"conditional": False, "image_channels": channels}


def norm_node(state: State, layer: str, *, has_bias: bool) -> dict[str, Any]:
    """The norm after a convolution: batch norm has parameters, instance norm follows a bias."""
    if f"{layer}.weight" in state:
        return partial_node("torch.nn.BatchNorm2d")
    return partial_node("torch.nn.InstanceNorm2d" if has_bias else "torch.nn.Identity")


def param_free_norm(state: State, layer: str) -> dict[str, Any]:
    """SPADE's norm without affine parameters: batch norm has running statistics, instance norm none."""
    if f"{layer}.running_mean" in state:
        return partial_node("torch.nn.BatchNorm2d", affine=False)
    return partial_node("torch.nn.InstanceNorm2d")
