"""Images larger than memory: read by strips, translated, and written as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.inference.large.translation import LargeTranslation as LargeTranslation
    from asap_lightning.inference.large.translation import translate_large as translate_large

_HOMES = {"LargeTranslation": "translation", "translate_large": "translation"}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
