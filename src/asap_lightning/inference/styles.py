"""Which styles an image is translated in: a guide photo's, or drawn from seeds."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asap_lightning.data.panels import tile
from asap_lightning.data.reading import read_photo
from asap_lightning.errors import UserError
from asap_lightning.files import sha256_of
from asap_lightning.inference.translator import Translator

MOST_SEEDS = 64

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Styles:
    """The styles of a prediction.

    Attributes:
        seeds: one image is made for each.
        guide: (H, W, 3) photo whose style is taken; None draws the style from the seed.
        guide_digest: SHA-256 of the photo's file; None where there is none.
        guide_condition: the photo's own condition, for models that match both.
        guide_condition_digest: SHA-256 of its file.
    """

    seeds: tuple[int, ...] = (0,)
    guide: NDArray[np.uint8] | None = None
    guide_digest: str | None = None
    guide_condition: NDArray | None = None
    guide_condition_digest: str | None = None

    @property
    def several(self) -> bool:
        """Whether each condition becomes more than one image."""
        return len(self.seeds) > 1

    @property
    def about(self) -> dict[str, str | None]:
        """What of the styles decides the images, as plain values."""
        first, last = self.seeds[0], self.seeds[-1]
        about = {"guide": self.guide_digest, "seed": f"{first}..{last}" if self.several else str(first)}
        if self.guide_condition_digest is not None:
            about["guide_condition"] = self.guide_condition_digest
        return about

    @property
    def endings(self) -> list[str]:
        """What follows a condition's name in the names of its images; the plain name comes last."""
        return [*(f"_style{seed}" for seed in self.seeds if self.several), ""]

    def translate(
        self, translator: Translator, condition: NDArray, instance: NDArray | None
    ) -> dict[str, NDArray[np.uint8]]:
        """File-name suffix -> image; with several seeds the plain name, which comes last, is their grid."""
        given = {"guide": self.guide, "guide_condition": self.guide_condition}
        images = [translator(condition, instance, **given, seed=seed) for seed in self.seeds]
        if self.several:
            images.append(tile([images[start : start + 4] for start in range(0, len(images), 4)]))
        return dict(zip(self.endings, images, strict=True))


def parse_styles(given: Any, translator: Translator, conditions: Path | None = None) -> Styles:
    """Styles from ``IMAGE`` or ``{image: .., label: FILE, seed: N | "A..B"}``.

    Args:
        given: what the user says.
        translator: of the model.
        conditions: a folder where the photo's own condition may lie under the photo's name, if none is given.

    Raises:
        UserError: not a seed, a file that is no photo, a model without style or encoder; of a model that
            matches exemplars, a photo or a label of it that is missing.
    """
    options = dict(given) if isinstance(given, Mapping) else {"image": given}
    seeds = _seeds(options.get("seed", 0))
    image = options.get("image")
    generator = translator.generator
    random = generator.style_channels > 0 or getattr(generator, "noise_at_test", False)
    if len(seeds) > 1 and not random:
        raise UserError(
            f"style.seed={options['seed']}: this model ({type(generator).__name__}) has no style, every seed "
            "gives the same image; use one seed, or a model with a style (generator=spade_vae)"
        )
    label = options.get("label")
    if label is None and image is not None and generator.takes_guide_condition:
        label = _condition_of(Path(str(image)), conditions)
    if generator.takes_guide_condition and (image is None or label is None):
        missing = "an exemplar" if image is None else f"the {generator.spec.kind} of the exemplar"
        nearby = "" if image is None or conditions is None else f" ({conditions} has none of its name)"
        raise UserError(
            f"this model ({type(generator).__name__}) needs {missing}{nearby}: give both, style.image=IMAGE "
            "style.label=FILE"
        )
    if label is not None and not generator.takes_guide_condition:
        raise UserError(
            f"style.label={label}: this model ({type(generator).__name__}) does not look at the photo's own "
            "condition; leave style.label out, or use a model that does (generator=cocosnet)"
        )
    if image is None:
        return Styles(seeds)
    if not generator.takes_guide:
        raise UserError(
            f"style={image}: this model ({type(generator).__name__}) has no style encoder; use a model "
            "trained with one (generator=spade_vae, pix2pixhd_features), or leave style out"
        )
    path = Path(str(image)).expanduser()
    if not path.is_file():
        raise UserError(f"style={image}: there is no such photo")
    photo, digest = read_photo(path), sha256_of(path)
    if label is None:
        return Styles(seeds, photo, digest)
    own = Path(str(label)).expanduser()
    if not own.is_file():
        raise UserError(f"style.label={label}: there is no such file")
    return Styles(seeds, photo, digest, translator.read(own), sha256_of(own))


def _condition_of(photo: Path, conditions: Path | None) -> Path | None:
    """The file of the folder that has the photo's name, as an image of the same data set has; it is told."""
    if conditions is None or not conditions.is_dir():
        return None
    alike = sorted(path for path in conditions.iterdir() if path.stem == photo.stem and path.is_file())
    if len(alike) != 1 or alike[0].resolve() == photo.resolve():
        return None
    log.info("the exemplar's own condition is %s, which has its name", alike[0])
    return alike[0]


def _seeds(given: Any) -> tuple[int, ...]:
    match = re.fullmatch(r"(\d+)(?:\.\.(\d+))?", str(given))
    if match is None:
        raise UserError(f"style.seed={given}: a number such as 3, or a range such as 0..7, was expected")
    first, last = int(match[1]), int(match[2] or match[1])
    if not first <= last < first + MOST_SEEDS:
        raise UserError(
            f"style.seed={given}: a range of 1 to {MOST_SEEDS} seeds, the smaller first, was expected"
        )
    return tuple(range(first, last + 1))
