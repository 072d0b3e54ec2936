"""The LightningModule that trains scale after scale."""

from __future__ import annotations

import math
import time
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import Optimizer

from asap_lightning.errors import UserError
from asap_lightning.singan.checkpoint import ENTRY, Pyramid, Scale, generator_of, pyramid_in
from asap_lightning.singan.levels import Level, LowerDraws
from asap_lightning.singan.losses import Terms
from asap_lightning.singan.pyramid import Plan, make_levels
from asap_lightning.singan.updates import (
    Noises,
    ScaleTraining,
    make_optimizer,
    rate_factor,
    set_rates,
    start_networks,
)
from asap_lightning.singan_training.position import Position
from asap_lightning.singan_training.recipe import Recipe, cost, fingerprint
from asap_lightning.training.diverged import check_finite
from asap_lightning.training.resumable import ResumableModule

POSITION = "singan_training"
"""Entry of a training's checkpoint: where in which scale it stands."""


class SinGanModule(ResumableModule):
    """Trains one generator and one discriminator a scale (manual optimization, WGAN-GP).

    A step is one iteration: some updates of the discriminator, then some of the generator, and
    `trainer.global_step` counts iterations over all scales. When a scale's last iteration is done, its
    generator is frozen, the next scale's networks start (from its weights where the widths agree), and so do
    their optimizers; a checkpoint written then is one of the next scale's beginning.

    Args:
        image: (1, 3, H, W) in [-1, 1].
        recipe: sizes, networks, updates.
        seed: of the random images of the finished scales.
        region: (1, 1, H, W), 1 where the image counts; None: everywhere.
        ahead: random images of the finished scales that are made at once; None: as many as fit into some MB.

    Attributes:
        finished: the scales that are done.
        facts: of each: size, iterations a second, noise amplitude, PSNR of its reconstruction.
        scale: index of the one in training.
        iteration: how many of its iterations are done.

    Raises:
        UserError: the image is too small.
    """

    def __init__(
        self,
        image: Tensor,
        recipe: Recipe,
        *,
        seed: int = 0,
        region: Tensor | None = None,
        ahead: int | None = None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.recipe, self.seed, self.ahead = recipe, seed, ahead
        self.plan: Plan = recipe.plan(image.shape[-2], image.shape[-1])
        self.reals = make_levels(image, self.plan)
        self.regions = None if region is None else [_shrunk(region, size) for size in self.plan.sizes]
        self.image_key = fingerprint(image, region)
        self.arguments = recipe.networks(self.plan.count)
        self.finished: list[Scale] = []
        self.facts: list[dict[str, float]] = []
        self.levels: list[Level] = []
        self.scale = self.iteration = 0
        self._seconds = 0.0
        self._draws_state: dict[str, Any] | None = None
        self._training: ScaleTraining | None = None
        self.generator, self.discriminator = start_networks(previous=None, **self.arguments[0])

    @property
    def total(self) -> int:
        """Iterations of all scales."""
        return self.plan.count * self.recipe.iterations

    @property
    def done(self) -> bool:
        return len(self.finished) == self.plan.count

    @property
    def pyramid(self) -> Pyramid:
        """What is finished."""
        return Pyramid(tuple(self.finished), self.plan.factor, self.plan.count, self.recipe.task)

    def work_left(self) -> float:
        """What is left, in iterations of the present scale: finer scales take longer."""
        costs = [
            cost(size, arguments["width"], arguments["layers"])
            for size, arguments in zip(self.plan.sizes, self.arguments, strict=True)
        ]
        later = sum(costs[self.scale + 1 :]) / costs[self.scale]
        return self.recipe.iterations * (1 + later) - self.iteration

    def train_dataloader(self) -> range:
        """The numbers of the iterations; the image is in the module."""
        return range(self.total)

    def configure_optimizers(self) -> list[Optimizer]:
        """The present scale's: the generator's, then the discriminator's."""
        return [
            make_optimizer(network, self.recipe.learning_rate, self.recipe.beta)
            for network in (self.generator, self.discriminator)
        ]

    def on_fit_start(self) -> None:
        """Brings the images to the device, and the present scale into training."""
        if self.trainer.world_size > 1:
            raise UserError("SinGAN is trained by one process on one device: trainer.devices=1")
        self.reals = [real.to(self.device) for real in self.reals]
        if self.regions is not None:
            self.regions = [region.to(self.device) for region in self.regions]
        self.levels = [self._level(index) for index in range(len(self.finished))]
        self._begin_scale()

    def training_step(self, batch: int, batch_idx: int) -> Terms:
        """One iteration; the terms of its last updates by logged name."""
        assert self._training is not None
        began = time.perf_counter()
        generator_optimizer, discriminator_optimizer = self._raw_optimizers()
        judged, made = self._training.iterate(discriminator_optimizer, generator_optimizer)
        self._count_step()
        terms = _named(judged[-1], "loss_d") | _named(made[-1], "loss_g")
        if self.device.type == "cpu" or self.global_step % 50 == 0:  # reading a GPU's values makes it wait
            check_finite(terms, "", self.global_step)
        self.iteration += 1
        self._seconds += time.perf_counter() - began
        at = {"scale": float(self.scale), "lr/generator": generator_optimizer.param_groups[0]["lr"]}
        if self.iteration == self.recipe.iterations:
            self._finish_scale()
        if self.global_step % max(1, self.trainer.log_every_n_steps) == 0:  # type: ignore[attr-defined]
            self._log_step(terms, at)
        return terms

    def _log_step(self, terms: Terms, at: dict[str, float]) -> None:
        """Only where loggers take it: Lightning's bookkeeping takes as long as a small scale's update."""
        # of the last finished scale, in every row: Lightning would repeat it, and a resumed run not know it
        psnr = {"scale/psnr": self.facts[-1]["psnr"]} if self.facts else {}
        self.log_dict({**terms, **at, **psnr, "step": float(self.global_step)}, batch_size=1)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds what is finished, and where the present scale stands."""
        super().on_save_checkpoint(checkpoint)
        checkpoint[ENTRY] = self.pyramid.as_dict()
        draws = None if self._training is None else self._training.noises.draws
        checkpoint[POSITION] = Position(
            recipe=self.recipe.as_dict(),
            image=self.image_key,
            seed=self.seed,
            scale=self.scale,
            iteration=self.iteration,
            seconds=self._seconds,
            facts=self.facts,
            draws=None if draws is None else draws.state_dict(),
        ).as_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes the finished scales, and makes the networks of the one in training.

        Raises:
            UserError: of another image, or of other settings.
        """
        super().on_load_checkpoint(checkpoint)
        pyramid = pyramid_in(checkpoint, "the checkpoint")
        position = Position.read(checkpoint.get(POSITION), "the checkpoint")
        position.compare(self.recipe, self.image_key, self.seed)
        last = self.plan.count - 1
        if position.scale != min(len(pyramid.scales), last) or pyramid.count != self.plan.count:
            raise UserError("the checkpoint's scales do not belong together: the file is damaged")
        self.finished, self.facts = list(pyramid.scales), position.facts
        self.scale, self.iteration = position.scale, position.iteration
        self._seconds, self._draws_state = position.seconds, position.draws
        self.generator, self.discriminator = start_networks(previous=None, **self.arguments[self.scale])

    def _begin_scale(self) -> None:
        size = self.plan.sizes[self.scale]
        padded = self.recipe.updates.noise_padding
        draws = None
        if self.scale:
            seed = (self.seed * 1009 + self.scale) % 2**63
            draws = LowerDraws(self.levels[: self.scale], seed, ahead=self.ahead, padded=padded)
            if self._draws_state is not None:
                draws.load_state_dict(self._draws_state)
        self._draws_state = None
        self._training = ScaleTraining(
            self.reals[self.scale],
            self.levels[: self.scale],
            self.generator,
            self.discriminator,
            Noises(size, self.generator.network.lost // 2, draws, noise_padding=padded),
            self.recipe.updates,
            None if self.regions is None else self.regions[self.scale],
        )

    def _finish_scale(self) -> None:
        """Freezes the scale; the next one's networks and optimizers begin."""
        training = self._training
        assert training is not None
        real = training.real
        error = float(F.mse_loss(training.reconstructed().clamp(-1, 1), real))
        self.facts.append(
            {
                "height": float(real.shape[-2]),
                "width": float(real.shape[-1]),
                "channels": float(self.arguments[self.scale]["width"]),
                "iterations_per_second": self.recipe.iterations / max(self._seconds, 1e-9),
                "noise_amp": training.amplitude,
                "psnr": 10 * math.log10(4 / max(error, 1e-12)),
            }
        )
        self.finished.append(
            {
                "arguments": dict(self.arguments[self.scale]),
                "state_dict": _copied(self.generator.state_dict()),
                "fixed_noise": training.fixed_noise.detach().cpu().clone(),
                "noise_amp": training.amplitude,
                "real": real.cpu(),
            }
        )
        self.levels.append(self._level(self.scale))
        if self.done:
            return
        previous = self.generator, self.discriminator
        self.scale, self.iteration, self._seconds = self.scale + 1, 0, 0.0
        generator, discriminator = start_networks(previous=previous, **self.arguments[self.scale])
        self.generator, self.discriminator = generator.to(self.device), discriminator.to(self.device)
        self.trainer.strategy.optimizers = self.configure_optimizers()
        self._begin_scale()

    def _level(self, index: int) -> Level:
        stored, sizes = self.finished[index], self.plan.sizes
        generator = generator_of(stored).to(self.device)
        above = sizes[index + 1] if index + 1 < len(sizes) else None
        return Level.of(stored, generator, above, self.plan.factor)

    def _raw_optimizers(self) -> list[Optimizer]:
        factor = rate_factor(self.iteration, self.recipe.iterations, self.recipe.decay_at)
        optimizers = list(self.trainer.strategy.optimizers)
        set_rates(optimizers, self.recipe.learning_rate, factor)
        return optimizers

    def _count_step(self) -> None:
        """One step for Lightning, which would count every optimizer's: six an iteration."""
        progress = self.trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress
        progress.increment_ready()
        progress.increment_completed()


def _named(terms: Terms, prefix: str) -> Terms:
    return {f"{prefix}/{name}": value for name, value in terms.items()}


def _copied(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in state.items()}


def _shrunk(region: Tensor, size: tuple[int, int]) -> Tensor:
    """A region at a scale's size: where most of a pixel lies inside; everything where none does."""
    small = (F.interpolate(region, size=size, mode="area") > 0.5).float()
    return small if small.any() else torch.ones_like(small)
