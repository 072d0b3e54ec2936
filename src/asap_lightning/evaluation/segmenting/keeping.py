"""A fitted segmenter on disk, under the hash of everything that decides it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from asap_lightning.data import PairedData
from asap_lightning.errors import UserError
from asap_lightning.evaluation.segmenting.fitting import NORMALISATION, FitSettings, fit
from asap_lightning.evaluation.segmenting.pairs import read_pairs
from asap_lightning.files import atomic_write
from asap_lightning.locks import lock_at
from asap_lightning.models.described import fill, sketch
from asap_lightning.models.segmenters.compact import CompactUNet
from asap_lightning.models.segmenters.segmenter import Segmenter
from asap_lightning.untrusted import load_torch
from asap_lightning.wording import counted

VERSION = 1
"""Raised by every change of the fitting that changes its result."""
TARGET = "asap_lightning.models.segmenters.CompactUNet"


def fitted_segmenter(
    data: PairedData,
    settings: FitSettings,
    folder: Path,
    *,
    device: torch.device | str = "cpu",
    on_read: Callable[[int, int], None] | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> Segmenter:
    """The segmenter of this data set and these settings: from the folder, or fitted now and put there.

    Of several processes that want the same one, one fits it and the others wait.

    Args:
        data: whose training pairs it learns from, at the size of the evaluation.
        settings: see `FitSettings`.
        folder: where fitted segmenters lie.
        device: where it is fitted.
        on_read: called with the number of pairs that were read, and of all.
        on_step: see `fit`.

    Raises:
        UserError: the data set has no label maps or photos, or the kept file is spoiled.
    """
    pairs = read_pairs(data, settings.pairs, on_read)
    stated = json.dumps({"version": VERSION, "data": pairs.digest, "fit": asdict(settings)}, sort_keys=True)
    path = folder / f"{hashlib.sha256(stated.encode()).hexdigest()[:24]}.pt"
    classes = data.spec.num_classes
    with lock_at(path.with_suffix(".lock")):
        if not path.is_file():
            network = fit(pairs.photos, pairs.labels, classes, settings, device=device, on_step=on_step)
            _keep(path, network, settings)
    title = f"U-Net fitted to {counted(len(pairs), 'real pair')} ({settings.steps} updates)"
    return Segmenter(
        _read(path), classes, title=title, normalisation=NORMALISATION, class_names=data.spec.class_names
    )


def _keep(path: Path, network: CompactUNet, settings: FitSettings) -> None:
    state = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
    node = {
        "_target_": TARGET,
        "classes": network.head.out_channels,
        "width": settings.width,
        "levels": settings.levels,
    }
    with atomic_write(path) as file:
        torch.save({"segmenter": node, "state_dict": state}, file)


def _read(path: Path) -> torch.nn.Module:
    content: Any = load_torch(path)
    if not isinstance(content, dict) or not isinstance(content.get("state_dict"), dict):
        raise UserError(f"{path} holds no fitted segmenter: remove it, and it is fitted anew")
    state = content["state_dict"]
    network = sketch(content.get("segmenter"), "segmenter", str(path), len(state))
    fill(network, state, str(path))
    return network
