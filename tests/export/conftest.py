"""Exported files that several tests look at: an export to ONNX takes longer than all that is asked of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import models


@pytest.fixture(scope="session")
def onnx_folder(tmp_path_factory):
    """The small ASAP-Net as ``model.onnx`` with ``export.json``."""
    pytest.importorskip("onnxruntime")
    from asap_lightning.export import Wish, export_model

    folder = tmp_path_factory.mktemp("onnx") / "out"
    export_model(models.made("asap"), models.description("asap"), folder, Wish("onnx"))
    return folder


@pytest.fixture(scope="session")
def script_folder(tmp_path_factory):
    """The same as TorchScript."""
    from asap_lightning.export import Wish, export_model

    folder = tmp_path_factory.mktemp("script") / "out"
    export_model(models.made("asap"), models.description("asap"), folder, Wish("torchscript"))
    return folder
