"""``config.yaml``: the configuration a run was made with, all references resolved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pytorch_lightning import Callback, LightningModule, Trainer

from asap_lightning.files import atomic_write
from asap_lightning.run_folder.names import CONFIG
from asap_lightning.training.callbacks.logged_values import run_folder


class ResolvedConfig(Callback):
    """Writes ``<run>/config.yaml`` before the first step.

    A resume with another configuration does not overwrite what the run was started with: its
    configuration is written beside it as ``config_from_step_<N>.yaml``.

    Args:
        config: plain containers only, everything resolved.
        folder: the run's folder; by default ``trainer.default_root_dir``.
    """

    output_name = "config"

    def __init__(self, config: Mapping[str, Any], folder: str | Path | None = None) -> None:
        self.text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
        self.folder = folder

    def path(self, trainer: Trainer) -> Path:
        """Where the file lies."""
        return run_folder(trainer, self.folder) / CONFIG

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        path = self.path(trainer)
        if path.exists() and trainer.ckpt_path is not None:
            if path.read_text(encoding="utf-8") == self.text:
                return
            path = path.with_name(f"config_from_step_{trainer.global_step}.yaml")
        with atomic_write(path, "w") as file:
            file.write(self.text)
