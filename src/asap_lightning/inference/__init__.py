"""Translating with a trained model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.inference.folder import FolderTranslation as FolderTranslation
    from asap_lightning.inference.folder import LabelOptions as LabelOptions
    from asap_lightning.inference.folder import translate_folder as translate_folder
    from asap_lightning.inference.loading import load_generator as load_generator
    from asap_lightning.inference.translator import Translator as Translator
    from asap_lightning.inference.translator import to_uint8 as to_uint8

_HOMES = {
    "FolderTranslation": "folder",
    "LabelOptions": "folder",
    "Translator": "translator",
    "load_generator": "loading",
    "to_uint8": "translator",
    "translate_folder": "folder",
}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
