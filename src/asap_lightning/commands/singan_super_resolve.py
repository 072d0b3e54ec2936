"""``asap singan super-resolve``: the training image enlarged, beside a bicubic enlargement."""

from __future__ import annotations

import numpy as np
from omegaconf import DictConfig

from asap_lightning.commands.singan_results import Results, finished_pyramid, number, seed_of, warn, whole
from asap_lightning.data.panels import Picture
from asap_lightning.inference.devices import choose_device
from asap_lightning.registry import LARGEST_SIDE
from asap_lightning.singan.applications.super_resolve import steps_of, super_resolve, warning_of
from asap_lightning.singan.noise import SeededNoise
from asap_lightning.singan.passing import Ascent
from asap_lightning.singan.resize import imresize
from asap_lightning.singan.sheet import LONGEST, sheet, shown


def run(config: DictConfig) -> None:
    """Enlarges the image of ``ckpt`` by ``factor`` into ``output``.

    Raises:
        UserError: settings or a pyramid that cannot be used.
    """
    pyramid, path = finished_pyramid(config.ckpt)
    factor, seed = number(config, "factor"), seed_of(config)
    tile = None if config.tile is None else whole(config, "tile", 16, LARGEST_SIDE)
    steps, step = steps_of(factor)
    about = {"ckpt": str(path), "factor": factor, "steps": steps, "step": step, "seed": seed}
    results = Results(config.output, "super_resolve", about)
    if (warning := warning_of(pyramid, factor)) is not None:
        warn(warning)
        results.figures["warning"] = warning
    ascent = Ascent(pyramid, tile=tile, device=choose_device(config.device))
    large = shown(super_resolve(pyramid, factor, SeededNoise(seed), ascent=ascent))
    real = pyramid.scales[-1]["real"]
    bicubic = shown(imresize(real, size=(large.shape[0], large.shape[1])))
    results.picture(f"x{factor:g}.png", large, f"the training image, {factor:g} times as large")
    results.picture(f"x{factor:g}_bicubic.png", bicubic, "the same by bicubic interpolation")
    cells = [
        ("training image", shown(real)),
        (f"x{factor:g}", large),
        ("its middle, bicubic", middle(bicubic)),
        ("its middle, SinGAN", middle(large)),
    ]
    results.picture("sheet.png", sheet(cells, columns=2), "both, and their middles pixel by pixel")
    results.finish()


def middle(picture: Picture) -> Picture:
    """What a sheet shows without making it smaller."""
    height, width = (min(side, LONGEST) for side in picture.shape[:2])
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return np.ascontiguousarray(picture[top : top + height, left : left + width])
