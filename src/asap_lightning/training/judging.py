"""How a discriminator is shown generated and real images."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrize

from asap_lightning.models.discriminators.base import Features


def mixes_batch(discriminator: nn.Module) -> bool:
    """Whether an image's verdict depends on its batch (batch norm), so real and fake must share one."""
    return any(isinstance(module, _BatchNorm) for module in discriminator.modules())


def split_halves(features: Features) -> tuple[Features, Features]:
    """Features of a joint batch -> those of its first and of its second half."""
    first = [[f.chunk(2)[0] for f in scale] for scale in features]
    second = [[f.chunk(2)[1] for f in scale] for scale in features]
    return first, second


def judge_jointly(
    discriminator: nn.Module, planes: Tensor, fake: Tensor, photo: Tensor
) -> tuple[Features, Features]:
    """Generated and real images as one batch -> (features of the fake, of the real)."""
    return split_halves(discriminator(torch.cat([planes, planes]), torch.cat([fake, photo])))


def judge_for_generator(
    discriminator: nn.Module, planes: Tensor, fake: Tensor, photo: Tensor, *, with_real: bool
) -> tuple[Features, Features | None]:
    """The verdict that trains the generator: no graph is kept for the real half, which gets no gradient.

    The normalised weights are computed once for both halves, so spectral norm makes one power iteration,
    as with a joint batch; a discriminator that mixes its batch is still shown a joint one.
    """
    if mixes_batch(discriminator):
        judged_fake, judged_real = judge_jointly(discriminator, planes, fake, photo)
        return judged_fake, judged_real if with_real else None
    with parametrize.cached():
        judged_fake = discriminator(planes, fake)
        if not with_real:
            return judged_fake, None
        with torch.no_grad():
            return judged_fake, discriminator(planes, photo)
