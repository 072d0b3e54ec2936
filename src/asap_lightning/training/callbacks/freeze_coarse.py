"""pix2pixHD's second stage: the global generator rests while the local enhancer learns."""

from __future__ import annotations

from collections.abc import Callable

from pytorch_lightning import Callback, LightningModule, Trainer

from asap_lightning.errors import UserError


class FreezeCoarse(Callback):
    """Freezes the generator's coarse part during the first epochs (pix2pixHD section 3.2: 20 epochs).

    Works with every generator that has ``freeze_coarse(frozen)``. The state follows from the epoch alone, so
    a resumed run continues exactly.

    Args:
        epochs: how many epochs it rests.
    """

    def __init__(self, epochs: int = 20) -> None:
        if epochs < 0:
            raise ValueError(f"epochs must be >= 0, got {epochs}")
        self.epochs = epochs

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not hasattr(pl_module.generator, "freeze_coarse"):
            raise UserError(
                f"callbacks.freeze_coarse: {type(pl_module.generator).__name__} has no coarse part to "
                "freeze; use it with generator=pix2pixhd_local, or remove it with ~callbacks.freeze_coarse"
            )

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        freeze: Callable[[bool], None] = getattr(pl_module.generator, "freeze_coarse")  # noqa: B009
        freeze(trainer.current_epoch < self.epochs)
