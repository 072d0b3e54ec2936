"""Model files: a generator alone, in one safetensors file that describes itself.

The tensors have the generator's own names. The text ``asap_lightning`` of the file's metadata is the entry of
a checkpoint (see `checkpoint`, which reads such a file too) as JSON, without the discriminator and without
what says something of the machine it was trained on; ``weights`` beside it says whether they are averaged
(``ema``) or not (``raw``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from asap_lightning.checkpoint import ENTRY, WEIGHTS, ModelDescription
from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.safetensors_file import write_safetensors

MODEL = "model.safetensors"
"""Its name in a folder that is shared."""
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_OF_THE_DATA = ("layout", "height", "width", "mode", "load_height", "load_width", "eval_mode", "odd_size")
_OF_THE_RUN = ("name", "seed", "generator", "loss", "optimizer", "training")
_OF_A_MACHINE = ("root", "cache", "weights", "files")


def write_model(
    path: str | os.PathLike[str],
    description: ModelDescription,
    weights: Mapping[str, Tensor],
    *,
    kind: str = "raw",
    dtype: str = "float32",
) -> None:
    """Writes a model file, atomically.

    Args:
        path: ends in ``.safetensors``.
        description: of the checkpoint; what is shared of it see `public`.
        weights: the generator's, by its own names.
        kind: ``ema`` or ``raw``: what they are.
        dtype: in which floats are stored: ``float32``, ``float16`` or ``bfloat16``; reading makes float32.

    Raises:
        UserError: a dtype that it is not, or weights that are not finite in it.
        OSError: the file cannot be written.
    """
    if dtype not in DTYPES:
        raise UserError(f"dtype={dtype}: one of {', '.join(DTYPES)} was expected")
    stored = {name: _stored(value, DTYPES[dtype]) for name, value in weights.items()}
    for name, value in stored.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise UserError(f"{name} is not finite in {dtype}; choose float32, or train again")
    texts = {"format": "pt", ENTRY: json.dumps(public(description).as_dict()), WEIGHTS: kind}
    with atomic_write(path) as file:
        write_safetensors(file, stored, texts)


def public(description: ModelDescription) -> ModelDescription:
    """What a shared file says of a model: enough to build it, to read its conditions and to train its like.

    Folders, names of files and everything else of the machine it was trained on stay behind.
    """
    config = description.config
    shared = {key: config[key] for key in _OF_THE_RUN if key in config}
    shared["data"] = {key: description.data[key] for key in _OF_THE_DATA if key in description.data}
    return replace(description, discriminator=None, config=_impersonal(shared))


def _impersonal(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _impersonal(inner) for key, inner in value.items() if key not in _OF_A_MACHINE}
    return [_impersonal(inner) for inner in value] if isinstance(value, list | tuple) else value


def _stored(value: Tensor, dtype: torch.dtype) -> Tensor:
    return value.detach().cpu().to(dtype if value.is_floating_point() else value.dtype).contiguous()
