"""A segmenter in a file of its own: ONNX, or TorchScript, which is a program and is trusted as one."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from asap_lightning.errors import Unavailable, UserError
from asap_lightning.models.segmenters.segmenter import Normalisation, Segmenter, Sizes
from asap_lightning.untrusted.text import printable

LARGEST = 4 * 2**30
"""Bytes that a file may have."""
_PROBE = 64


def file_segmenter(
    path: Path,
    normalisation: Normalisation | None = None,
    sizes: Sizes | None = None,
    *,
    runs_code: bool = False,
) -> Segmenter:
    """A network that takes (B, 3, H, W) float32 and gives scores (B, classes, h, w).

    The number of classes is that of its answer to a picture.

    Args:
        path: ``.onnx``, or a TorchScript file (``.pt``, ``.ts``, ..).
        normalisation: what it is given.
        sizes: at which sizes; an ONNX file that takes one size gets that.
        runs_code: whether a TorchScript file may be run: its user has named it himself.

    Raises:
        UserError: missing, too large, not of this kind, or giving something else than scores.
        Unavailable: onnxruntime is not installed.
    """
    if not path.is_file():
        raise UserError(f"segmenter.weights={path}: there is no such file")
    if path.stat().st_size > LARGEST:
        raise UserError(
            f"segmenter.weights={path}: more than {LARGEST >> 30} GiB, which no segmenter here needs"
        )
    network: nn.Module
    fixed: tuple[int, int] | None = None
    if path.suffix == ".onnx":
        network = OnnxScores(path)
        fixed = network.size
    else:
        network = _torchscript(path, runs_code)
    sizes = Sizes(fixed=fixed) if fixed else sizes or Sizes()
    height, width = fixed or sizes.of(_PROBE, _PROBE)[0]
    return Segmenter(
        network,
        _classes(network, height, width, path),
        title=path.name,
        normalisation=normalisation,
        sizes=sizes,
    )


def _torchscript(path: Path, runs_code: bool) -> nn.Module:
    if not runs_code:
        raise UserError(
            f"segmenter.weights={path}: a TorchScript file is a program, and running it is trusting it. Name "
            "it on the command line (segmenter.weights=FILE) if you do; an .onnx file needs no trust"
        )
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*torch.jit.*")  # its deprecation, which no user can mend
            loaded: nn.Module = torch.jit.load(str(path), map_location="cpu").eval()
    except RuntimeError as error:
        reason = printable(str(error).strip().splitlines()[0], 200)
        raise UserError(f"segmenter.weights={path} is no TorchScript file: {reason}") from error
    return _FirstTensor(loaded)


class _FirstTensor(nn.Module):
    """The scores of a network that returns them alone, first of several, or named ``out`` or ``logits``."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.inner = network

    def forward(self, x: Tensor) -> Any:
        found = self.inner(x)
        if isinstance(found, dict):
            return next((found[name] for name in ("out", "logits") if name in found), None)
        return found[0] if isinstance(found, tuple | list) and found else found


class OnnxScores(nn.Module):
    """An ONNX file run by onnxruntime on the CPU.

    Attributes:
        size: height and width that it takes; None takes any.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        try:
            import onnxruntime
        except ImportError as error:
            raise Unavailable(
                "an .onnx segmenter needs onnxruntime", "pip install 'asap-lightning[onnx]'"
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4
        try:
            self.session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own classes, which derive from Exception alone
            reason = printable(str(error).splitlines()[0], 200)
            raise UserError(f"segmenter.weights={path} is no ONNX file that can be run: {reason}") from error
        taken = self.session.get_inputs()
        shape = taken[0].shape if taken else []
        if (
            len(taken) != 1
            or len(shape) != 4
            or shape[1] not in (3, None)
            or taken[0].type != "tensor(float)"
        ):
            found = ", ".join(f"{one.name} {one.type} {one.shape}" for one in taken)
            raise UserError(
                f"segmenter.weights={path} takes {printable(found, 200)}; one input (B, 3, H, W) of float32 "
                "was expected"
            )
        self.name, self.batch = taken[0].name, shape[0] if isinstance(shape[0], int) else None
        sides = [side for side in shape[2:] if isinstance(side, int)]
        self.size = (sides[0], sides[1]) if len(sides) == 2 else None

    def forward(self, x: Tensor) -> Tensor:
        """Scores, on the device of ``x``."""
        parts = x.split(self.batch) if self.batch else (x,)
        found = [self.session.run(None, {self.name: part.cpu().numpy()})[0] for part in parts]
        return torch.cat([torch.from_numpy(part) for part in found]).to(x.device)


def _classes(network: nn.Module, height: int, width: int, path: Path) -> int:
    """The number of classes that it gives scores for."""
    try:
        with torch.no_grad():
            scores = network.eval()(torch.zeros(1, 3, height, width))
    except Exception as error:  # whatever a foreign network raises
        reason = printable(
            str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__, 200
        )
        raise UserError(
            f"segmenter.weights={path} failed on a picture of {height} x {width}: {reason}"
        ) from error
    if not isinstance(scores, Tensor) or scores.dim() != 4 or not scores.is_floating_point():
        found = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise UserError(
            f"segmenter.weights={path} answers {found}; scores (B, classes, height, width) were expected"
        )
    return int(scores.shape[1])
