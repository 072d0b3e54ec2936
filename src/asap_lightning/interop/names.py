"""The authors' parameter names and ours, as an explicit one-to-one map made from the network itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from asap_lightning.errors import UserError
from asap_lightning.interop.inferred import State
from asap_lightning.models.described import fill

Pairs = Iterable[tuple[str, str]]

# Spectral norm: the parametrization's names, and those of the hook that old programs used.
_SPECTRAL = {
    "parametrizations.weight.original": "weight_orig",
    "parametrizations.weight.0.u": "weight_u",
    "parametrizations.weight.0.v": "weight_v",
}
_LEAF = re.compile(
    r"^(?:(?P<layer>.*?)\.)?"
    r"(?P<leaf>parametrizations\.weight\.(?:original|0\.[uv])|[A-Za-z_]+)$"
)
SHOWN = 6


class NameMap:
    """Translates state dicts between a network and the authors' program.

    Args:
        network: ours.
        pairs: (our layer, their layer) for every layer that has parameters or buffers.
        unused: patterns of their names that have no effect in their program, and no counterpart here.

    Raises:
        ValueError: a layer of ours has no pair, or two share one: a programming error.
    """

    def __init__(self, network: nn.Module, pairs: Pairs, *, unused: Sequence[str] = ()) -> None:
        layers = dict(pairs)
        self.theirs: dict[str, str] = {}
        for name in network.state_dict():
            match = _LEAF.match(name)
            layer, leaf = (match["layer"] or "", match["leaf"]) if match else ("", name)
            if layer not in layers:
                raise ValueError(f"no counterpart is known for '{name}'")
            parts = (layers[layer], _SPECTRAL.get(leaf, leaf))
            self.theirs[name] = ".".join(part for part in parts if part)
        self.ours = {theirs: ours for ours, theirs in self.theirs.items()}
        if len(self.ours) != len(self.theirs):
            raise ValueError("two layers share one counterpart")
        self.shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
        self.unused = re.compile("|".join(f"(?:{pattern})" for pattern in unused) or r"(?!)")

    def to_ours(self, state: State, source: str = "the checkpoint", hint: str = "") -> dict[str, Tensor]:
        """Their state dict under our names; complete and of the right shapes, or an error.

        What old versions of PyTorch left out or added is mended: spectral norm without its v, the plain
        ``weight`` beside ``weight_orig``, running statistics of instance norm, missing batch counters.

        Raises:
            UserError: missing or extra names (the first few are listed), or wrong shapes.
        """
        state = mend_old_layouts(state)
        missing = [n for n in self.ours if n not in state and not n.endswith("num_batches_tracked")]
        extra = [n for n in state if n not in self.ours and not self._is_idle(n, state)]
        if missing or extra:
            raise UserError(_differences(source, missing, extra, hint))
        result = {}
        for theirs, ours in self.ours.items():
            tensor = state.get(theirs)
            if tensor is None:
                tensor = torch.zeros((), dtype=torch.long)
            if tensor.shape != self.shapes[ours]:
                found, expected = tuple(tensor.shape), tuple(self.shapes[ours])
                raise UserError(
                    f"{source}: '{theirs}' has shape {found}, expected {expected}"
                    + (f"; {hint}" if hint else "")
                )
            result[ours] = tensor
        return result

    def to_theirs(self, state: State) -> dict[str, Tensor]:
        """Our state dict under their names: the inverse of `to_ours`."""
        return {self.theirs[name]: tensor for name, tensor in state.items()}

    def load(self, network: nn.Module, state: State, source: str = "the checkpoint", hint: str = "") -> None:
        """Gives our sketched network their weights."""
        fill(network, self.to_ours(state, source, hint), source)

    def _is_idle(self, name: str, state: State) -> bool:
        layer, _, leaf = name.rpartition(".")
        if leaf in ("running_mean", "running_var", "num_batches_tracked"):
            # instance norm kept statistics in old versions, without ever using them
            return f"{layer}.running_mean" not in self.ours
        return bool(self.unused.search(name))


def _differences(source: str, missing: list[str], extra: list[str], hint: str) -> str:
    parts = []
    for what, names in (("lacks", missing), ("has unexpected", extra)):
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            parts.append(f"{what} {', '.join(names[:SHOWN])}{more}")
    return f"{source} {' and '.join(parts)}" + (f"; {hint}" if hint else "")


def mend_old_layouts(state: State) -> dict[str, Tensor]:
    """Brings spectral norm's entries to ``weight_orig, weight_u, weight_v``.

    Programs of PyTorch 0.4 stored the normalised ``weight`` and no v; v then follows from
    sigma = u^T W v, with sigma the ratio of the stored weights.
    """
    mended = dict(state)
    for name in state:
        if not name.endswith(".weight_orig"):
            continue
        layer = name.removesuffix(".weight_orig")
        normalised = mended.pop(f"{layer}.weight", None)
        if f"{layer}.weight_v" not in mended and f"{layer}.weight_u" in mended:
            mended[f"{layer}.weight_v"] = _solve_v(mended[name], mended[f"{layer}.weight_u"], normalised)
    return mended


def _solve_v(weight: Tensor, u: Tensor, normalised: Tensor | None) -> Tensor:
    matrix = weight.flatten(1)
    if matrix.shape[0] != u.shape[0]:
        matrix = weight.transpose(0, 1).flatten(1)
    v = torch.linalg.pinv(matrix.double().t() @ matrix.double()) @ matrix.double().t() @ u.double()
    if normalised is None:
        v = torch.nn.functional.normalize(matrix.double().t() @ u.double(), dim=0)
        return v.to(weight.dtype)
    largest = normalised.abs().argmax()
    sigma = weight.flatten()[largest] / normalised.flatten()[largest]
    return (v * sigma / torch.dot(u.double(), matrix.double() @ v)).to(weight.dtype)
