"""What a training shows: its progress through the scales, pictures of each, and a table at the end."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from rich.console import Console
from rich.table import Table

from asap_lightning.data.panels import Picture, photo_to_image, save_png, tile
from asap_lightning.run_folder.names import SAMPLES
from asap_lightning.singan.levels import draw_noises, finest
from asap_lightning.singan_training.module import SinGanModule
from asap_lightning.training.callbacks.logged_values import run_folder
from asap_lightning.training.callbacks.media import log_images
from asap_lightning.training.callbacks.progress import TrainingProgress, duration, loss_text, number


class ScaleProgress(TrainingProgress):
    """Shows scale k of N, iterations, iterations a second, time left and the loss terms.

    The time left reckons with what the later, finer scales take. Arguments: as `TrainingProgress`.
    """

    _began: float | None = None
    _done = 0
    _scale = -1

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, SinGanModule)
        if isinstance(outputs, Mapping):
            self._losses = outputs
        now = time.perf_counter()
        if pl_module.scale != self._scale or self._began is None:  # each scale has a pace of its own
            self._scale, self._began, self._done = pl_module.scale, now, 0
        else:
            self._done += 1
        if self.is_enabled and (now - self._shown >= self._period or pl_module.done):
            self._shown = now
            self._show(trainer, self._text(pl_module, now))

    def _text(self, module: SinGanModule, now: float) -> str:
        where = (
            f"scale {module.scale + 1} of {module.plan.count}  {module.iteration}/{module.recipe.iterations}"
        )
        if self._done and self._began is not None:
            pace = self._done / max(now - self._began, 1e-9)
            where += f"  {number(pace)} it/s  left {duration(module.work_left() / pace)}"
        return f"{where}  {loss_text(self._losses)}"

    def _show(self, trainer: Trainer, text: str) -> None:
        if self._bar is not None and self._train_task is not None:
            self._bar.update(self._train_task, completed=trainer.global_step, description="", text=text)
        elif not self.live:
            self.console.print(text, highlight=False, soft_wrap=True)


class ScalePanels(Callback):
    """Writes ``samples/scale_01.png`` and so on when a scale is done: the image, its reconstruction, samples.

    Their noises come from a stream of their own, so that they change no training; after a resume the
    pictures that a killed process did not come to are made.

    Args:
        count: samples shown.
        seed: of their noises.
    """

    output_name = "samples"

    def __init__(self, count: int = 4, seed: int = 0) -> None:
        self.count, self.seed = count, seed

    def path(self, trainer: Trainer) -> Path:
        """Where the pictures lie."""
        return run_folder(trainer) / SAMPLES

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._write_missing(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, SinGanModule)
        if pl_module.iteration == 0 or pl_module.done:
            self._write_missing(trainer, pl_module)

    def _write_missing(self, trainer: Trainer, module: LightningModule) -> None:
        assert isinstance(module, SinGanModule)
        for index in range(len(module.finished)):
            path = self.path(trainer) / f"scale_{index + 1:02d}.png"
            if not path.exists():
                panel = scale_panel(module, index, self.count, self.seed)
                save_png(path, panel)
                log_images(trainer, "val/samples", [(f"scale {index + 1}", panel)])


def scale_panel(module: SinGanModule, index: int, count: int, seed: int) -> Picture:
    """The image at a finished scale, its reconstruction, and samples, side by side."""
    levels = module.levels[: index + 1]
    source = torch.Generator().manual_seed(seed)
    padded = module.recipe.updates.noise_padding
    pictures = [module.reals[index], finest(levels, [level.fixed_noise for level in levels])]
    for _ in range(count):
        noises = draw_noises(levels, padded=padded, generator=source)
        pictures.append(finest(levels, [noise.to(module.device) for noise in noises]))
    titles = ["image", "reconstruction", *(f"sample {number + 1}" for number in range(count))]
    return tile([[photo_to_image(picture[0]) for picture in pictures]], titles)


class ScaleTable(Callback):
    """Prints, when the training ends, a row a scale: size, channels, pace, noise amplitude, reconstruction.

    Args:
        console: where to write; by default standard output.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console if console is not None else Console()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, SinGanModule)
        if pl_module.facts:
            self.console.print()
            self.console.print(scale_table(pl_module.facts, pl_module.recipe.iterations))


def scale_table(facts: list[dict[str, float]], iterations: int) -> Table:
    """One row a finished scale."""
    seconds = sum(iterations / fact["iterations_per_second"] for fact in facts)
    title = f"{len(facts)} scales of {iterations} iterations in {duration(math.ceil(seconds))}"
    table = Table(title=title, title_justify="left")
    for heading in ("scale", "size", "channels", "it/s", "noise", "reconstruction dB"):
        table.add_column(heading, justify="right")
    for index, fact in enumerate(facts):
        table.add_row(
            str(index + 1),
            f"{fact['height']:.0f} x {fact['width']:.0f}",
            f"{fact['channels']:.0f}",
            number(fact["iterations_per_second"]),
            f"{fact['noise_amp']:.4f}",
            f"{fact['psnr']:.2f}",
        )
    return table
