"""``asap serve``: the painter and its interface on one address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from asap_lightning.app.limits import Limits
from asap_lightning.app.serve import serve
from asap_lightning.configuration.checkpoints import checkpoint_of, title_of
from asap_lightning.configuration.plain import plain
from asap_lightning.errors import UserError
from asap_lightning.inference import Translator
from asap_lightning.inference.composer import compose_from


def run(config: DictConfig) -> None:
    """Serves until Ctrl-C.

    Raises:
        UserError: no such model, limits out of range, a bank that does not fit, or an address that cannot be
            used.
    """
    settings = plain(config)
    limits = Limits(**settings["limits"])
    origins = origins_of(settings["origins"])
    checkpoint = checkpoint_of(config)
    serve(
        lambda: loaded(checkpoint, settings),
        config.title or title_of(config.model, checkpoint),
        host=str(config.host),
        port=config.port,
        limits=limits,
        origins=origins,
        say=lambda line: print(line, flush=True),
    )


def loaded(checkpoint: Path, settings: dict[str, Any]) -> Translator:
    """The model, with what lays its canvases."""
    translator = Translator(checkpoint, device=settings["device"], weights=settings["weights"])
    compose_from(translator, settings)
    return translator


def origins_of(given: object) -> list[str]:
    """Sites such as ``https://example.org``.

    Raises:
        UserError: something else.
    """
    listed: list[str] = []
    for one in given if isinstance(given, list) else [given]:
        if not isinstance(one, str) or not one.startswith(("http://", "https://")) or one.count("/") != 2:
            raise UserError(f"origins={one}: sites such as [https://example.org] were expected")
        listed.append(one)
    return listed
