"""Data sets: files -> Sample -> paired transform -> Batch, one module a layout.

Names are imported when first asked for, so that ``import asap_lightning.data`` brings in neither
Lightning nor albumentations.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asap_lightning.data.batch import Batch as Batch
    from asap_lightning.data.check import CheckReport as CheckReport
    from asap_lightning.data.check import check_dataset as check_dataset
    from asap_lightning.data.datamodule import PairedDataModule as PairedDataModule
    from asap_lightning.data.dataset import PairedDataset as PairedDataset
    from asap_lightning.data.labels import LabelFormat as LabelFormat
    from asap_lightning.data.sample import Sample as Sample
    from asap_lightning.data.transforms import PairedTransform as PairedTransform

_HOMES = {
    "Batch": "batch",
    "CheckReport": "check",
    "LabelFormat": "labels",
    "PairedDataModule": "datamodule",
    "PairedDataset": "dataset",
    "PairedTransform": "transforms",
    "Sample": "sample",
    "check_dataset": "check",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"asap_lightning.data.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
