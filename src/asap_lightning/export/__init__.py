"""Trained generators as files that other programs run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.export.aoti_file import export_aoti as export_aoti
    from asap_lightning.export.loaded import ExportedModel as ExportedModel
    from asap_lightning.export.loaded import load_exported as load_exported
    from asap_lightning.export.onnx_file import export_onnx as export_onnx
    from asap_lightning.export.torchscript_file import export_torchscript as export_torchscript
    from asap_lightning.export.writing import Exported as Exported
    from asap_lightning.export.writing import Wish as Wish
    from asap_lightning.export.writing import export_model as export_model

_HOMES = {
    "Exported": "writing",
    "ExportedModel": "loaded",
    "Wish": "writing",
    "export_aoti": "aoti_file",
    "export_model": "writing",
    "export_onnx": "onnx_file",
    "export_torchscript": "torchscript_file",
    "load_exported": "loaded",
}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
