"""``asap export``: a checkpoint as a file that other programs run, or as a folder to share."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from asap_lightning.configuration.checkpoints import checkpoint_of, title_of
from asap_lightning.configuration.plain import plain
from asap_lightning.errors import UserError
from asap_lightning.export.verify import Comparison
from asap_lightning.export.writing import Exported, Wish, export_model
from asap_lightning.inference import Translator
from asap_lightning.inference.loading import load_model

LEVEL = 2 / 255


def run(config: DictConfig) -> None:
    """Writes ``config.output`` and prints how far the file is from the model.

    Raises:
        UserError: see `export_model`.
    """
    values = plain(config)
    if values["format"] == "web":
        show(write_web(config))
        return
    if type(values["overwrite"]) is not bool:
        raise UserError(f"overwrite={values['overwrite']}: true or false was expected")
    wish = Wish(
        values["format"],
        precision=values["precision"],
        style=values["style"],
        pixelwise=values["pixelwise"],
        overwrite=values["overwrite"],
        card=values["card"],
    )
    checkpoint = checkpoint_of(config)
    generator, description, kind = load_model(checkpoint, config.weights)
    show(export_model(generator, description, config.output, wish, weights=kind))


def write_web(config: DictConfig) -> Exported:
    """The painter as a folder whose pages translate in the browser."""
    from asap_lightning.app.folder import write_page

    if config.style != "code":
        raise UserError(f"style={config.style} is not for format=web: the page draws styles from a seed")
    checkpoint = checkpoint_of(config)
    return write_page(
        Translator(checkpoint, device="cpu", weights=config.weights, prepare=False),
        config.title or title_of(config.model, checkpoint),
        Path(config.output).expanduser(),
        runtime=None if config.runtime is None else Path(config.runtime).expanduser(),
        precision=config.precision,
    )


def show(made: Exported) -> None:
    """Prints the errors and the size."""
    console = Console()
    console.print(table(made.comparisons, made))
    console.print(f"{made.path}  {made.bytes / 2**20:.1f} MiB", soft_wrap=True)


def table(comparisons: list[Comparison], made: Exported) -> Table:
    """The errors of the file, of images in [-1, 1] and in levels of 255."""
    shown = Table(title=f"{made.path.name} beside the model", title_justify="left")
    for name in ("input", "batch", "height", "width", "max error", "mean error", "levels of 255, at most"):
        shown.add_column(name, justify="left" if name == "input" else "right")
    for entry in comparisons:
        sizes = (str(entry.batch), str(entry.height), str(entry.width))
        errors = (f"{entry.max_error:.2g}", f"{entry.mean_error:.2g}", f"{entry.max_error / LEVEL:.2g}")
        shown.add_row(entry.content, *sizes, *errors)
    return shown
