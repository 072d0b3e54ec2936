"""PSNR, SSIM and L1 of generated images against photos.

What is compared are the images as a file would hold them: values in [-1, 1] are clamped, mapped to
[0, 1] and rounded to 8 bit, so the figures during training, of `asap evaluate` and of any program
that reads the written PNG files agree. Every figure is the mean over images of the image's own
figure (not of pooled pixels), so it depends neither on the batch size nor on how images are spread
over devices.

Axes: B batch, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, distributed
from torchmetrics import Metric
from torchmetrics.functional.image import structural_similarity_index_measure

from asap_lightning.metrics.scores import ImageScores

PSNR_CAP = 100.0
"""dB given to an image without any error, whose PSNR would be infinite and spoil every mean."""

SSIM_SIGMA = 1.5
"""Standard deviation of SSIM's Gaussian window (11 x 11), Wang et al. 2004."""


def to_eight_bit(image: Tensor) -> Tensor:
    """Maps [-1, 1] to [0, 1] in float32, clamped and rounded to multiples of 1/255."""
    unit = (image.detach().float().clamp(-1, 1) + 1) / 2
    return (unit * 255).round() / 255


def image_scores(generated: Tensor, photo: Tensor) -> ImageScores:
    """PSNR, SSIM and L1 of one image.

        PSNR = -10 log10(mean((g - p)^2)),  L1 = mean(|g - p|),  g, p in {0, 1/255, .., 1}

    SSIM is torchmetrics' (Gaussian window, sigma 1.5, reflected border); images of fewer than 6
    rows or columns get the widest window that their border can be reflected for.

    Args:
        generated: (3, H, W) in [-1, 1].
        photo: (3, H, W) in [-1, 1].

    Raises:
        ValueError: shapes differ, or there is no pixel.
    """
    if generated.shape != photo.shape or generated.dim() != 3 or not generated.numel():
        raise ValueError(
            "image_scores compares two (3, H, W) images of one size, "
            f"got {tuple(generated.shape)} and {tuple(photo.shape)}"
        )
    with torch.autocast(generated.device.type, enabled=False):
        g, p = to_eight_bit(generated), to_eight_bit(photo.to(generated.device))
        difference = g - p
        psnr = -10 * difference.square().mean().clamp(min=10 ** (-PSNR_CAP / 10)).log10()
        return ImageScores(psnr, _ssim(g, p), difference.abs().mean())


def _ssim(generated: Tensor, photo: Tensor) -> Tensor:
    shortest = min(generated.shape[-2:])
    # The window reaches int(3.5 sigma + 0.5) pixels; a reflected border must be narrower than the image.
    sigma = min(SSIM_SIGMA, (shortest - 1) / 3.5)
    window = {"sigma": sigma} if sigma > 0 else {"gaussian_kernel": False, "kernel_size": 1}
    value = structural_similarity_index_measure(
        generated.unsqueeze(0), photo.unsqueeze(0), data_range=1.0, reduction="none", **window
    )
    assert isinstance(value, Tensor)
    return value.reshape(())


class ImageMetrics(Metric):
    """Mean PSNR, SSIM and L1 over a data set; see the module's text for what exactly is compared.

    Sums and the count are added over processes, so under DDP ``compute`` gives the mean over all
    images seen by all of them.

    Example:
        >>> metrics = ImageMetrics()
        >>> photo = torch.zeros(2, 3, 16, 16)
        >>> metrics.update(photo + 0.2, photo)
        >>> {name: round(float(value), 3) for name, value in metrics.compute().items()}
        {'psnr': 20.172, 'ssim': 0.984, 'l1': 0.098}
    """

    full_state_update = False
    is_differentiable = False
    names = ImageScores._fields

    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in self.names:
            self.add_state(f"{name}_sum", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def update(
        self, generated: Tensor, photo: Tensor, valid: Sequence[tuple[int, int]] | None = None
    ) -> None:
        """Adds a batch.

        Args:
            generated: (B, 3, H, W) in [-1, 1].
            photo: (B, 3, H, W) in [-1, 1].
            valid: per image the height and width of its real content, top-left anchored; what lies
                outside is padding and is not compared.
        """
        if generated.shape != photo.shape:
            raise ValueError(f"generated is {tuple(generated.shape)}, photo is {tuple(photo.shape)}")
        sizes = valid if valid is not None else [tuple(generated.shape[-2:])] * len(generated)
        for image, target, (height, width) in zip(generated, photo, sizes, strict=True):
            scores = image_scores(image[:, :height, :width], target[:, :height, :width])
            # Not in place: states made in inference mode could not be updated outside of it.
            for name, score in zip(self.names, scores, strict=True):
                setattr(self, f"{name}_sum", getattr(self, f"{name}_sum") + score)
            self.count = self.count + 1

    @property
    def has_updates(self) -> bool:
        """Whether there is something to compute: an image since the last reset.

        With several processes always true, since one without a share of the images must still take
        part when the others add up theirs.
        """
        many = (
            distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1
        )
        return many or bool(self.update_called)

    def compute(self) -> dict[str, Tensor]:
        """``{"psnr", "ssim", "l1"}``: means over images; NaN if there was no image."""
        return {name: getattr(self, f"{name}_sum") / self.count for name in self.names}
