"""Triton kernels of the pixelwise stream: one program a part of a tile, the tile's weights loaded once.

Storage in phi's dtype, sums in float32. D, K and O are padded to powers of two of at least 16, the smallest
matrix product a tensor core makes; what is padded is masked, so it reads nothing and adds nothing.

Axes: T tiles, Q pixels of a tile, D hidden width, K encoding channels, C image channels, O outputs.
"""

# Triton's language, not Python's: no unpacking in tuples, and types that a checker cannot see.
# ruff: noqa: RUF005
# mypy: ignore-errors

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _leaky(x, slope):
    return tl.where(x > 0, x, x * slope)


@triton.jit
def _tanh(x):
    # (1 - t) / (1 + t) with t = exp(-2 |x|); libdevice is not available in the interpreter
    t = tl.exp(-2.0 * tl.abs(x))
    y = (1.0 - t) / (1.0 + t)
    return tl.where(x < 0, -y, y)


@triton.jit
def _matrix(pointer, rows, columns, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    # a row-major (rows, columns) matrix, padded with zeros
    r = tl.arange(0, ROWS)
    c = tl.arange(0, COLUMNS)
    mask = (r[:, None] < rows) & (c[None, :] < columns)
    return tl.load(pointer + r[:, None] * columns + c[None, :], mask=mask, other=0.0)


@triton.jit
def _vector(pointer, count, COUNT: tl.constexpr):
    i = tl.arange(0, COUNT)
    return tl.load(pointer + i, mask=i < count, other=0.0).to(tl.float32)


@triton.jit
def _first_layer(
    weights, encoding_weights, bias, table, label, image, q, inside, label_column, image_plane, image_column,
    width, classes, encoding, slope,
    CHANNELS: tl.constexpr, HAS_LABEL: tl.constexpr, HAS_ENCODING: tl.constexpr,
    D: tl.constexpr, K: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    # bias + W1[label] + W1 image + enc W1: the label's rows are looked up, never multiplied
    d = tl.arange(0, D)
    hidden = tl.zeros([q.shape[0], D], tl.float32) + bias[None, :]
    if HAS_LABEL:
        ids = tl.load(label + label_column, mask=inside, other=0).to(tl.int32)
        known = inside & (ids >= 0) & (ids < classes)
        rows = tl.where(known, ids, 0)
        mask = known[:, None] & (d[None, :] < width)
        hidden += tl.load(weights + rows[:, None] * width + d[None, :], mask=mask, other=0.0).to(tl.float32)
    for c in tl.static_range(CHANNELS):
        values = tl.load(image + c * image_plane + image_column, mask=inside, other=0.0).to(tl.float32)
        row = tl.load(weights + (classes + c) * width + d, mask=d < width, other=0.0).to(tl.float32)
        hidden += values[:, None] * row[None, :]
    if HAS_ENCODING:
        k = tl.arange(0, K)
        mask = inside[:, None] & (k[None, :] < encoding)
        place = tl.load(table + q[:, None] * encoding + k[None, :], mask=mask, other=0.0)
        hidden = tl.dot(place.to(encoding_weights.dtype), encoding_weights, hidden, input_precision=PRECISION)
    return _leaky(hidden, slope)


@triton.jit
def pixelwise_forward(
    phi, table, label, image, out,
    label_batch, label_row, label_column, image_batch, image_plane, image_row, image_column,
    rows, columns, parameters, width, classes, encoding, outputs, slope,
    TILE: tl.constexpr, DEPTH: tl.constexpr, CHANNELS: tl.constexpr, HAS_LABEL: tl.constexpr,
    HAS_ENCODING: tl.constexpr, D: tl.constexpr, K: tl.constexpr, O: tl.constexpr,  # noqa: E741
    BLOCK: tl.constexpr, BLOCKS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """The whole stream: phi (T, P) -> out (B, O, H, W); grid (T, parts), BLOCKS blocks of pixels a part."""
    tile = tl.program_id(0)
    column, row, batch = tile % columns, (tile // columns) % rows, tile // (columns * rows)
    first = phi + tile.to(tl.int64) * parameters
    weights = first + width
    inputs = classes + CHANNELS + encoding
    bias = _vector(first, width, D)
    encoding_weights = _matrix(weights + (classes + CHANNELS) * width, encoding, width, K, D)
    at = weights + inputs * width
    biases = ()
    matrices = ()
    for _ in tl.static_range(DEPTH - 2):
        biases = biases + (_vector(at, width, D),)
        matrices = matrices + (_matrix(at + width, width, width, D, D),)
        at += width + width * width
    last_bias = _vector(at, outputs, O)
    last = _matrix(at + outputs, width, outputs, D, O)
    plane = rows.to(tl.int64) * columns * TILE * TILE
    o = tl.arange(0, O)
    for block in range(BLOCKS):
        q = (tl.program_id(1) * BLOCKS + block) * BLOCK + tl.arange(0, BLOCK)
        inside = q < TILE * TILE
        y = (row * TILE + q // TILE).to(tl.int64)
        x = (column * TILE + q % TILE).to(tl.int64)
        hidden = _first_layer(
            weights, encoding_weights, bias, table, label, image, q, inside,
            batch.to(tl.int64) * label_batch + y * label_row + x * label_column, image_plane,
            batch.to(tl.int64) * image_batch + y * image_row + x * image_column,
            width, classes, encoding, slope, CHANNELS, HAS_LABEL, HAS_ENCODING, D, K, PRECISION,
        )  # fmt: skip
        for layer in tl.static_range(DEPTH - 2):
            start = tl.zeros([BLOCK, D], tl.float32) + biases[layer][None, :]
            product = tl.dot(
                hidden.to(phi.dtype.element_ty), matrices[layer], start, input_precision=PRECISION
            )
            hidden = _leaky(product, slope)
        start = tl.zeros([BLOCK, O], tl.float32) + last_bias[None, :]
        result = tl.dot(hidden.to(phi.dtype.element_ty), last, start, input_precision=PRECISION)
        to = out + batch.to(tl.int64) * outputs * plane + y * (columns * TILE) + x
        mask = inside[:, None] & (o[None, :] < outputs)
        tl.store(to[:, None] + o[None, :] * plane, _tanh(result).to(out.dtype.element_ty), mask=mask)


@triton.jit
def pixelwise_layers(
    phi, table, label, image, grad, scale, hidden_out, back_out, last_out,
    label_batch, label_row, label_column, image_batch, image_plane, image_row, image_column,
    rows, columns, parameters, width, classes, encoding, outputs, slope, first_tile, tiles,
    TILE: tl.constexpr, DEPTH: tl.constexpr, CHANNELS: tl.constexpr, HAS_LABEL: tl.constexpr,
    HAS_ENCODING: tl.constexpr, D: tl.constexpr, K: tl.constexpr, O: tl.constexpr,  # noqa: E741
    BLOCK: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """What the weights' gradients need, recomputed for `tiles` tiles from ``first_tile`` on.

    hidden_out, back_out: (DEPTH - 1, tiles, Q, width), each hidden layer and the gradient before its
    activation; last_out: (tiles, Q, outputs), that of the last layer. The upstream gradient is multiplied by
    ``scale``, so that 16-bit storage does not lose it; grid (tiles, blocks of pixels).
    """
    local = tl.program_id(0)
    tile = first_tile + local
    column, row, batch = tile % columns, (tile // columns) % rows, tile // (columns * rows)
    first = phi + tile.to(tl.int64) * parameters
    weights = first + width
    inputs = classes + CHANNELS + encoding
    at = weights + inputs * width
    layer_parameters = width + width * width
    last_at = at + (DEPTH - 2) * layer_parameters
    last = _matrix(last_at + outputs, width, outputs, D, O)
    plane = rows.to(tl.int64) * columns * TILE * TILE
    o = tl.arange(0, O)
    d = tl.arange(0, D)
    q = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = q < TILE * TILE
    y = (row * TILE + q // TILE).to(tl.int64)
    x = (column * TILE + q % TILE).to(tl.int64)
    activations = ()
    hidden = _first_layer(
        weights, _matrix(weights + (classes + CHANNELS) * width, encoding, width, K, D),
        _vector(first, width, D), table, label, image, q, inside,
        batch.to(tl.int64) * label_batch + y * label_row + x * label_column, image_plane,
        batch.to(tl.int64) * image_batch + y * image_row + x * image_column,
        width, classes, encoding, slope, CHANNELS, HAS_LABEL, HAS_ENCODING, D, K, PRECISION,
    ).to(phi.dtype.element_ty)  # fmt: skip
    activations = activations + (hidden,)
    for layer in tl.static_range(DEPTH - 2):
        from_layer = at + layer * layer_parameters
        start = tl.zeros([BLOCK, D], tl.float32) + _vector(from_layer, width, D)[None, :]
        matrix = _matrix(from_layer + width, width, width, D, D)
        product = tl.dot(hidden, matrix, start, input_precision=PRECISION)
        hidden = _leaky(product, slope).to(phi.dtype.element_ty)
        activations = activations + (hidden,)
    start = tl.zeros([BLOCK, O], tl.float32) + _vector(last_at, outputs, O)[None, :]
    result = _tanh(tl.dot(hidden, last, start, input_precision=PRECISION))
    from_image = grad + batch.to(tl.int64) * outputs * plane + y * (columns * TILE) + x
    mask = inside[:, None] & (o[None, :] < outputs)
    upstream = tl.load(from_image[:, None] + o[None, :] * plane, mask=mask, other=0.0).to(tl.float32)
    back = (upstream * tl.load(scale) * (1.0 - result * result)).to(phi.dtype.element_ty)
    pixel = local.to(tl.int64) * TILE * TILE + q
    tl.store(last_out + pixel[:, None] * outputs + o[None, :], back, mask=mask)
    layer_floats = tiles.to(tl.int64) * TILE * TILE * width
    to = pixel[:, None] * width + d[None, :]
    mask = inside[:, None] & (d[None, :] < width)
    wide = tl.dot(back, tl.trans(last), input_precision=PRECISION)
    for layer in tl.static_range(DEPTH - 2, -1, -1):
        active = activations[layer]
        back = tl.where(active > 0, wide, wide * slope).to(phi.dtype.element_ty)
        tl.store(hidden_out + layer * layer_floats + to, active, mask=mask)
        tl.store(back_out + layer * layer_floats + to, back, mask=mask)
        if layer > 0:
            from_layer = at + (layer - 1) * layer_parameters
            matrix = _matrix(from_layer + width, width, width, D, D)
            wide = tl.dot(back, tl.trans(matrix), input_precision=PRECISION)
