"""Which files of a folder are translated by strips."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from asap_lightning.data.reading import MAX_PIXELS
from asap_lightning.data.strips import SUFFIXES, stored_size
from asap_lightning.errors import UserError
from asap_lightning.inference.large.translation import require_asap
from asap_lightning.inference.large.writing import SUFFIX, LargeFormat, parse_format, require_writer
from asap_lightning.inference.translator import Translator
from asap_lightning.models import AsapGenerator

When = Literal["auto", "always", "never"]
BYTES_A_PIXEL = 36
"""That translating in memory takes at most: the file decoded, its ids, the image, features."""
MOST_IN_MEMORY = 4 << 30
"""Bytes beyond which ``auto`` goes by strips: a fixed number, so that names follow from the input."""
_LEAST_MEMORY = 64


@dataclass(frozen=True)
class LargeOptions:
    """What is done about large images.

    Attributes:
        when: ``auto`` goes by strips where the image does not fit into `MOST_IN_MEMORY`, or is an array.
        format: of the files that are written by strips; those in memory are PNG.
        memory: MiB for features.
    """

    when: When = "auto"
    format: LargeFormat = "tiff"
    memory: int = 512

    def by_strips(self, translator: Translator, path: Path) -> bool:
        """Whether a file is translated by strips."""
        if self.when == "never" or not isinstance(translator.generator, AsapGenerator):
            return False
        # arrays of ids and pictures are read in no other way
        array = path.suffix.lower() in SUFFIXES and translator.spec.kind != "depth"
        return self.when == "always" or array or self._is_large(path)

    def suffix(self, translator: Translator, path: Path) -> str:
        """Of the image of a file."""
        return SUFFIX[self.format] if self.by_strips(translator, path) else ".png"

    def _is_large(self, path: Path) -> bool:
        size = stored_size(path)
        return size is not None and size[0] * size[1] > min(MAX_PIXELS, MOST_IN_MEMORY // BYTES_A_PIXEL)


def parse_large(when: object, format: object, memory: object, translator: Translator) -> LargeOptions:
    """The options of ``asap predict``.

    Raises:
        UserError: none of the values, or ``always`` with a model that needs the whole image.
    """
    if when not in get_args(When):
        raise UserError(f"large={when}: one of {', '.join(get_args(When))} was expected")
    if isinstance(memory, bool) or not isinstance(memory, int) or memory < _LEAST_MEMORY:
        raise UserError(f"large_memory={memory}: MiB from {_LEAST_MEMORY} on were expected")
    if when == "always":
        require_asap(translator)
    chosen: When = when  # type: ignore[assignment]
    if chosen == "never" or not isinstance(translator.generator, AsapGenerator):
        return LargeOptions("never")
    known = parse_format(format)
    return LargeOptions(chosen, require_writer(known) if chosen == "always" else known, memory)
