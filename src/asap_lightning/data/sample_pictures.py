"""Pictures of one sample: condition, exemplar, generated, photo; (H, W, 3) uint8 arrays by name."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.batch import Batch
from asap_lightning.data.panels import Picture, condition_to_image, fit, photo_to_image


def column_titles(spec: ConditionSpec, names: Iterable[str]) -> list[str]:
    """Headings for what `sample_pictures` returns: ``label | generated | photo``."""
    return [spec.kind if name == "condition" else name for name in names]


def spread(count: int, total: int) -> frozenset[int]:
    """``count`` (or all, if there are fewer) indices, evenly over ``range(total)``, the first included."""
    shown = min(count, total)
    return frozenset(index * total // shown for index in range(shown))


def sample_pictures(
    batch: Batch, generated: Tensor, index: int, spec: ConditionSpec, longest: int | None = None
) -> dict[str, Picture]:
    """One sample's ``condition``, ``exemplar``, ``generated`` image and ``photo``, in this order.

    Args:
        batch: the batch that was translated.
        generated: (B, 3, H, W) in [-1, 1].
        index: which sample of the batch.
        spec: the kind of its condition.
        longest: larger pictures are made smaller until their longer side has this length.

    Returns:
        The pictures, without the exemplar or the photo where the batch has none. They show the sample's real
        content, without padding; an exemplar is another picture and stays whole.
    """
    height, width = batch.valid[index]
    pictures = {"condition": condition_to_image(batch.condition, spec, index)[:height, :width]}
    if batch.condition.guide is not None and batch.own_exemplar is not None:  # else the photo, for an encoder
        pictures["exemplar"] = photo_to_image(batch.condition.guide[index])
    pictures["generated"] = photo_to_image(generated[index])[:height, :width]
    if batch.photo is not None:
        pictures["photo"] = photo_to_image(batch.photo[index])[:height, :width]
    return pictures if longest is None else {name: fit(one, longest) for name, one in pictures.items()}
