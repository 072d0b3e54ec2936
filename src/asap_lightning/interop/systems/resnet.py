"""The numbering of the residual networks in pix2pix and pix2pixHD, read off their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asap_lightning.errors import UserError
from asap_lightning.interop.inferred import State
from asap_lightning.interop.systems.common import indices, norm_node, tensor


@dataclass(frozen=True)
class Layout:
    """Sizes of a residual network and where its layers stand in the authors' sequence.

    Attributes:
        prefix: name of the sequence.
        inputs: channels of the input.
        width: channels at full resolution.
        downs: number of halvings.
        blocks: number of residual blocks.
        bias: whether convolutions before a norm have one.
        convs: numbers of a residual block's two convolutions.
        head: name of the last convolution.
    """

    prefix: str
    inputs: int
    width: int
    downs: int
    blocks: int
    bias: bool
    convs: tuple[int, int]
    head: str

    @property
    def padding(self) -> str:
        """Of the residual blocks: a padding layer shows as a gap in the numbering."""
        return "zeros" if self.convs[0] == 0 else "reflect"

    @property
    def dropout(self) -> bool:
        """Whether the blocks have dropout, which shows as a gap, too."""
        return self.convs[1] - self.convs[0] == (5 if self.convs[0] else 4)

    def norm(self, state: State) -> dict[str, Any]:
        """The norm as plain data."""
        return norm_node(state, f"{self.prefix}.2", has_bias=self.bias)


def infer(state: State, system: str, prefix: str = "model", *, has_head: bool = True) -> Layout:
    """Reads the layout off a state dict.

    The sequence is: padding, stem, norm, ReLU; (conv, norm, ReLU) down; blocks; (conv, norm, ReLU) up;
    padding, last convolution.
    """
    stem = tensor(state, f"{prefix}.1.weight", system)
    escaped = prefix.replace(".", r"\.")
    blocks = indices(state, rf"{escaped}\.(\d+)\.conv_block\.")
    convs = [
        i for i in indices(state, rf"{escaped}\.(\d+)\.weight") if state[f"{prefix}.{i}.weight"].dim() == 4
    ]
    strided = [i for i in convs if i > 1]
    downs = (len(strided) - int(has_head)) // 2
    if downs < 0 or len(strided) != 2 * downs + int(has_head):
        raise UserError(f"this does not look like {system}: convolutions {convs} under '{prefix}'")
    inner = (1, 5)
    if blocks:
        block = f"{prefix}.{blocks[0]}.conv_block"
        numbers = indices(state, block.replace(".", r"\.") + r"\.(\d+)\.weight")
        numbers = [i for i in numbers if state[f"{block}.{i}.weight"].dim() == 4]
        inner = (numbers[0], numbers[1])
    return Layout(
        prefix=prefix,
        inputs=stem.shape[1],
        width=stem.shape[0],
        downs=downs,
        blocks=len(blocks),
        bias=f"{prefix}.1.bias" in state,
        convs=inner,
        head=f"{prefix}.{convs[-1]}",
    )


def block_pairs(ours: str, theirs: str, convs: tuple[int, int]) -> list[tuple[str, str]]:
    """The layers of one residual block; a norm follows its convolution."""
    pairs = []
    for number, conv in enumerate(convs, start=1):
        pairs.append((f"{ours}.conv{number}", f"{theirs}.conv_block.{conv}"))
        pairs.append((f"{ours}.norm{number}", f"{theirs}.conv_block.{conv + 1}"))
    return pairs


def stage_pairs(ours: str, prefix: str, number: int) -> list[tuple[str, str]]:
    """A convolution and the norm after it."""
    return [(f"{ours}.conv", f"{prefix}.{number}"), (f"{ours}.norm", f"{prefix}.{number + 1}")]


def trunk_pairs(ours: str, prefix: str, layout: Layout) -> list[tuple[str, str]]:
    """The layers of a `ResnetTrunk`."""
    pairs = stage_pairs(f"{ours}.stem", prefix, 1)
    number = 4
    for level in range(layout.downs):
        pairs += stage_pairs(f"{ours}.down.{level}", prefix, number)
        number += 3
    for block in range(layout.blocks):
        pairs += block_pairs(f"{ours}.blocks.{block}", f"{prefix}.{number}", layout.convs)
        number += 1
    for level in range(layout.downs):
        pairs += stage_pairs(f"{ours}.up.{level}", prefix, number)
        number += 3
    return pairs
