"""Smaller ONNX files: weights stored in 16 bits, or layers computed in 8 bits."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asap_lightning.errors import UserError
from asap_lightning.export.metadata import Precision

if TYPE_CHECKING:
    import onnx

SMALLEST = 256
"""Tensors of fewer values stay as they are: biases and norms cost nothing and matter."""


def in_precision(model: onnx.ModelProto, precision: Precision) -> onnx.ModelProto:
    """The model with weights of another precision; inputs and outputs keep theirs.

    Args:
        model: in float32.
        precision: ``float32``; ``float16``: weights are stored in float16 and computed with in float32, since
            ONNX Runtime has no half convolutions on a CPU and rounds inside by more than the weights' own
            error; ``int8``: convolutions with 8-bit weights (a scale for each output channel) and activations
            quantised as they come (dynamic quantisation).

    Raises:
        UserError: weights that float16 cannot hold.
    """
    if precision == "float16":
        return stored_in_half(model)
    if precision == "int8":
        return quantized(model)
    return model


def stored_in_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Large float32 weights become float16 with a cast behind them, done once, when a runtime loads it."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST:
            continue
        values = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):  # said below
            half = values.astype(np.float16)
        if not np.isfinite(half).all():
            raise UserError(f"precision=float16: weights of {tensor.name} are beyond its range; use float32")
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def quantized(model: onnx.ModelProto) -> onnx.ModelProto:
    """ONNX Runtime's dynamic quantisation of the convolutions and matrix products with constant weights."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    root = logging.getLogger()
    level = root.level
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        before.write_bytes(model.SerializeToString())
        try:
            root.setLevel(logging.ERROR)  # its advice to prepare the model concerns static quantisation
            quantize_dynamic(
                before,
                after,
                per_channel=True,
                weight_type=QuantType.QInt8,
                op_types_to_quantize=["Conv", "MatMul", "Gemm"],
            )
        finally:
            root.setLevel(level)
        return onnx.load(after)
