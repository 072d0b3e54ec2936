"""ASAP-Net's pixelwise stream in ONNX: one row of tiles at a time, so that hidden layers stay in the cache.

The exporter alone would write every layer for the whole image, which moves each hidden layer through memory
several times. Here a place-holder is exported, and a Scan over rows of tiles put in its place.

Axes: B batch, P parameters, R rows and C columns of tiles, S tile, Q its pixels, N classes, D hidden width, K
encoding channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asap_lightning.condition import Condition
from asap_lightning.models import AsapGenerator, Generator
from asap_lightning.ops.encoding import axis_encoding
from asap_lightning.ops.layout import MlpLayout

if TYPE_CHECKING:
    import onnx

DOMAIN, NAME = "asap_lightning", "PixelwiseMlp"


MOST_PARTS = 6
"""Results of one operation: WebGPU's shaders may have 8 buffers, one of which is the operation's input."""


def can_go_by_rows(generator: Generator) -> bool:
    """Whether the generator has a pixelwise stream whose tiles know nothing of each other."""
    return isinstance(generator, AsapGenerator) and generator.phi_mode != "bilinear"


def leave_place(generator: AsapGenerator) -> None:
    """Makes the generator's pixelwise stream a place-holder, for an exporter to ONNX."""

    def render(condition: Condition, phi: Tensor) -> Tensor:
        given = condition.label if condition.label is not None else condition.image
        assert given is not None
        shape = (given.shape[0], generator.layout.out_channels, *given.shape[-2:])
        return torch.onnx.ops.symbolic(
            f"{DOMAIN}::{NAME}", (phi, given), dtype=torch.float32, shape=shape, version=1
        )

    generator.render = render  # type: ignore[method-assign]


def fill_place(model: onnx.ModelProto, layout: MlpLayout) -> None:
    """Puts the Scan in the place that `leave_place` has left."""
    places = [index for index, node in enumerate(model.graph.node) if node.domain == DOMAIN]
    if len(places) != 1:
        raise ValueError(f"one place-holder was expected in the graph, found {len(places)}")
    nodes = list(model.graph.node)
    place = nodes[places[0]]
    phi, given = place.input
    made = _whole(layout, phi, given, place.output[0])
    del model.graph.node[:]
    model.graph.node.extend([*nodes[: places[0]], *made.nodes, *nodes[places[0] + 1 :]])
    model.graph.initializer.extend(made.constants)
    kept = [entry for entry in model.opset_import if entry.domain != DOMAIN]
    del model.opset_import[:]
    model.opset_import.extend(kept)


class _Nodes:
    """Nodes one after the other, each named by its number."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def __call__(self, operation: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        return self.several(operation, *inputs, outputs=[output or self._name()], **attributes)[0]

    def several(self, operation: str, *inputs: str, outputs: Sequence[str], **attributes: Any) -> list[str]:
        from onnx import helper

        name = f"{self.prefix}_node_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, inputs, outputs, name=name, **attributes))
        return list(outputs)

    def constant(self, values: NDArray | Sequence[int]) -> str:
        from onnx import numpy_helper

        array = values if isinstance(values, np.ndarray) else np.array(values, np.int64)
        name = f"{self.prefix}_constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def names(self, count: int) -> list[str]:
        return [f"{self._name()}_{index}" for index in range(count)]

    def reshaped(self, value: str, *shape: int | str) -> str:
        """A reshape whose sides are numbers, or names of sizes that are known at run time."""
        if all(isinstance(side, int) for side in shape):
            return self("Reshape", value, self.constant([int(side) for side in shape]))
        sides = [side if isinstance(side, str) else self.constant([side]) for side in shape]
        return self("Reshape", value, self("Concat", *sides, axis=0))

    def side(self, value: str, axis: int) -> str:
        """The size along an axis, (1,)."""
        return self("Shape", value, start=axis, end=axis + 1)

    def _name(self) -> str:
        return f"{self.prefix}_{len(self.nodes)}"


def _whole(layout: MlpLayout, phi: str, given: str, output: str) -> _Nodes:
    """Phi (B, P, R, C) and labels (B, H, W) or an image (B, C_i, H, W) -> (B, 3, H, W)."""
    made, side, channels = _Nodes("pixelwise"), layout.tile, layout.image_channels
    batch, rows, columns = (made.side(phi, axis) for axis in (0, 2, 3))
    parameters = made.reshaped(made("Transpose", phi, perm=[0, 2, 3, 1]), -1, columns, layout.parameters)
    if channels:
        tiles = made.reshaped(given, batch, channels, -1, side, columns, side)
        pixels = made.reshaped(
            made("Transpose", tiles, perm=[0, 2, 1, 3, 4, 5]), -1, channels, side, columns, side
        )
    else:
        pixels = made.reshaped(given, -1, side, columns, side)
    strips = made("Scan", parameters, pixels, body=_row(layout), num_scan_inputs=2)
    grid = made.reshaped(strips, batch, rows, layout.out_channels, side, -1)
    planes = made("Transpose", grid, perm=[0, 2, 1, 3, 4])
    height = made("Mul", rows, made.constant([side]))
    shape = made("Concat", batch, made.constant([layout.out_channels]), height, made.constant([-1]), axis=0)
    made("Reshape", planes, shape, output=output)
    return made


def _split(made: _Nodes, value: str, sizes: list[int]) -> list[str]:
    """The parts of a value along axis 1, by operations of few results."""
    if len(sizes) > MOST_PARTS:
        groups = [sizes[start : start + MOST_PARTS] for start in range(0, len(sizes), MOST_PARTS)]
        joined = zip(_split(made, value, [sum(group) for group in groups]), groups, strict=True)
        return [part for name, group in joined for part in _split(made, name, group)]
    if len(sizes) == 1:
        return [value]
    return made.several("Split", value, made.constant(sizes), outputs=made.names(len(sizes)), axis=1)


def _row(layout: MlpLayout) -> onnx.GraphProto:
    """One row of tiles: parameters (C, P) and pixels (S, C, S) or (C_i, S, C, S) -> (3, S, C, S)."""
    from onnx import TensorProto, helper

    made, side, channels = _Nodes("row"), layout.tile, layout.image_channels
    kinds = [kind for kind in (layout.num_classes, channels, layout.encoding) if kind]
    widths = layout.widths
    first, rest = widths[1], list(pairwise(widths[1:]))
    sizes = [first, *(kind * first for kind in kinds), *(n for a, b in rest for n in (b, a * b))]
    parts = iter(_split(made, "parameters", sizes))
    hidden = _first_layer(made, layout, parts)
    for inputs, outputs in rest:
        bias = made.reshaped(next(parts), -1, 1, outputs)
        weight = made.reshaped(next(parts), -1, inputs, outputs)
        active = made("LeakyRelu", hidden, alpha=layout.negative_slope)
        hidden = made("Add", made("MatMul", active, weight), bias)
    tiles = made.reshaped(made("Tanh", hidden), -1, side, side, layout.out_channels)
    made("Transpose", tiles, perm=[3, 1, 0, 2], output="strip")
    pixels = [channels, side, None, side] if channels else [side, None, side]
    kind = TensorProto.FLOAT if channels else TensorProto.INT32
    return helper.make_graph(
        made.nodes,
        "row_of_tiles",
        [
            helper.make_tensor_value_info("parameters", TensorProto.FLOAT, [None, layout.parameters]),
            helper.make_tensor_value_info("pixels", kind, pixels),
        ],
        [helper.make_tensor_value_info("strip", TensorProto.FLOAT, [layout.out_channels, side, None, side])],
        made.constants,
    )


def _first_layer(made: _Nodes, layout: MlpLayout, parts: Any) -> str:
    """The first layer before its activation (C, Q, D): a look-up, or a product, and two tables of places."""
    side, width = layout.tile, layout.widths[1]
    count = side * side
    hidden = made.reshaped(next(parts), -1, 1, width)
    terms = []
    if layout.num_classes:
        table = made.reshaped(next(parts), -1, width)
        ids = made.reshaped(made("Transpose", "pixels", perm=[1, 0, 2]), -1, count)
        columns = made("Squeeze", made.side("parameters", 0))
        scalars = [made.constant(np.array(value, np.int64)) for value in (0, 1)]
        place = made("Range", scalars[0], columns, scalars[1])
        offset = made("Mul", place, made.constant([layout.num_classes]))
        offset = made("Cast", made.reshaped(offset, -1, 1), to=6)  # int32, as the labels
        terms.append(made("Gather", table, made("Add", ids, offset), axis=0))
    if layout.image_channels:
        planes = made("Transpose", "pixels", perm=[2, 1, 3, 0])
        planes = made.reshaped(planes, -1, count, layout.image_channels)
        terms.append(made("MatMul", planes, made.reshaped(next(parts), -1, layout.image_channels, width)))
    if layout.encoding:
        weight = made.reshaped(next(parts), -1, layout.encoding, width)
        across, down = (made("MatMul", made.constant(table), weight) for table in _tables(layout))
        across = made.reshaped(across, -1, 1, side, width)
        down = made.reshaped(made("Add", down, hidden), -1, side, 1, width)
        hidden = made.reshaped(made("Add", across, down), -1, count, width)
    for term in terms:
        hidden = made("Add", term, hidden)
    return hidden


def _tables(layout: MlpLayout) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The encoding's channels that follow x, and those that follow y, along an axis: (S, K) each."""
    axis = axis_encoding(layout.tile).numpy()
    across, down = (np.zeros((layout.tile, layout.encoding), np.float32) for _ in range(2))
    for wave in range(2):  # cosine and sine
        across[:, wave::4] = axis[:, wave::2]
        down[:, 2 + wave :: 4] = axis[:, wave::2]
    return across, down
