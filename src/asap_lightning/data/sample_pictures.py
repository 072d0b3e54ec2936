"""Pictures of one sample: condition, generated, photo; (H, W, 3) uint8 arrays."""

from __future__ import annotations

from torch import Tensor

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.batch import Batch
from asap_lightning.data.panels import Picture, condition_to_image, fit, photo_to_image


def column_titles(spec: ConditionSpec, with_photo: bool = True) -> list[str]:
    """Headings for what `sample_pictures` returns: ``label | generated | photo``."""
    return [spec.kind, "generated", *(["photo"] if with_photo else [])]


def spread(count: int, total: int) -> frozenset[int]:
    """``count`` (or all, if there are fewer) indices, evenly over ``range(total)``, the first included."""
    shown = min(count, total)
    return frozenset(index * total // shown for index in range(shown))


def sample_pictures(
    batch: Batch, generated: Tensor, index: int, spec: ConditionSpec, longest: int | None = None
) -> list[Picture]:
    """One sample's condition, generated image and, if there is one, photo.

    Args:
        batch: the batch that was translated.
        generated: (B, 3, H, W) in [-1, 1].
        index: which sample of the batch.
        spec: the kind of its condition.
        longest: larger pictures are made smaller until their longer side has this length.

    Returns:
        Two or three pictures of the sample's real content, without padding.
    """
    height, width = batch.valid[index]
    pictures = [condition_to_image(batch.condition, spec, index), photo_to_image(generated[index])]
    if batch.photo is not None:
        pictures.append(photo_to_image(batch.photo[index]))
    cut = [picture[:height, :width] for picture in pictures]
    return cut if longest is None else [fit(picture, longest) for picture in cut]
