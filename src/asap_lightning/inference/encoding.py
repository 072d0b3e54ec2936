"""What a `Translator` is called with, as a `Condition`; validated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.data.batch import canvas_planes
from asap_lightning.errors import UserError
from asap_lightning.inference.checks import (
    check_canvas,
    check_guide,
    class_ids,
    instance_ids,
    picture,
    planes_of,
)

Composer: TypeAlias = Callable[[NDArray], tuple[NDArray[np.uint8], NDArray]]
"""From class ids (H, W) to a canvas (H, W, 4) of pieces, see `Sample.canvas`, and the ids as the pieces have
changed them."""


def of_array(array: NDArray, instance: NDArray | None, spec: ConditionSpec) -> Condition:
    """One NumPy condition as a batch of one.

    Raises:
        UserError: ids outside the classes, wrong shape or dtype, a missing instance map.
    """
    if spec.kind == "label":
        made = Condition(label=torch.from_numpy(class_ids(array, spec))[None])
    else:
        made = Condition(image=picture(array, spec)[None])
    if spec.instance_edges:
        if instance is None:
            raise UserError("this model uses instance edges: an instance map is needed beside the label map")
        made.instance = torch.from_numpy(instance_ids(np.asarray(instance), array.shape[:2]))[None]
    return made


def of_tensors(condition: Tensor, instance: Tensor | None, spec: ConditionSpec) -> Condition:
    """A batch of tensors: ids (B, H, W), or planes (B, C, H, W) in [-1, 1].

    Raises:
        UserError: as `of_array`.
    """
    if spec.kind != "label":
        made = Condition(image=planes_of(condition, spec))
    elif condition.ndim != 3 or condition.dtype.is_floating_point:
        shape = tuple(condition.shape)
        raise UserError(f"a batch of label maps is (B, H, W) of integers, got {shape} of {condition.dtype}")
    else:
        made = Condition(label=_each(condition, lambda one: class_ids(one, spec)))
    if spec.instance_edges:
        size = (made.batch_size, made.height, made.width)
        if not isinstance(instance, Tensor) or instance.shape != size:
            raise UserError(
                "this model uses instance edges: instance maps (B, H, W) are needed beside the ids"
            )
        made.instance = _each(instance, lambda one: instance_ids(one, one.shape))
    return made


def of_guide(guide: NDArray, condition: Condition) -> Tensor:
    """A photo (H, W, 3) uint8 of any size as the condition's guide, (B, 3, H, W) in [-1, 1].

    Raises:
        UserError: no photo.
    """
    check_guide(guide)
    tensor = torch.from_numpy(np.array(guide)).permute(2, 0, 1)[None].float() / 127.5 - 1
    resized = F.interpolate(tensor, (condition.height, condition.width), mode="bicubic", antialias=True)
    return resized.clamp_(-1, 1).expand(condition.batch_size, -1, -1, -1)


def with_canvas(condition: Condition, canvas: NDArray | None, composer: Composer | None) -> Condition:
    """A condition of one image with a canvas (1, 4, H, W): the given one, or the composer's.

    Args:
        condition: of one image.
        canvas: (H, W, 4) uint8, see `Sample.canvas`.
        composer: asked where none is given, of label maps only; its ids take the place of the condition's.

    Returns:
        The condition as it is where there is neither.

    Raises:
        UserError: no canvas, one of another size, or a batch of several images.
    """
    if canvas is None and (composer is None or condition.label is None):
        return condition
    if condition.batch_size != 1:
        raise UserError(
            f"a canvas is of one image, and this is a batch of {condition.batch_size}: translate them one by "
            "one, or hand Translator.translate a Condition with a canvas for each"
        )
    label = condition.label
    if canvas is None:
        assert composer is not None and label is not None
        canvas, ids = composer(label[0].cpu().numpy())
        label = torch.from_numpy(np.ascontiguousarray(ids, np.int32))[None]
    check_canvas(canvas, (condition.height, condition.width))
    return replace(condition, label=label, canvas=canvas_planes(torch.from_numpy(np.array(canvas))[None]))


def of_guide_condition(array: NDArray, condition: Condition, spec: ConditionSpec) -> Tensor:
    """The guide's own condition, of any size, at the size of the condition that it is matched with.

    Class ids by nearest pixel, images and depths by averages where they become smaller.

    Raises:
        UserError: as `of_array`.
    """
    if spec.kind == "label":
        ids = torch.from_numpy(class_ids(array, spec))[None, None].float()
        planes = F.interpolate(ids, (condition.height, condition.width), mode="nearest-exact")[:, 0].int()
    else:
        size = (condition.height, condition.width)
        planes = F.interpolate(picture(array, spec)[None], size, mode="bilinear", antialias=True)
    return planes.expand(condition.batch_size, *planes.shape[1:])


def empty(spec: ConditionSpec, height: int, width: int, *, guide: bool, canvas: bool = False) -> Condition:
    """A condition that a generator accepts and that shows nothing."""
    if spec.kind == "label":
        made = Condition(label=torch.zeros(1, height, width, dtype=torch.int32))
    else:
        made = Condition(image=torch.zeros(1, spec.channels, height, width))
    if spec.instance_edges:
        made.instance = torch.zeros(1, height, width, dtype=torch.int32)
    if canvas:
        made.canvas = torch.zeros(1, 4, height, width)
    return with_blank_guide(made) if guide else made


def with_blank_guide(condition: Condition) -> Condition:
    """The condition with a grey guide of its own layout, for measuring and warming up."""
    size = (condition.batch_size, 3, condition.height, condition.width)
    own = condition.label if condition.label is not None else condition.image
    return replace(condition, guide=torch.zeros(size, device=condition.device), guide_condition=own)


def _each(batch: Tensor, checked: Callable[[NDArray], NDArray]) -> Tensor:
    return torch.from_numpy(np.stack([checked(one) for one in batch.cpu().numpy()]))
