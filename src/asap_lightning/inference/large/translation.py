"""A file of any size translated into a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asap_lightning.data.reading import instance_array
from asap_lightning.data.strips import Strips, open_strips
from asap_lightning.errors import UserError
from asap_lightning.inference.conditions import ConditionFormat, condition_format
from asap_lightning.inference.halves import Half
from asap_lightning.inference.large.writing import LargeFormat, format_of, write_strips
from asap_lightning.inference.rendering import MEMORY, rendered
from asap_lightning.inference.rows import ExtendedRows, ReadRows
from asap_lightning.inference.translator import Translator
from asap_lightning.models import AsapGenerator

Progress = Callable[[float], None]
"""Told how much of the whole is done, from 0 to 1."""


class LargeTranslation:
    """An image that is made while it is written.

    Args:
        translator: of an ASAP-Net.
        source: the condition: PNG, TIFF or BigTIFF, ``.npy`` or zarr of any size, other pictures up to
            `data.reading.MAX_PIXELS`.
        conditions: how it is understood.
        instance: its instance map, for models that use its edges.
        memory: bytes for features; what does not fit goes to a temporary file beside the target.

    Raises:
        UserError: a model that needs the whole image at once, or a file that cannot be read by strips.
    """

    def __init__(
        self,
        translator: Translator,
        source: Path,
        conditions: ConditionFormat,
        *,
        instance: Path | None = None,
        memory: int = MEMORY,
    ) -> None:
        self._generator = require_asap(translator)
        if translator.spec.instance_edges and instance is None:
            raise UserError(f"{source}: this model uses instance edges: an instance map is needed beside it")
        self._translator, self._source, self._instance = translator, source, instance
        self._conditions, self._memory = conditions, memory

    def write(
        self, target: Path, format: LargeFormat, about: str, progress: Progress = lambda done: None
    ) -> None:
        """Translates, and writes the image as it comes.

        Args:
            target: the file; a folder for zarr.
            format: of the file.
            about: kept in the file.
            progress: told how much is done.

        Raises:
            UserError: a damaged condition, ids outside the classes, no room on the disk. Nothing is left.
        """
        with ExitStack() as stack:
            strips = stack.enter_context(open_strips(self._source))
            read = _decoder(strips, self._conditions.decode)
            size = (strips.height, read(0, 1).shape[1])
            instances = self._instances(stack, size)
            rows = ExtendedRows(size, read, self._translator.to_condition, self._generator, instances)
            try:
                self._generator.check_size(rows.height, rows.width)
            except ValueError as error:
                raise UserError(f"{self._source}: {error}") from error
            target.parent.mkdir(parents=True, exist_ok=True)
            image = rendered(
                self._generator,
                rows,
                size,
                memory=self._memory,
                folder=target.parent,
                tick=_summing(progress),
            )
            write_strips(target, image, *size, format, about)
        progress(1.0)

    def into(self, format: LargeFormat, progress: Progress) -> PendingImage:
        """The image as something that can be written later."""
        return PendingImage(self, format, progress)

    def _instances(self, stack: ExitStack, size: tuple[int, int]) -> ReadRows | None:
        if self._instance is None or not self._translator.spec.instance_edges:
            return None
        strips = stack.enter_context(open_strips(self._instance))
        if (strips.height, strips.width) != size:
            raise UserError(
                f"{self._instance} has {strips.height} x {strips.width} pixels, {self._source} {size[0]} x "
                f"{size[1]} (height x width); instance map and label map are of one size"
            )
        return _decoder(strips, instance_array)


@dataclass(frozen=True)
class PendingImage:
    """An image that is made when it is written."""

    translation: LargeTranslation
    format: LargeFormat
    progress: Progress

    def write(self, path: Path, about: str) -> None:
        """Makes it; see `LargeTranslation.write`."""
        self.translation.write(path, self.format, about, self.progress)


def translate_large(
    translator: Translator,
    source: str | Path,
    target: str | Path,
    *,
    instance: str | Path | None = None,
    format: LargeFormat | None = None,
    palette: Sequence[Sequence[int]] | None = None,
    palette_tolerance: float | None = None,
    label_values: Mapping[int, int] | None = None,
    half: Half | None = None,
    memory: int = MEMORY,
    progress: Progress = lambda done: None,
) -> Path:
    """Translates a file of any size in bounded memory; see `LargeTranslation`.

    Args:
        translator: of an ASAP-Net.
        source: the condition.
        target: the file that is written; a folder for zarr.
        instance: the instance map.
        format: ``tiff``, ``png``, ``zarr`` or ``cog``; None goes by the target's name.
        palette, palette_tolerance, label_values, half: as of `condition_format`.
        memory: bytes for features.
        progress: told how much is done, from 0 to 1.

    Returns:
        The target.

    Raises:
        UserError: what is wrong with the condition or the place.

    Example:
        >>> translate_large(translator, "city.png", "city.tif")  # doctest: +SKIP
    """
    source, target = Path(source).expanduser(), Path(target).expanduser()
    conditions = condition_format(
        translator.spec,
        translator.layout,
        palette=palette,
        palette_tolerance=palette_tolerance,
        label_values=label_values,
        half=half,
        place=str(translator.checkpoint or "the model"),
    )
    made = LargeTranslation(
        translator,
        source,
        conditions,
        instance=None if instance is None else Path(instance).expanduser(),
        memory=memory,
    )
    made.write(target, format or format_of(target), f"translated from {source.name}", progress)
    return target


def require_asap(translator: Translator) -> AsapGenerator:
    """The translator's generator, if it works by strips.

    Raises:
        UserError: a network whose every pixel depends on the image at full size.
    """
    generator = translator.generator
    if not isinstance(generator, AsapGenerator):
        raise UserError(
            f"{type(generator).__name__} needs the whole image at full size at once, so it cannot translate "
            "one that is larger than memory; ASAP-Net can (large=never tries it in memory)"
        )
    return generator


def _decoder(strips: Strips, decode: Callable[..., NDArray]) -> ReadRows:
    """Reads rows and says where in the file a mistake is."""

    def read(top: int, bottom: int) -> NDArray:
        try:
            return np.asarray(decode(strips.read(top, bottom), strips.path))
        except UserError as error:
            if bottom - top == strips.height:
                raise
            raise UserError(f"{error} (in rows {top} to {bottom - 1})") from error

    return read


def _summing(progress: Progress) -> Progress:
    done = 0.0

    def tick(share: float) -> None:
        nonlocal done
        done = min(1.0, done + share)
        progress(done)

    return tick
