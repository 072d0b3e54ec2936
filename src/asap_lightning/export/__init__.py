"""Trained generators as files that other programs run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.export.onnx_file import export_onnx as export_onnx

_HOMES = {
    "export_onnx": "onnx_file",
}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
