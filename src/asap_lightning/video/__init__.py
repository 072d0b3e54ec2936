"""Videos, folders of frames and cameras, translated frame by frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.video.flicker import Flicker as Flicker
    from asap_lightning.video.flicker import flicker_of as flicker_of
    from asap_lightning.video.options import VideoOptions as VideoOptions
    from asap_lightning.video.smoothing import SmoothedTranslator as SmoothedTranslator
    from asap_lightning.video.translate import VideoSummary as VideoSummary
    from asap_lightning.video.translate import translate_video as translate_video

_HOMES = {
    "Flicker": "flicker",
    "SmoothedTranslator": "smoothing",
    "VideoOptions": "options",
    "VideoSummary": "translate",
    "flicker_of": "flicker",
    "translate_video": "translate",
}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
