"""Draws layouts in the colours of exemplars: the picture of docs/cocosnet.md.

    asap train experiment=cocosnet_demo
    python scripts/exemplar_sheet.py RUN docs/images/cocosnet.jpg

Rows are layouts of the demo's validation, which no training sees; columns are their photos as exemplars, some
with turned hues, as nobody drew them. Left the warps of the exemplars (``warp3``), right the images.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from asap_lightning import Translator
from asap_lightning.condition import Condition
from asap_lightning.data.batch import collate
from asap_lightning.data.dataset import PairedDataset
from asap_lightning.data.layouts import CmpFacades
from asap_lightning.data.palettes import colorize_label
from asap_lightning.data.panels import Picture, photo_to_image, tile
from asap_lightning.data.sample import Sample
from asap_lightning.data.transforms import Geometry, PairedTransform

TURNS = (0, 0, 90, 190)
"""Degrees by which each exemplar's hues are turned."""


def main() -> None:
    """Reads the arguments, writes the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", help="folder of a training, or a checkpoint")
    parser.add_argument("out", type=Path, help="the picture")
    parser.add_argument("--data", default="data/demo", help="the drawn facades")
    parser.add_argument("--size", type=int, default=64, help="pixels of a side, as in the training")
    options = parser.parse_args()
    translator = Translator.load(options.run, device="cpu")
    layout = CmpFacades(options.data, split="ratio", test_share=0.1)
    transform = PairedTransform(Geometry("fixed", options.size, options.size))
    pairs = PairedDataset(layout, layout.items("val")[: len(TURNS)], transform)
    samples = [pairs[index] for index in range(len(TURNS))]
    sheet(translator, samples).save(options.out, quality=90)


def sheet(translator: Translator, samples: list[Sample]) -> Image.Image:
    """Layouts down, exemplars across; warps, then images."""
    exemplars = [turned(sample, degrees) for sample, degrees in zip(samples, TURNS, strict=True)]
    shown = [exemplar.photo for exemplar in exemplars if exemplar.photo is not None]
    blank = np.full_like(shown[0], 255)
    rows: list[list[Picture]] = [[blank, *shown, *shown]]
    for sample in samples:
        assert sample.label is not None
        made = [warp_and_image(translator, sample, exemplar) for exemplar in exemplars]
        label = colorize_label(sample.label, translator.spec)
        rows.append([label, *(warp for warp, _ in made), *(image for _, image in made)])
    picture = Image.fromarray(tile(rows))
    return picture.resize((picture.width * 3 // 2, picture.height * 3 // 2), Image.Resampling.BICUBIC)


def warp_and_image(translator: Translator, sample: Sample, exemplar: Sample) -> tuple[Picture, Picture]:
    """The exemplar as it is warped to the sample's layout, and the image."""
    own, lent = collate([sample]), collate([exemplar])
    condition = Condition(
        label=own.condition.label, guide=lent.require_photo(), guide_condition=lent.condition.label
    )
    with torch.no_grad():
        output = translator.generator(condition)
    return photo_to_image(output.extras["warp3"][0]), photo_to_image(output.image[0])


def turned(sample: Sample, degrees: int) -> Sample:
    """The pair with the hues of its photo turned and their saturation doubled; as it is at 0 degrees."""
    if not degrees or sample.photo is None:
        return sample
    colours: NDArray[np.int64] = np.asarray(Image.fromarray(sample.photo).convert("HSV")).astype(np.int64)
    colours[..., 0] = (colours[..., 0] + round(degrees * 256 / 360)) % 256
    colours[..., 1] = (2 * colours[..., 1]).clip(0, 255)
    photo = np.asarray(Image.fromarray(colours.astype(np.uint8), "HSV").convert("RGB"))
    return sample.map(lambda name, array: photo if name == "photo" else array)


if __name__ == "__main__":
    main()
