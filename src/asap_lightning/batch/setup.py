"""What a worker is started with, as plain values that travel to other machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from asap_lightning.batch.urls import Bounds
from asap_lightning.data.layouts.shards import Shards
from asap_lightning.errors import UserError
from asap_lightning.inference.folder import LabelOptions, recipe_options
from asap_lightning.inference.halves import Half
from asap_lightning.inference.loading import WeightChoice
from asap_lightning.inference.styles import Styles

Form = Literal["files", "shards"]


@dataclass(frozen=True)
class Setup:
    """Everything but the pictures.

    Attributes:
        checkpoint: the file, which every worker must be able to read.
        digest: its SHA-256: a worker that finds another file says so.
        output: the folder, which all workers write to.
        weights, device: as of `Translator`; the device of each worker.
        labels, half: how conditions are read, see `condition_reader`.
        style: one seed, and the photo whose style is taken.
        canvas: of what canvases are laid, see `canvas_settings`; None for models that complete none.
        canvas_identity: what `Canvases.identity` says there where the work was begun.
        form: ``files``: a PNG file each; ``shards``: a tar file for each unit of work.
        shards: the shards that are read; None for files and addresses.
        bounds: of addresses.
        readers: pictures that a worker reads ahead at the same time.
        deaths: processes that a picture may end before it is quarantined.
        threads: of a worker; None leaves torch's own choice.
    """

    checkpoint: Path
    digest: str
    output: Path
    weights: WeightChoice = "auto"
    device: str = "auto"
    labels: LabelOptions = field(default_factory=LabelOptions)
    half: Half | None = None
    style: Styles = field(default_factory=Styles)
    canvas: Mapping[str, Any] | None = None
    canvas_identity: Mapping[str, Any] = field(default_factory=dict)
    form: Form = "files"
    shards: Shards | None = None
    bounds: Bounds = field(default_factory=Bounds)
    readers: int = 4
    deaths: int = 3
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.form not in ("files", "shards"):
            raise UserError(f"batch.write={self.form}: files or shards was expected")
        for key, value in (("readers", self.readers), ("deaths", self.deaths)):
            if value < 1:
                raise UserError(f"batch.{key}={value}: at least 1 was expected")
        if self.style.several:
            seeds = self.style.about["seed"]
            raise UserError(f"style.seed={seeds}: one seed was expected, as a manifest has one picture a row")

    def options(self) -> dict[str, Any]:
        """What changes images beside the checkpoint, see `recipe_options`."""
        options = recipe_options(self.weights, self.labels, self.half, self.style.about)
        return {**options, **self.canvas_identity}
