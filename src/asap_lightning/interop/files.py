"""Reading weight files of other programs."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from asap_lightning.errors import UserError


def read_weights(path: Path) -> dict[str, Any]:
    """A file of plain tensors and containers, loaded with ``weights_only=True``.

    Raises:
        UserError: missing, damaged, holding other Python objects, or not a dictionary.
    """
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path} holds more than weights and plain containers and was not opened: {_first_line(error)}"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        size = path.stat().st_size
        raise UserError(
            f"{path} ({size} bytes) is damaged or not a file of PyTorch weights: {_first_line(error)}"
        ) from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds a {type(content).__name__}, expected a dictionary of weights")
    return dict(content)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
