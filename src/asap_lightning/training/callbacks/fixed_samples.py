"""The same few validation samples at every validation, for what shows or measures them."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from math import isfinite
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from asap_lightning.data.batch import Batch
from asap_lightning.data.sample_pictures import spread


class FixedSamples(Callback):
    """Picks ``count`` samples, evenly over the validation set and the same every time.

    A subclass gets each of them in `take`. It reads what the module's ``validation_step`` returns:
    ``generated`` and ``batch``.

    Args:
        count: samples; with several processes, of those that the first process validates.
        longest: larger images are made smaller until their longer side has this many pixels; None
            shows every pixel.
    """

    def __init__(self, count: int, longest: int | None) -> None:
        if count < 1 or (longest is not None and longest < 1):
            raise ValueError(f"count and longest must be at least 1, got {count} and {longest}")
        self.count = count
        self.longest = longest
        self._seen = 0
        self._chosen: frozenset[int] | None = None

    def take(self, pl_module: LightningModule, batch: Batch, generated: Tensor, index: int) -> None:
        """Called for every chosen sample: number ``index`` of ``batch`` and of ``generated`` (B, 3, H, W)."""
        raise NotImplementedError

    def wanted(self, trainer: Trainer) -> bool:
        """Whether this validation is one to look at."""
        return not trainer.sanity_checking

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._seen, self._chosen = 0, None

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        here = trainer.is_global_zero and dataloader_idx == 0 and self.wanted(trainer)
        if not here or not isinstance(outputs, Mapping):
            return
        shown, generated = outputs["batch"], outputs["generated"]
        if self._chosen is None:
            self._chosen = spread(self.count, images_expected(trainer, len(shown.names)))
        for index in range(len(shown.names)):
            if self._seen + index in self._chosen:
                self.take(pl_module, shown, generated, index)
        self._seen += len(shown.names)


class EverMoreSeldom:
    """Thins out what is logged at validations, so that a long training does not fill a disk.

    The first ``dense`` evenly spaced validations are all due; later ones only when the training has grown
    by one part in ``dense`` since the last. So n of them leave about dense * (1 + ln(n / dense)).
    """

    def __init__(self, dense: int) -> None:
        if dense < 1:
            raise ValueError(f"dense must be at least 1, got {dense}")
        self.dense = dense
        self._last: int | None = None

    def due(self, step: int) -> bool:
        """Whether something is to be logged at ``step``."""
        return self._last is None or step >= self._last * (1 + 1 / self.dense)

    def logged(self, step: int) -> None:
        """Notes that it has been."""
        self._last = step


def images_expected(trainer: Trainer, batch_size: int) -> int:
    """How many images this process will validate, from the number of batches and their size."""
    batches = trainer.num_val_batches[0]
    if not isfinite(batches):
        return batch_size
    loader = trainer.val_dataloaders
    dataset = getattr(loader[0] if isinstance(loader, list | tuple) else loader, "dataset", None)
    total = int(batches) * batch_size
    return min(total, len(dataset)) if isinstance(dataset, Sized) else total
