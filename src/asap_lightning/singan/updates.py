"""The updates of one scale: some of the discriminator, then some of the generator (section 2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from asap_lightning.singan.adversaries import Critic, Made, Maker
from asap_lightning.singan.levels import Level, LowerDraws, draw_noise, pad, reconstruct
from asap_lightning.singan.losses import Terms, patch_weights, reconstruction, weighted_mean
from asap_lightning.singan.networks import ScaleDiscriminator, ScaleGenerator

NOISE_AMPLITUDE = 0.1


@dataclass(frozen=True)
class UpdateSettings:
    """Numbers of an iteration; the defaults are the paper's.

    Attributes:
        discriminator_steps: updates of the discriminator, each on a fresh fake.
        generator_steps: updates of the generator; the first is on the last of those fakes.
        reconstruction: weight of the reconstruction; 100 for super-resolution.
        penalty: weight of the gradient penalty.
        published_gradients: as PyTorch up to 1.4 computed the published program: the second and later
            generator updates go back through the first one's pass, by weights that have changed meanwhile.
            False makes the fake anew.
        noise_padding: whether noise instead of zeros surrounds the noise, as for animations.
    """

    discriminator_steps: int = 3
    generator_steps: int = 3
    reconstruction: float = 10.0
    penalty: float = 0.1
    published_gradients: bool = False
    noise_padding: bool = False


class Noises:
    """The random numbers of a scale's iterations.

    Args:
        size: of the scale.
        width: of the padding.
        draws: of the scales below; None at the coarsest.
        generator: of random numbers, on the CPU.
        noise_padding: see `UpdateSettings`.
    """

    def __init__(
        self,
        size: tuple[int, int],
        width: int,
        draws: LowerDraws | None,
        generator: torch.Generator | None = None,
        *,
        noise_padding: bool = False,
    ) -> None:
        self.size, self.width, self.draws = size, width, draws
        self.generator = generator or torch.default_generator
        self.noise_padding = noise_padding

    def noise(self) -> Tensor:
        """As it enters the generator, (1, 3, h + 2 width, w + 2 width)."""
        return draw_noise(
            self.size,
            self.width,
            coarsest=self.draws is None,
            padded=self.noise_padding,
            generator=self.generator,
        )

    def previous(self) -> Tensor:
        """A random image of the scales below, (1, 3, h, w); zeros at the coarsest."""
        return torch.zeros(1, 3, *self.size) if self.draws is None else self.draws()

    def alpha(self) -> Tensor:
        """The gradient penalty's mixing factor, (1, 1)."""
        return torch.rand(1, 1, generator=self.generator)


class ScaleTraining:
    """One scale in training.

    Args:
        real: the image at this scale, (1, 3, h, w) in [-1, 1].
        levels: the finished scales below, the coarsest first.
        generator, discriminator: the networks that are trained.
        noises: random numbers.
        settings: of an iteration.
        region: (1, 1, h, w), 1 where the image counts; None: everywhere.

    Attributes:
        amplitude: standard deviation of the noise: 1 at the coarsest scale, else 0.1 times the root mean
            squared error of the enlarged reconstruction.
        fixed_noise: z*, padded: at the coarsest scale drawn anew every iteration, the last one is kept; zeros
            above.
    """

    def __init__(
        self,
        real: Tensor,
        levels: Sequence[Level],
        generator: ScaleGenerator,
        discriminator: ScaleDiscriminator,
        noises: Noises,
        settings: UpdateSettings,
        region: Tensor | None = None,
    ) -> None:
        self.real, self.generator = real, generator
        self.noises, self.settings, self.region = noises, settings, region
        self.coarsest = not levels
        self.width = generator.network.lost // 2
        self.maker = Maker(generator)
        patches = None if region is None else patch_weights(region, discriminator.network.lost)
        self.critic = Critic(discriminator, patches)
        below = torch.zeros_like(real) if self.coarsest else reconstruct(levels)
        self.amplitude = 1.0 if self.coarsest else NOISE_AMPLITUDE * rmse(below, real, region)
        self.below = pad(below, self.width)
        self.fixed_noise = torch.zeros_like(self.below)

    def iterate(
        self, discriminator_optimizer: Optimizer, generator_optimizer: Optimizer
    ) -> tuple[list[Terms], list[Terms]]:
        """One iteration; the terms of every update of the discriminator and of the generator."""
        if self.coarsest:
            self.fixed_noise = self._here(self.noises.noise())
        noise = self._here(self.noises.noise())
        judged = []
        for _ in range(self.settings.discriminator_steps):
            previous = pad(self._here(self.noises.previous()), self.width)
            entering = noise if self.coarsest else self.amplitude * noise + previous
            fake = self.maker.make(entering, previous)
            judged.append(self._update_discriminator(fake.image, discriminator_optimizer))
        made = [self._update_generator([fake, *self._rebuilt()], generator_optimizer)]
        for _ in range(1, self.settings.generator_steps):
            if self.settings.published_gradients:
                both = [fake, *self._rebuilt()]
            else:
                both = self._made_anew(entering, previous)
            made.append(self._update_generator(both, generator_optimizer))
        return judged, made

    def _update_discriminator(self, fake: Tensor, optimizer: Optimizer) -> Terms:
        alpha = self._here(self.noises.alpha())
        terms = self.critic.set_gradients(self.real, fake, alpha, self.settings.penalty)
        optimizer.step()
        self.critic.passes.changed()
        return with_total(terms)

    def _update_generator(self, made: list[Made], optimizer: Optimizer) -> Terms:
        """One update, of a fake and, if it counts, a reconstruction: of two passes, or of one batch."""
        loss, gradient = self.critic.judge(made[0].image[:1])
        terms, gradients = {"adversarial": loss}, [gradient]
        if self.settings.reconstruction:
            rebuilt, weight = made[-1].image[-1:], self.settings.reconstruction
            terms["reconstruction"], gradient = reconstruction(rebuilt, self.real, weight, self.region)
            gradients.append(gradient)
        if len(made) < len(gradients):
            gradients = [torch.cat(gradients)]
        self.maker.set_gradients(list(zip(made, gradients, strict=True)))
        optimizer.step()
        self.maker.passes.changed()
        return with_total(terms)

    def _rebuilt(self) -> list[Made]:
        """The reconstruction in training mode, where it counts."""
        if not self.settings.reconstruction:
            return []
        return [self.maker.make(self.amplitude * self.fixed_noise + self.below, self.below)]

    def _made_anew(self, entering: Tensor, previous: Tensor) -> list[Made]:
        """The fake and, where it counts, the reconstruction in one batch."""
        if self.settings.reconstruction:
            entering = torch.cat([entering, self.amplitude * self.fixed_noise + self.below])
            previous = torch.cat([previous, self.below])
        return [self.maker.make(entering, previous)]

    def _here(self, drawn: Tensor) -> Tensor:
        return drawn.to(self.real.device)

    def reconstructed(self) -> Tensor:
        """The image that the fixed noise makes, in evaluation mode, (1, 3, h, w)."""
        was = self.generator.training
        self.generator.eval()
        with torch.no_grad():
            made = self.generator(self.amplitude * self.fixed_noise + self.below, self.below)
        self.generator.train(was)
        return made


def rmse(made: Tensor, real: Tensor, region: Tensor | None = None) -> float:
    """Root mean squared error, over the region if there is one."""
    return float(weighted_mean((made - real).square(), region).sqrt())


def with_total(terms: Terms) -> Terms:
    """The terms with their sum, ``total``."""
    return {**terms, "total": torch.stack(list(terms.values())).sum()}


def widths(count: int, base: int, most: int) -> list[int]:
    """Channels of every scale: doubled every four scales, up to ``most``."""
    return [min(base * 2 ** (index // 4), most) for index in range(count)]


def start_networks(
    width: int,
    previous: tuple[ScaleGenerator, ScaleDiscriminator] | None,
    **arguments: Any,
) -> tuple[ScaleGenerator, ScaleDiscriminator]:
    """The networks of a scale: copies of the previous scale's where the width is the same, else new ones."""
    pair = ScaleGenerator(width=width, **arguments), ScaleDiscriminator(width=width, **arguments)
    if previous is not None and previous[0].network.last.in_channels == width:
        for network, before in zip(pair, previous, strict=True):
            network.load_state_dict(before.state_dict())
    return pair


def make_optimizer(network: nn.Module, rate: float, beta: float, *, fused: bool = True) -> Optimizer:
    """Adam over all of a network's parameters, with betas (beta, 0.999)."""
    return torch.optim.Adam(network.parameters(), lr=rate, betas=(beta, 0.999), fused=fused)


def set_rates(optimizers: Sequence[Optimizer], rate: float, factor: float) -> None:
    """Both learning rates, at the factor of `rate_factor`."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate * factor


def rate_factor(iteration: int, iterations: int, decay_at: float = 0.8) -> float:
    """Factor of both learning rates: 0.1 from this share of the iterations on (1600 of 2000)."""
    return 0.1 if iteration >= decay_at * iterations else 1.0
