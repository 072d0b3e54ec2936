"""Data sets: files -> Sample -> paired transform -> Batch, one module a layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.data.batch import Batch as Batch
    from asap_lightning.data.check import CheckReport as CheckReport
    from asap_lightning.data.check import check_dataset as check_dataset
    from asap_lightning.data.datamodule import PairedDataModule as PairedDataModule
    from asap_lightning.data.dataset import PairedDataset as PairedDataset
    from asap_lightning.data.labels import LabelFormat as LabelFormat
    from asap_lightning.data.paired_data import PairedData as PairedData
    from asap_lightning.data.sample import Sample as Sample
    from asap_lightning.data.transforms import PairedTransform as PairedTransform

_HOMES = {
    "Batch": "batch",
    "CheckReport": "check",
    "LabelFormat": "labels",
    "PairedData": "paired_data",
    "PairedDataModule": "datamodule",
    "PairedDataset": "dataset",
    "PairedTransform": "transforms",
    "Sample": "sample",
    "check_dataset": "check",
}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
