"""pix2pixHD's feature clusters, fitted when a training ends."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from asap_lightning.models.pix2pixhd import Pix2pixHDGenerator, fit_clusters
from asap_lightning.training.checkpoint_writer import ends_training


class FitFeatureClusters(Callback):
    """Encodes the training photos and stores each class's k-means centres in the generator (section 3.4).

    It acts on pix2pixHD generators with instance features, after the last update and before the last
    checkpoint, so that the checkpoint translates without a guide; other generators are left alone.

    Args:
        images: how many training pairs are encoded.
    """

    def __init__(self, images: int = 500) -> None:
        if images < 1:
            raise ValueError(f"images must be at least 1, got {images}")
        self.images = images

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if ends_training(trainer):
            generator = getattr(pl_module, "inference_generator", None)
            if isinstance(generator, Pix2pixHDGenerator) and generator.clusters is not None:
                self.fit(trainer, generator, pl_module.device)

    @torch.no_grad()
    def fit(self, trainer: Trainer, generator: Pix2pixHDGenerator, device: torch.device) -> None:
        """Fits the clusters on the first training pairs, as evaluation sees them: not augmented."""
        was_training = generator.training
        generator.eval()
        pairs, seen = [], 0
        data = trainer.datamodule  # type: ignore[attr-defined]  # Lightning annotates it nowhere
        for batch in data.evaluation_dataloader("train"):
            moved = batch.to(device)
            pairs.append((moved.condition, moved.require_photo()))
            seen += len(batch)
            if seen >= self.images:
                break
        fit_clusters(generator, pairs)
        generator.train(was_training)
