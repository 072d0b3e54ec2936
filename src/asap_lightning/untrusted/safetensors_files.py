"""Files of the safetensors library: tensors, and a few texts beside them."""

from __future__ import annotations

import os
from pathlib import Path

from torch import Tensor

from asap_lightning.errors import UserError

LARGEST_HEADER = 16 * 2**20
"""Bytes of names, shapes and texts that a file may have; the library itself allows 100 MB."""


def is_safetensors(path: Path) -> bool:
    """Whether a file begins as this format does: the length of a JSON object, and that object."""
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError:
        return False
    return len(head) == 9 and head[8:] == b"{" and int.from_bytes(head[:8], "little") < 2**40


def load_safetensors(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The texts and the CPU tensors of a file.

    The library checks that names, shapes and places of the tensors agree with the file's size; memory is
    bounded by that size.

    Raises:
        UserError: missing, not readable, a header larger than any network needs, or damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            size = os.fstat(file.fileno()).st_size
        if length > min(LARGEST_HEADER, size):
            raise UserError(
                f"{path} is damaged or no safetensors file: its header would have {length} bytes, "
                f"the file has {size}; copy or download it again"
            )
        with safe_open(path, framework="pt", device="cpu") as opened:
            texts = opened.metadata() or {}
            return dict(texts), {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise UserError(
            f"{path} is damaged or no safetensors file ({str(error)[:200]}); copy or download it again"
        ) from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
