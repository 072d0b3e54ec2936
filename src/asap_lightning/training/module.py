"""The LightningModule: it schedules the updates of generator and discriminator, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from asap_lightning.checkpoint import ModelDescription
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.data.batch import Batch
from asap_lightning.errors import UserError
from asap_lightning.losses import TranslationObjective
from asap_lightning.metrics import MetricSuite
from asap_lightning.models import Generator, GeneratorOutput
from asap_lightning.models.discriminators import Features
from asap_lightning.training.diverged import check_finite
from asap_lightning.training.judging import judge_for_generator, judge_jointly
from asap_lightning.training.measuring import MeasuringModule
from asap_lightning.training.periodic import PeriodicMetrics
from asap_lightning.training.resumed_state import fit_average, keep_settings_over_loads
from asap_lightning.training.scaling import NetworkScalers
from asap_lightning.training.schedule import ConstantThenLinear
from asap_lightning.training.updates import check_settings, frozen, named_terms, total, with_guide
from asap_lightning.training.window import Part, Window, add_terms

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]
Order = Literal["generator_first", "discriminator_first"]
Terms = dict[str, Tensor]
CONSTANT = ConstantThenLinear(decay=0)


class TranslationModule(MeasuringModule):
    """Alternates generator and discriminator updates (manual optimization).

    A step is one generator update and ``d_steps_per_g`` discriminator updates on the same window of batches.
    `trainer.global_step`, ``max_steps``, checkpoint intervals and logged x-axes count generator updates.

    Args:
        generator: a network under the generator contract.
        discriminator: called with (condition planes, image); None when the objective needs none.
        objective: the named, weighted loss terms.
        generator_optimizer: makes the optimizer from the generator's parameters.
        discriminator_optimizer: likewise for the discriminator.
        schedule: factor of both learning rates as a function of (epoch, step).
        order: ``generator_first``: generator update, then discriminator update on a fresh fake (the
            authors'); ``discriminator_first``: discriminator, then generator, on one shared fake (pix2pix).
        d_steps_per_g: discriminator updates a generator update.
        share_fake: with ``generator_first``, reuse the generator step's image for the discriminator, which
            saves a forward pass but shows the discriminator the generator of before the update.
        accumulate: batches whose gradients make one update: the window. An epoch's last one may hold fewer.
            Every update takes the mean over the window's images, as one batch of all of them would.
        clip: largest gradient norm, for each network; None does not clip.
        ema: decay of an exponential moving average of the generator's weights, used in validation and
            prediction; None keeps none.
        compile: whether `torch.compile` is applied to both networks' training forward.
        metrics: what every validation measures; None takes PSNR, SSIM and L1.
        periodic: what only some validations measure.
        description: plain data from which a checkpoint's networks are built again.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: nn.Module | None,
        objective: TranslationObjective,
        *,
        generator_optimizer: OptimizerFactory,
        discriminator_optimizer: OptimizerFactory | None = None,
        schedule: Callable[[int, int], float] = CONSTANT,
        order: Order = "generator_first",
        d_steps_per_g: int = 1,
        share_fake: bool = False,
        accumulate: int = 1,
        clip: float | None = None,
        ema: float | None = None,
        compile: bool = False,
        metrics: MetricSuite | None = None,
        periodic: PeriodicMetrics | None = None,
        description: ModelDescription | None = None,
    ) -> None:
        super().__init__(metrics, description, periodic)
        self.automatic_optimization = False
        if objective.needs_discriminator != (discriminator is not None):
            raise UserError(
                "loss and discriminator do not fit: an adversarial loss needs discriminator=multiscale "
                "(or another), and a loss without one needs discriminator=none; "
                f"got {'no' if discriminator is None else 'a'} discriminator and "
                f"{'an' if objective.needs_discriminator else 'no'} adversarial term"
            )
        check_settings(order, d_steps_per_g, accumulate, clip, ema)
        self.generator, self.discriminator, self.objective = generator, discriminator, objective
        self.ema_generator = (
            AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(ema)) if ema is not None else None
        )
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        self.schedule = schedule
        self.order, self.d_steps_per_g, self.share_fake = order, d_steps_per_g, share_fake
        self.accumulate, self.clip = accumulate, clip
        self._held: list[Batch] = []  # of the window that is not whole yet
        self.on_judged: Callable[[Features, Features], None] | None = None
        if compile:
            generator.compile()
            if discriminator is not None:
                discriminator.compile()

    @property
    def spec(self) -> ConditionSpec:
        """The kind of condition the generator was built for."""
        return self.generator.spec

    @property
    def inference_generator(self) -> Generator:
        """The generator to translate with: the averaged one if there is an average."""
        if self.ema_generator is None:
            return self.generator
        averaged = self.ema_generator.module
        assert isinstance(averaged, Generator)
        return averaged

    def configure_optimizers(self) -> list[Optimizer]:
        """The generator's optimizer, then the discriminator's if there is one."""
        optimizers = [self.generator_optimizer(p for p in self.generator.parameters() if p.requires_grad)]
        if self.discriminator is not None:
            if self.discriminator_optimizer is None:
                raise UserError(
                    "optimizer.discriminator is missing: an adversarial loss needs two optimizers"
                )
            optimizers.append(self.discriminator_optimizer(self.discriminator.parameters()))
        for optimizer in optimizers:
            keep_settings_over_loads(optimizer)
        self._base_rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
        return optimizers

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """As the base's; an average of the weights begins or ends here if ``ema`` has changed."""
        super().on_load_checkpoint(checkpoint)
        fit_average(checkpoint["state_dict"], wanted=self.ema_generator is not None)

    def forward(self, condition: Condition) -> Tensor:
        """Translates conditions to images (B, 3, H, W) in [-1, 1] with the inference weights."""
        return self.inference_generator(condition).image

    @property
    def held_batches(self) -> int:
        return len(self._held)

    def on_fit_start(self) -> None:
        """Gives each network its loss scaler, and lets Lightning count windows where it counts steps."""
        self._scalers = NetworkScalers(self.trainer.precision_plugin, 1 if self.discriminator is None else 2)
        self.trainer.accumulate_grad_batches = self.accumulate

    def on_fit_end(self) -> None:
        self.trainer.accumulate_grad_batches = 1  # Lightning begins no manual optimization with another

    def on_train_epoch_start(self) -> None:
        self._held.clear()  # a training that was stopped inside a window goes on at its beginning

    def training_step(self, batch: Batch, batch_idx: int) -> Terms | None:
        """Takes a batch; with the last of its window updates both networks.

        Returns:
            The detached terms by logged name, means over the window's images; None inside a window.
        """
        self._held.append(with_guide(batch, self.generator) if self.generator.takes_guide else batch)
        if not self._closes_window(batch_idx):
            if self.trainer._results is not None:
                self.trainer._results.reset()  # or else Lightning would log the last window's values again
            return None
        window = Window(self._held, self.spec)
        self._held.clear()
        optimizers = self._prepared_optimizers()
        terms = self.over_processes(self._update(window, optimizers))
        self._log_step(terms, optimizers, window.images)
        return terms

    def _update(self, window: Window, optimizers: list[LightningOptimizer]) -> Terms:
        if self.discriminator is None:
            return self._update_generator(window, optimizers[0])[0]
        if self.order == "generator_first":
            terms, fakes = self._update_generator(window, optimizers[0])
            for _ in range(self.d_steps_per_g):
                terms |= self._update_discriminator(window, optimizers[1], fakes if self.share_fake else None)
            return terms
        # One fake for both. The graphs of several batches are not held: the generator makes them anew.
        output = self.generator(window.batches[0].condition) if len(window) == 1 else None
        fakes = (
            [self._fresh_fake(batch.condition) for batch in window.batches]
            if output is None
            else [output.image.detach()]
        )
        terms = {}
        for _ in range(self.d_steps_per_g):
            terms |= self._update_discriminator(window, optimizers[1], fakes)
        return self._update_generator(window, optimizers[0], output)[0] | terms

    def _update_generator(
        self, window: Window, optimizer: LightningOptimizer, output: GeneratorOutput | None = None
    ) -> tuple[Terms, list[Tensor]]:
        """One update; returns the terms and the images of before it."""
        sums: Terms = {}
        fakes = []
        with self._scalers.of(0):
            with frozen(self.discriminator):
                for part in window:
                    made = self.generator(part.batch.condition) if output is None else output
                    terms = self._generator_terms(part, made)
                    self._backward(terms, "loss_g", part.share)
                    add_terms(sums, named_terms(terms, "loss_g"), part.share)
                    fakes.append(made.image.detach())
                    del made, terms  # the graph, before the next batch makes its own
            self._step(optimizer)
        if self.ema_generator is not None:
            self.ema_generator.update_parameters(self.generator)
        return sums, fakes

    def _generator_terms(self, part: Part, output: GeneratorOutput) -> Terms:
        photo = part.batch.require_photo()
        fake = real = None
        if self.discriminator is not None:
            fake, real = judge_for_generator(
                self.discriminator,
                part.planes,
                output.image,
                photo,
                with_real=self.objective.needs_real_features,
            )
        more = self.generator.training_extras(part.batch.condition, photo, output.extras)
        if part.batch.own_exemplar is not None:
            more["own_exemplar"] = part.batch.own_exemplar
        return self.objective.generator_terms(
            output.image, photo, fake=fake, real=real, extras={**output.extras, **more}, planes=part.planes
        )

    @torch.no_grad()
    def _fresh_fake(self, condition: Condition) -> Tensor:
        return self.generator(condition).image

    def _update_discriminator(
        self, window: Window, optimizer: LightningOptimizer, fakes: list[Tensor] | None
    ) -> Terms:
        """One update, on these images of the window's conditions or on fresh ones."""
        assert self.discriminator is not None
        sums: Terms = {}
        with self._scalers.of(1):
            for index, (batch, planes, share) in enumerate(window):
                fake = self._fresh_fake(batch.condition) if fakes is None else fakes[index]
                judged = judge_jointly(self.discriminator, planes, fake, batch.require_photo())
                if self.on_judged is not None:  # a callback watches the verdicts on fake and real
                    self.on_judged(*judged)
                terms = self.objective.discriminator_terms(*judged)
                self._backward(terms, "loss_d", share)
                add_terms(sums, named_terms(terms, "loss_d"), share)
                del judged, terms
            self._step(optimizer)
        return sums

    def _backward(self, terms: Terms, prefix: str, share: float) -> None:
        if self.device.type == "cpu" or self._logs_now():  # reading a GPU's values every step would stall it
            check_finite(terms, prefix, self.global_step)
        self.manual_backward(total(terms) * share)

    def _step(self, optimizer: LightningOptimizer) -> None:
        self._scalers.unscale(optimizer.optimizer)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Clips the gradients, which no loss scaling multiplies any more."""
        if self.clip is not None:
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            nn.utils.clip_grad_norm_(parameters, self.clip)

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Ends a training by ``max_steps`` with a validation, so that its last weights are measured too."""
        if 0 < self.trainer.max_steps <= self.global_step:
            self.trainer.should_stop = True

    def _prepared_optimizers(self) -> list[LightningOptimizer]:
        """The optimizers, their rates set, arranged so that only the generator's updates are counted.

        Lightning counts every optimizer's steps in `trainer.global_step`; the discriminator's keep only the
        profiler part of Lightning's hooks (Lightning-AI/pytorch-lightning issue 17958).
        """
        found = self.optimizers()
        optimizers = list(found) if isinstance(found, list) else [found]
        factor = self.schedule(self.current_epoch, self.global_step)
        for optimizer, rates in zip(optimizers, self._base_rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
        profiler = self.trainer.profiler  # type: ignore[attr-defined]  # Lightning annotates it nowhere
        for optimizer in optimizers[1:]:
            optimizer._on_before_step = lambda: profiler.start("optimizer_step")
            optimizer._on_after_step = lambda: profiler.stop("optimizer_step")
        return optimizers

    def _closes_window(self, batch_idx: int) -> bool:
        """Whether this batch ends an accumulation window; the last batch of an epoch always does."""
        return (batch_idx + 1) % self.accumulate == 0 or self.trainer.is_last_batch

    def _logs_now(self) -> bool:
        return (self.global_step + 1) % max(1, self.trainer.log_every_n_steps) == 0  # type: ignore[attr-defined]

    def _log_step(self, terms: Terms, optimizers: list[LightningOptimizer], batch_size: int) -> None:
        names = ("lr/generator", "lr/discriminator")
        rates = {n: float(o.param_groups[0]["lr"]) for n, o in zip(names, optimizers, strict=False)}
        self.log_dict({**terms, **rates}, batch_size=batch_size)
        self.log("step", float(self.global_step), batch_size=batch_size)
        self.log("epoch", float(self.current_epoch), batch_size=batch_size)
