"""SinGAN's trained folder (``Gs.pth``, ``Zs.pth`` and so on) as one file of plain data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from asap_lightning.errors import UserError
from asap_lightning.interop.state_dicts import state_of, strangers_weights
from asap_lightning.interop.systems import singan
from asap_lightning.singan.checkpoint import Pyramid, Scale, factor_of_sizes, write_pyramid
from asap_lightning.untrusted import load_torch


def read_singan(folder: Path) -> Pyramid:
    """The pyramid in an authors' folder as plain data, coarsest first.

    The folder does not state the factor between scales: it follows from the sizes of its images.

    Raises:
        UserError: a file is missing or damaged, or the lists do not belong together.
    """
    if folder.is_file():
        folder = folder.parent
    lists = {name: _read_list(folder / f"{name}.pth") for name in ("Gs", "Zs", "NoiseAmp", "reals")}
    count = len(lists["Gs"])
    lengths = {name: len(items) for name, items in lists.items()}
    # an interrupted training leaves the list of real images complete, and the others shorter
    if count == 0 or lengths["Zs"] != count or lengths["NoiseAmp"] != count or lengths["reals"] < count:
        raise UserError(f"{folder}: the lists do not belong together, they hold {lengths} scales")
    with strangers_weights(folder / "Gs.pth", "SinGAN's pyramid"):
        scales = tuple(_scale(folder, lists, index) for index in range(count))
    factor = factor_of_sizes([_tensor(real) for real in lists["reals"]], folder / "reals.pth")
    return Pyramid(scales, factor, lengths["reals"])


def _scale(folder: Path, lists: dict[str, Sequence[Any]], index: int) -> Scale:
    state = state_of(lists["Gs"][index], folder / "Gs.pth")
    description = singan.infer_generator(state, {})
    names = singan.names(description.sketch(state))  # type: ignore[arg-type]
    return {
        "arguments": description.arguments,
        "state_dict": names.to_ours(state, f"{folder / 'Gs.pth'} scale {index}"),
        "fixed_noise": _tensor(lists["Zs"][index]),
        "noise_amp": float(lists["NoiseAmp"][index]),
        "real": _tensor(lists["reals"][index]),
    }


def convert_singan(folder: Path, out: Path) -> str:
    """Writes the pyramid to one file; returns a line that says what it holds."""
    pyramid = read_singan(folder)
    write_pyramid(pyramid, out)
    sizes = " ".join("x".join(map(str, scale["real"].shape[-2:])) for scale in pyramid.scales)
    of = "" if pyramid.finished else f" of {pyramid.count} (its training was stopped)"
    return f"wrote {len(pyramid.scales)} scales{of} to {out}: {sizes}"


def _read_list(path: Path) -> Sequence[Any]:
    content = load_torch(path, shells=True)
    if not isinstance(content, list | tuple):
        raise UserError(f"{path} holds a {type(content).__name__}, expected a list with one entry a scale")
    return content


def _tensor(value: Any) -> Tensor:
    if not isinstance(value, Tensor):
        raise UserError(f"SinGAN's lists hold tensors, found a {type(value).__name__}")
    return value.detach().float().contiguous()
