"""Canvases as the settings of a data set ask for them: ``bank``, ``canvas``, ``canvas_options``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from asap_lightning.errors import UserError
from asap_lightning.segments.canvas_options import CanvasOptions

if TYPE_CHECKING:
    from asap_lightning.segments.canvases import Canvases

SETTINGS = ("bank", "canvas", "canvas_options")


def canvases_of(settings: Mapping[str, Any]) -> Canvases | None:
    """The canvases that a data set gets; None without a bank.

    Args:
        settings: ``bank`` (a folder or None), ``canvas`` (``own``, ``retrieved``), ``canvas_options``.

    Raises:
        UserError: no bank there, a damaged one, or options that are none.
    """
    bank, options = settings.get("bank"), settings.get("canvas_options")
    if bank is None:
        return None
    if not isinstance(bank, str):
        raise UserError(f"data.bank={bank}: the folder of a memory bank was expected")
    if options is not None and not isinstance(options, Mapping):
        raise UserError(f"data.canvas_options={options}: options by name were expected")
    from asap_lightning.segments.canvases import Canvases  # OpenCV, where there is a bank alone

    return Canvases(bank, settings.get("canvas") or "own", CanvasOptions.of(options))
