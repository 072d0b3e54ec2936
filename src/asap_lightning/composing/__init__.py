"""Canvases as settings ask for them: pieces of a memory bank, moved and ordered by fitted networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.composing.hooks import Aligner as Aligner
    from asap_lightning.composing.hooks import FrontJudge as FrontJudge
    from asap_lightning.composing.settings import canvases_of as canvases_of

_HOMES = {"Aligner": "hooks", "FrontJudge": "hooks", "canvases_of": "settings"}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
