"""Both networks of a scale in training: what they compute, and how their parameters' gradients come about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from asap_lightning.singan.losses import Terms, score_weights, slope_penalty
from asap_lightning.singan.networks import ScaleDiscriminator, ScaleGenerator, center_crop
from asap_lightning.singan.passes import Along, Gradients, Passes, Reverse, Trace


@dataclass(frozen=True)
class Made:
    """Images of the generator, (B, 3, h, w), and how they came about.

    Attributes:
        image: residual + previous.
        residual: the tanh of the network's result.
        trace: of the pass.
    """

    image: Tensor
    residual: Tensor
    trace: Trace


class Maker:
    """A scale's generator in training mode.

    Args:
        generator: as `ScaleGenerator` has it.
        backend: see `asap_lightning.ops.patch.patch_kernels`.
    """

    def __init__(self, generator: ScaleGenerator, *, backend: str | None = None) -> None:
        self.passes = Passes(generator.network, backend=backend)

    @torch.no_grad()
    def make(self, noise: Tensor, previous: Tensor) -> Made:
        """As `ScaleGenerator.forward`; the images of a batch have statistics of their own."""
        kernels = self.passes.kernels
        result, trace = self.passes.forward(kernels.enter(noise))
        residual = torch.tanh(kernels.leave(result))
        image = residual + center_crop(previous, residual.shape[-2], residual.shape[-1])
        return Made(image, residual, trace)

    @torch.no_grad()
    def set_gradients(self, parts: Sequence[tuple[Made, Tensor]]) -> None:
        """Sets the parameters' ``grad`` from those of the images, (B, 3, h, w), by the present weights."""
        gradients = Gradients(self.passes)
        for made, upstream in parts:
            of_result = upstream * (1 - made.residual.square())
            gradients.add(self.passes.present(made.trace), self.passes.kernels.enter(of_result))
        gradients.set()


class Critic:
    """A scale's discriminator in training mode.

    Args:
        discriminator: as `ScaleDiscriminator` has it.
        patches: (1, 1, h', w'), weights of the real image's patches; None: all count alike.
        backend: see `asap_lightning.ops.patch.patch_kernels`.
    """

    def __init__(
        self,
        discriminator: ScaleDiscriminator,
        patches: Tensor | None = None,
        *,
        backend: str | None = None,
    ) -> None:
        self.passes, self.patches = Passes(discriminator.network, backend=backend), patches

    @torch.no_grad()
    def set_gradients(self, real: Tensor, fake: Tensor, alpha: Tensor, penalty: float) -> Terms:
        """What the discriminator minimises: mean D(fake) - mean D(real) + penalty * gradient penalty.

        The real image, the fake and their mixture go through the network together, each with its own
        statistics; the parameters' ``grad`` is set.

        Args:
            real: the image at this scale, (1, 3, h, w).
            fake: likewise.
            alpha: (1, 1), share of the real image in the mixture.
            penalty: weight of the gradient penalty.
        """
        kernels = self.passes.kernels
        images = torch.cat([real, fake, alpha * real + (1 - alpha) * fake])
        result, trace = self.passes.forward(kernels.enter(images))
        scores = kernels.leave(result)
        of_mixture = trace.of(slice(2, 3))
        reverse = Reverse(self.passes, of_mixture, torch.ones_like(result[2:]))
        value, direction = slope_penalty(kernels.leave(reverse.image), penalty)
        along = Along(self.passes, of_mixture, reverse, kernels.enter(direction))
        of_real = -score_weights(scores[:1], self.patches)
        of_fake = score_weights(scores[1:2], None)
        upstream = torch.cat([of_real, of_fake, torch.zeros_like(of_fake)])
        gradients = Gradients(self.passes)
        gradients.add(trace, kernels.enter(upstream), along)
        gradients.set()
        return {"real": (of_real * scores[:1]).sum(), "fake": scores[1:2].mean(), "penalty": value}

    @torch.no_grad()
    def judge(self, fake: Tensor) -> tuple[Tensor, Tensor]:
        """The generator's adversarial loss, -mean D(fake), and its gradient with respect to the image."""
        kernels = self.passes.kernels
        result, trace = self.passes.forward(kernels.enter(fake))
        scores = kernels.leave(result)
        upstream = kernels.enter(-score_weights(scores, None))
        return -scores.mean(), kernels.leave(Reverse(self.passes, trace, upstream).image)
