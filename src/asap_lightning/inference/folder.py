"""A folder of condition files becomes a folder of images."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asap_lightning.inference.conditions import Job, condition_format, read_instances, training_layout
from asap_lightning.inference.halves import Half, warn_of_pairs
from asap_lightning.inference.jobs import find_jobs
from asap_lightning.inference.large.choice import LargeOptions
from asap_lightning.inference.large.translation import LargeTranslation, Progress
from asap_lightning.inference.origin import Recipe, WritesItself
from asap_lightning.inference.parts import Part
from asap_lightning.inference.styles import Styles
from asap_lightning.inference.translator import Translator
from asap_lightning.inference.work import Overwrite, Tally, work
from asap_lightning.wording import counted

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabelOptions:
    """How label maps are read where they differ from the training's; see `condition_format`."""

    palette: Sequence[Sequence[int]] | None = None
    palette_tolerance: float | None = None
    label_values: Mapping[int, int] | None = None


def recipe_options(
    weights: str | None, labels: LabelOptions, half: Half | None, style: Mapping[str, str | None]
) -> dict[str, Any]:
    """What changes images beside the checkpoint, as `Recipe` takes it; ``style`` is `Styles.about`."""
    cut = {} if half in (None, "whole") else {"half": half}
    return {"weights": weights, "labels": vars(labels), **style, **cut}


class FolderTranslation:
    """Everything about a folder that can be known before the first image, so that mistakes show at once.

    Names and sub-folders are kept: ``source/a/b.jpg`` becomes ``output/a/b.png``.

    Args:
        translator: of a checkpoint, whose digest is written into every image: a repeated call knows by it
            what is finished.
        source: a folder (or one file) of conditions of any sizes.
        output: the folder that receives the images.
        pattern: which files, as a glob relative to ``source``.
        instances: a folder of instance maps of the same names, for models with instance edges.
        half: which half of each picture is the condition; None takes all of it and warns where that seems
            not to be meant.
        labels: how label maps are read.
        styles: the styles that each condition is translated in.
        part: the share of this process, where several work on the folder.
        large: which images are translated by strips, and how they are written; None keeps all in memory.

    Attributes:
        jobs: what this process is to translate.

    Raises:
        UserError: nothing to translate, or options that do not fit the model.
        ValueError: the translator's generator comes from memory.
    """

    def __init__(
        self,
        translator: Translator,
        source: str | Path,
        output: str | Path,
        *,
        pattern: str = "**/*",
        instances: str | Path | None = None,
        half: Half | None = None,
        labels: LabelOptions | None = None,
        styles: Styles | None = None,
        part: Part | None = None,
        large: LargeOptions | None = None,
    ) -> None:
        if translator.checkpoint is None:
            raise ValueError("a folder is translated with a checkpoint: its images say which one made them")
        translator.require_canvases()
        labels, part = labels or LabelOptions(), part or Part()
        self.translator, self.output = translator, Path(output).expanduser()
        self.styles = styles or Styles()
        self.recipe = Recipe(
            translator.checkpoint,
            {
                **recipe_options(translator.weights, labels, half, self.styles.about),
                **getattr(translator.composer, "identity", {}),  # another bank makes other images
            },
        )
        data = translator.description.data if translator.description is not None else {}
        self._large = large or LargeOptions("never")
        self._conditions = condition_format(
            translator.spec, translator.layout, **vars(labels), half=half, place=str(translator.checkpoint)
        )
        found = find_jobs(
            Path(source).expanduser(),
            self.output,
            spec=translator.spec,
            pattern=pattern,
            instances=Path(instances).expanduser() if instances else None,
            endings=self.styles.endings,
            arrays=self._large.when != "never",
            suffix=lambda path: self._large.suffix(translator, path),
        )
        for note in found.notes():
            log.info("%s", note)
        if half is None and (doubt := _doubt_of_pairs(found.jobs, data)):
            log.warning("%s", doubt)
        self.jobs, self._refused = part.of(found.jobs), part.of(found.refused)
        if part.count > 1:
            everything = counted(len(found.jobs), "file")
            log.info("part %d/%d: %d of %s", part.index, part.count, len(self.jobs), everything)

    def run(
        self,
        overwrite: Overwrite = "no",
        track: Callable[[Iterable[Job]], Iterable[Job]] = iter,
        progress: Callable[[Path], Progress] = lambda source: lambda done: None,
    ) -> Tally:
        """Translates what is not finished; a file that cannot be translated does not stop the others.

        Args:
            overwrite: what is done about images that are there, see `work`.
            track: shows progress over an iterable.
            progress: of a file that is translated by strips: gives what is told how much is done.

        Returns:
            The counts, and in ``failures`` why files could not be translated.

        Raises:
            UserError: images of another origin are there, and ``overwrite`` is ``no``.
        """
        self._progress = progress
        tally = work(self.jobs, self._translate, self.recipe, self.output, overwrite=overwrite, track=track)
        tally.failures += self._refused
        log.info(
            "%s: translated %s with %s",
            self.output,
            counted(tally.translated, "image"),
            self.translator.checkpoint,
        )
        return tally

    def _translate(self, job: Job) -> Mapping[str, NDArray[np.uint8] | WritesItself]:
        if not self._large.by_strips(self.translator, job.source):
            condition = self._conditions.read(job.source)
            return self.styles.translate(self.translator, condition, read_instances(job))
        log.info("%s is translated by strips", job.source)
        made = LargeTranslation(
            self.translator,
            job.source,
            self._conditions,
            instance=job.instance,
            memory=self._large.memory << 20,
        )
        return {"": made.into(self._large.format, self._progress(job.source))}


def translate_folder(
    translator: Translator,
    source: str | Path,
    output: str | Path,
    *,
    overwrite: Overwrite = "no",
    track: Callable[[Iterable[Job]], Iterable[Job]] = iter,
    **options: Any,
) -> Tally:
    """Translates a folder: `FolderTranslation` with these ``options``, run at once."""
    return FolderTranslation(translator, source, output, **options).run(overwrite, track)


def _doubt_of_pairs(jobs: Sequence[Job], data: Mapping[str, Any]) -> str:
    """What to say where pairs A | B seem to be given to a model that was trained on their halves."""
    width, height = data.get("width"), data.get("height")
    ratio = width / height if isinstance(width, int) and isinstance(height, int) and height > 0 else None
    return warn_of_pairs([job.source for job in jobs], training_layout(data.get("layout")), ratio)
