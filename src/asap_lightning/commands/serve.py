"""``asap serve``: the painter and its interface on one address."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from asap_lightning.app.limits import Limits
from asap_lightning.app.serve import serve
from asap_lightning.configuration.checkpoints import checkpoint_of
from asap_lightning.configuration.plain import plain
from asap_lightning.errors import UserError
from asap_lightning.inference import Translator
from asap_lightning.run_folder.names import CHECKPOINTS


def run(config: DictConfig) -> None:
    """Serves until Ctrl-C.

    Raises:
        UserError: no such model, limits out of range, or an address that cannot be used.
    """
    settings = plain(config)
    limits = Limits(**settings["limits"])
    origins = origins_of(settings["origins"])
    checkpoint = checkpoint_of(config)
    serve(
        lambda: Translator(checkpoint, device=config.device, weights=config.weights),
        config.title or title_of(config.model, checkpoint),
        host=str(config.host),
        port=config.port,
        limits=limits,
        origins=origins,
        say=lambda line: print(line, flush=True),
    )


def title_of(model: str | None, checkpoint: Path) -> str:
    """What was typed for a model, without its place; else the run's name or the file's."""
    if model is not None:
        return str(model).rstrip("/").rpartition("/")[2].partition("@")[0].removesuffix(checkpoint.suffix)
    return checkpoint.parents[2].name if checkpoint.parent.name == CHECKPOINTS else checkpoint.stem


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
