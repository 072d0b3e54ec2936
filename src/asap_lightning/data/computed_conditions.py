"""Conditions that are computed from the photo instead of stored: edges, grey, low light.

Each maker is a pure function of the photo (H, W, 3) uint8, so training and prediction agree.

Axes: H height, W width.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asap_lightning.errors import UserError

Picture = NDArray[np.uint8]
Maker = Callable[[Picture], Picture]


def grey(photo: Picture) -> Picture:
    """Luma (H, W, 1), ITU-R 601: the condition of black-and-white -> colour."""
    luma = photo.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    return np.rint(luma).astype(np.uint8)[..., None]


def canny_edges(photo: Picture, low: float = 100, high: float = 200) -> Picture:
    """Canny's edges (H, W, 1), black lines on white as in pix2pix's edge data sets.

    Args:
        photo: (H, W, 3).
        low, high: hysteresis thresholds on the gradient of 8-bit luma.
    """
    import cv2

    edges = np.asarray(cv2.Canny(grey(photo)[..., 0], low, high), np.uint8)
    return np.bitwise_not(edges)[..., None]


def soft_edges(photo: Picture, sigma: float = 1.0) -> Picture:
    """The gradient's strength (H, W, 1), black on white: the largest over channels of the Sobel magnitude."""
    import cv2

    smooth = cv2.GaussianBlur(photo.astype(np.float32), (0, 0), sigma)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    strength = np.sqrt(across**2 + down**2).max(-1, keepdims=True)
    return (255 - np.clip(strength, 0, 255)).astype(np.uint8)


def low_light(photo: Picture, exposure: float = 0.15, gamma: float = 2.2) -> Picture:
    """The photo (H, W, 3) at a fraction of its exposure, quantised to 8 bits: the shadows lose detail.

    Args:
        photo: (H, W, 3).
        exposure: factor of the linear light.
        gamma: between linear light and stored values.
    """
    linear = (photo / 255.0) ** gamma * exposure
    return np.rint(linear ** (1 / gamma) * 255).astype(np.uint8)


class OnnxEdges:
    """A learned edge detector from the user's own ONNX file.

    The network takes (1, 3, H, W) float32 RGB in [0, 1] and returns (1, 1, H, W) edge probabilities; the
    last output is used where there are several (as HED gives its fused map last).

    Args:
        path: the ONNX file.

    Raises:
        UserError: onnxruntime is not installed, the file cannot be used, or it returns another shape.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise UserError(f"data.layout.detector={path}: there is no such ONNX file")
        self._session: object | None = None

    def __getstate__(self) -> dict[str, object]:
        """Without the open session: a loader worker opens its own."""
        return {"path": self.path, "_session": None}

    def __call__(self, photo: Picture) -> Picture:
        """Edges (H, W, 1), black on white."""
        tensor = np.ascontiguousarray(photo.transpose(2, 0, 1)[None], dtype=np.float32) / 255
        session = self._open()
        result = session.run(None, {session.get_inputs()[0].name: tensor})[-1]  # type: ignore[attr-defined]
        if result.shape != (1, 1, *photo.shape[:2]):
            raise UserError(
                f"{self.path} returns {result.shape} for a photo of {photo.shape[0]} x {photo.shape[1]}; "
                "edge probabilities of shape (1, 1, height, width) were expected"
            )
        return (255 - np.rint(np.clip(result[0, 0], 0, 1) * 255)).astype(np.uint8)[..., None]

    def _open(self) -> object:
        if self._session is None:
            try:
                import onnxruntime
            except ImportError as error:
                raise UserError(
                    "a learned edge detector needs onnxruntime: pip install 'asap-lightning[onnx]'"
                ) from error
            try:
                self._session = onnxruntime.InferenceSession(
                    str(self.path), providers=["CPUExecutionProvider"]
                )
            except Exception as error:  # onnxruntime raises its own classes, which share no base
                raise UserError(f"{self.path} cannot be opened as an ONNX model: {error}") from error
        return self._session


MAKERS: dict[str, tuple[Maker, int]] = {
    "grey": (grey, 1),
    "canny": (canny_edges, 1),
    "soft_edges": (soft_edges, 1),
    "low_light": (low_light, 3),
}
"""Name -> (maker, channels of what it makes)."""


def find_maker(name: str, detector: str | os.PathLike[str] | None = None) -> tuple[Maker, int]:
    """The maker of that name and the channels of what it makes; ``onnx`` needs a ``detector`` file.

    Raises:
        UserError: no such maker, or no detector.
    """
    if name == "onnx":
        if detector is None:
            raise UserError("data.layout.make=onnx needs the detector's file: data.layout.detector=FILE.onnx")
        return OnnxEdges(detector), 1
    if name not in MAKERS:
        raise UserError(f"data.layout.make={name}: one of {', '.join([*MAKERS, 'onnx'])} was expected")
    return MAKERS[name]
