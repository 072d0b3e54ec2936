"""What lays canvases for a model that completes one: a memory bank, as the model's training used its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asap_lightning.errors import UserError
from asap_lightning.inference.translator import Translator

if TYPE_CHECKING:
    from asap_lightning.segments.canvases import Canvases


def compose_from(translator: Translator, settings: Mapping[str, Any]) -> None:
    """Gives a translator the canvases of ``settings``; without a bank it keeps what it has.

    Args:
        translator: of the model.
        settings: ``bank`` (a folder or None), ``canvas_options``; see `canvas_settings`.

    Raises:
        UserError: see `composer_of`.
    """
    if settings["bank"] is not None:
        translator.composer = composer_of(translator, canvas_settings(translator, settings))


def canvas_settings(translator: Translator, settings: Mapping[str, Any]) -> dict[str, Any]:
    """``bank`` and ``canvas_options`` as plain values: the training's options but for those that are given.

    Args:
        translator: of the model.
        settings: ``bank``, and ``canvas_options`` by name; None leaves an option as in the training.
    """
    data = translator.description.data if translator.description is not None else {}
    trained = data.get("canvas_options")
    given = {key: value for key, value in settings["canvas_options"].items() if value is not None}
    options = {**(trained if isinstance(trained, Mapping) else {}), **given}
    return {"bank": str(Path(str(settings["bank"])).expanduser()), "canvas_options": options}


def composer_of(translator: Translator, settings: Mapping[str, Any]) -> Canvases:
    """Canvases for a model; threads may share them, and the bank's files are opened once and mapped.

    Args:
        translator: of the model.
        settings: from `canvas_settings`.

    Raises:
        UserError: the model takes no canvas, no bank, one of other classes, or options that are none.
    """
    from asap_lightning.composing.settings import canvases_of

    if not translator.generator.takes_canvas:
        name = type(translator.generator).__name__
        raise UserError(f"bank={settings['bank']}: this model ({name}) completes no canvas: leave bank out")
    canvases = canvases_of(settings)
    assert canvases is not None
    canvases.require_classes(translator.spec, "the model")
    return canvases
