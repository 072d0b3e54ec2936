"""3x3 convolutions of a fixed network on the CPU, followed by ReLU, their weights packed once.

Winograd's minimal filtering F(m x m, 3 x 3), as in the low-res stream: with m = 2 it needs 2.25 times fewer
multiplications than the direct convolution and has no more error in float32; with m = 4 four times fewer and
an error about six times larger. Used for VGG, half of the work of a training step.

Axes: B batch, C input and O output channels, H height, W width.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from asap_lightning.ops.dispatch import requested_backend, why_not
from asap_lightning.ops.native import check
from asap_lightning.ops.native_library import CRange, library

STRIP = 16  # channels come in multiples of this


class Packed:
    """Weights (O, C, 3, 3) packed by the native library; freed with the object.

    Raises:
        MemoryError: they do not fit.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, winograd: int) -> None:
        self._library = library()
        self.outputs, self.inputs = weight.shape[:2]
        weight = weight.detach().to(torch.float32).contiguous()
        bias = None if bias is None else bias.detach().to(torch.float32).contiguous()
        self._handle: int | None = self._library.asap_convolution_create(
            weight.data_ptr(),
            None if bias is None else bias.data_ptr(),
            self.outputs,
            self.inputs,
            winograd,
            torch.get_num_threads(),
        )
        if not self._handle:
            raise MemoryError("the weights of a convolution cannot be packed: out of memory")

    def __call__(self, image: Tensor, gate: Tensor | None = None, *, relu: bool = False) -> Tensor:
        """(B, C, H, W) -> (B, O, H, W), both channels-last; ``gate`` <= 0 makes the image count as zero."""
        b, c, height, width = image.shape
        if c != self.inputs:
            raise ValueError(f"this convolution takes {self.inputs} channels, got {c}")
        image = image.contiguous(memory_format=torch.channels_last)
        gate = None if gate is None else gate.contiguous(memory_format=torch.channels_last)
        out = torch.empty((b, self.outputs, height, width), memory_format=torch.channels_last)
        status = self._library.asap_convolution_run(
            self._handle,
            image.data_ptr(),
            None if gate is None else gate.data_ptr(),
            int(relu),
            b,
            height,
            width,
            out.data_ptr(),
            torch.get_num_threads(),
        )
        check(status, CRange(), 0)
        return out

    @property
    def memory(self) -> int:
        """Bytes held."""
        return int(self._library.asap_convolution_bytes(self._handle))

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._library.asap_convolution_free(self._handle)


class FixedConvolution:
    """relu(conv3x3(image) + bias) with stride 1 and zero padding 1; differentiable in the image alone.

    Args:
        weight: (O, C, 3, 3) float32 on the CPU; C and O multiples of 16. It is copied: later changes are not
            seen.
        bias: (O,).
        winograd: m of F(m x m, 3 x 3).
    """

    def __init__(self, weight: Tensor, bias: Tensor, *, winograd: Literal[2, 4] = 2) -> None:
        self._forward = Packed(weight, bias, winograd)
        self._weight, self._winograd = weight, winograd
        self._backward: Packed | None = None

    def __call__(self, image: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, O, H, W), channels-last."""
        return _Convolve.apply(image, self)

    def run(self, image: Tensor) -> Tensor:
        """The convolution and ReLU without autograd."""
        return self._forward(image, relu=True)

    def gradient(self, grad: Tensor, output: Tensor) -> Tensor:
        """The image's gradient: the transposed convolution of ``grad`` where ``output`` is positive."""
        if self._backward is None:
            self._backward = Packed(self._weight.flip(2, 3).transpose(0, 1), None, self._winograd)
        return self._backward(grad, output)

    @property
    def memory(self) -> int:
        """Bytes of packed weights."""
        return self._forward.memory + (0 if self._backward is None else self._backward.memory)


class _Convolve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, convolution: FixedConvolution) -> Tensor:
        output = convolution.run(image)
        ctx.convolution = convolution
        ctx.save_for_backward(output)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (output,) = ctx.saved_tensors
        return ctx.convolution.gradient(grad, output), None


def can_run_fixed(weight: Tensor, image: Tensor, backend: str | None = None) -> bool:
    """Whether `FixedConvolution` can replace a convolution of ``weight`` on ``image`` here.

    It can for fixed float32 weights on a CPU with the native library, outside of autocast and of
    `torch.compile`, unless another backend was asked for.
    """
    if torch.compiler.is_compiling() or weight.requires_grad or weight.shape[2:] != (3, 3):
        return False
    if image.dtype != torch.float32 or weight.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
        return False
    if weight.shape[0] % STRIP or weight.shape[1] % STRIP or not image.numel():
        return False
    return requested_backend(backend) in ("", "native") and not why_not("native", image.device, image.dtype)
