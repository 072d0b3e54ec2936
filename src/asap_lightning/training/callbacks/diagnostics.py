"""What the adversarial game looks like inside: gradient norms and the discriminator's verdicts."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from asap_lightning.training.callbacks.logged_values import logs_now
from asap_lightning.training.callbacks.media import log_histogram

NETWORKS = ("generator", "discriminator")


class Diagnostics(Callback):
    """Logs gradient norms and what the discriminator says of generated and of real images.

    At logging steps, to every logger: ``grad_norm/generator`` and ``grad_norm/discriminator`` (L2, over all
    parameters, before clipping), ``discriminator/fake_mean`` and ``discriminator/real_mean`` (means of the
    predictions before any sigmoid, over all scales). Every ``histogram_every`` updates, to W&B and
    TensorBoard: the histograms ``discriminator/fake`` and ``discriminator/real``. With several processes,
    verdicts are those of the first one's images.

    Between those steps nothing is computed; at them the values stay on the device until they are logged.

    Args:
        gradient_norms: whether gradient norms are logged.
        verdicts: whether the means are logged.
        histogram_every: generator updates between two histograms; None draws none.
        bins: of a histogram.
    """

    def __init__(
        self,
        gradient_norms: bool = True,
        verdicts: bool = True,
        histogram_every: int | None = 500,
        bins: int = 64,
    ) -> None:
        if histogram_every is not None and histogram_every < 1:
            raise ValueError(f"histogram_every must be at least 1 or null, got {histogram_every}")
        if bins < 1:
            raise ValueError(f"bins must be at least 1, got {bins}")
        self.gradient_norms, self.verdicts = gradient_norms, verdicts
        self.histogram_every, self.bins = histogram_every, bins
        self._values: dict[str, Tensor] = {}
        self._judged: dict[str, list[Tensor]] = {}
        self._logs = False
        self._draws = False
        self._last_step = -1

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._last_step = trainer.global_step

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        step, every = trainer.global_step + 1, trainer.log_every_n_steps  # type: ignore[attr-defined]
        self._logs = every > 0 and step % every == 0
        self._draws = self.histogram_every is not None and step % self.histogram_every == 0
        if (self._logs and self.verdicts) or self._draws:
            pl_module.on_judged = self._keep  # type: ignore[assignment]

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        if not (self._logs and self.gradient_norms):
            return
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        gradients = [p.grad for p in parameters if p.grad is not None]
        if gradients:
            name = NETWORKS[trainer.optimizers.index(optimizer)]
            self._values[f"grad_norm/{name}"] = torch.nn.utils.get_total_norm(gradients)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not (self._logs or self._draws):
            return
        pl_module.on_judged = None  # type: ignore[assignment]
        judged, self._judged = self._judged, {}
        values, self._values = self._values, {}
        if trainer.global_step == self._last_step:  # in the middle of an accumulation window
            return
        self._last_step = trainer.global_step
        if self._draws:
            for name, scales in judged.items():
                log_histogram(trainer, f"discriminator/{name}", torch.cat(scales).cpu().numpy(), self.bins)
        if logs_now(trainer):
            if self.verdicts:
                for name, scales in judged.items():
                    values[f"discriminator/{name}_mean"] = torch.cat(scales).mean()
            if values:
                pl_module.log_dict(values, batch_size=1)

    def _keep(self, fake: list[list[Tensor]], real: list[list[Tensor]]) -> None:
        """Keeps the predictions, the last of each scale's features."""
        for name, scales in (("fake", fake), ("real", real)):
            self._judged[name] = [features[-1].detach().float().flatten() for features in scales]
