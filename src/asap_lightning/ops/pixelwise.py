"""The pixelwise stream: every full-resolution pixel through its own tile's MLP."""

from __future__ import annotations

from torch import Tensor

from asap_lightning.ops import library, pixelwise_torch, reference
from asap_lightning.ops.dispatch import captured, requested_backend
from asap_lightning.ops.layout import MlpLayout, check_label_ids, check_pixelwise
from asap_lightning.ops.tiles import from_tiles, to_tiles

__all__ = ["from_tiles", "pixelwise_mlp", "to_tiles"]


def pixelwise_mlp(
    phi: Tensor,
    *,
    label: Tensor | None = None,
    image: Tensor | None = None,
    tile: int,
    width: int = 64,
    depth: int = 5,
    num_classes: int = 0,
    out_channels: int = 3,
    positional_encoding: bool = True,
    negative_slope: float = 0.01,
    backend: str | None = None,
) -> Tensor:
    """Runs every pixel through the MLP of its tile (ASAP-Net section 3.2).

    y_p = tanh(MLP([onehot(label_p), image_p, enc(p)]; phi_tile(p))), leaky ReLU between the layers.

    Differentiable in phi and image. The gradient recomputes the hidden layers instead of keeping them.
    Under autocast the operation runs in float32. `torch.export` and `torch.jit.trace` see plain torch
    operations, so that an exported model needs nothing of this package.

    Args:
        phi: (B, P, H/S, W/S) parameters of one MLP a tile: layer after layer the n_out biases, then the
            n_in x n_out weights, input index major. float32, float16, bfloat16 or float64.
        label: (B, H, W) class ids in [0, N), any integer dtype.
        image: (B, C, H, W) continuous channels; they come after the label's.
        tile: side S of a tile in pixels, a power of two.
        width: hidden channels.
        depth: number of layers, at least 2.
        num_classes: N, when a label is given.
        out_channels: channels of the result.
        positional_encoding: whether the 4 log2(S) encoding channels are appended.
        negative_slope: of the leaky ReLU, at least 0.
        backend: ``reference``, ``torch``, ``native`` or ``triton``; None takes ``ASAP_BACKEND`` or else
            the fastest that can run.

    Returns:
        (B, out_channels, H, W) in [-1, 1], contiguous, of phi's dtype.

    Raises:
        ValueError: shapes that do not fit, S not a power of two, label ids outside the classes, a
            backend that cannot run here.
        TypeError: wrong dtypes.
    """
    if label is None and image is None:
        raise ValueError("pixelwise_mlp needs a label map, an image, or both")
    layout = MlpLayout(
        tile,
        width,
        depth,
        num_classes if label is not None else 0,
        image.shape[1] if image is not None and image.ndim == 4 else 0,
        out_channels,
        positional_encoding,
        negative_slope,
    )
    check_pixelwise(phi, label, image, layout)
    name = requested_backend(backend)
    if captured():
        return pixelwise_torch.differentiable(phi, label, image, layout)
    if name == "reference":
        if label is not None:
            check_label_ids(label, num_classes)
        return reference.pixelwise_mlp(phi, label=label, image=image, layout=layout)
    return library.pixelwise_mlp(phi, label, image, layout, name)
