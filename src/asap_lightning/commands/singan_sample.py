"""``asap singan sample``: random samples, a sheet of them, SIFID and diversity."""

from __future__ import annotations

import time
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from asap_lightning.commands.singan_results import Results, finished_pyramid, seed_of, truth, whole
from asap_lightning.configuration.plain import plain
from asap_lightning.errors import UserError
from asap_lightning.inference.devices import choose_device
from asap_lightning.metrics.metric import Bench
from asap_lightning.registry import LARGEST_SIDE
from asap_lightning.singan.checkpoint import Pyramid
from asap_lightning.singan.quality import diversity, shuffled_blocks, single_image_distances
from asap_lightning.singan.sampling import canvas, samples
from asap_lightning.singan.sheet import sheet, shown

ON_SHEET = 24
"""Samples that a sheet shows at most."""
MEASURED = 50
"""Samples that are measured, as in the paper."""


def run(config: DictConfig) -> None:
    """Draws ``count`` samples into ``output``.

    Raises:
        UserError: settings or a pyramid that cannot be used.
    """
    pyramid, path = finished_pyramid(config.ckpt)
    count, seed = whole(config, "count", 1, 100_000), seed_of(config)
    start_scale = whole(config, "start_scale", 0, 10_000)
    height, width = canvas(pyramid, *size_of(config))
    tile = None if config.tile is None else whole(config, "tile", 16, LARGEST_SIDE)
    tileable, measured = truth(config, "tileable"), truth(config, "measure")
    device = choose_device(config.device)
    about = {"ckpt": str(path), "seed": seed, "start_scale": start_scale, "height": height, "width": width}
    results = Results(config.output, "sample", {**about, "tileable": tileable})
    real = pyramid.scales[-1]["real"]
    cells, kept = [("training image", shown(real))], []
    before = time.perf_counter()
    drawing = 0.0
    for number, image in enumerate(
        samples(
            pyramid,
            range(count),
            start_scale,
            height=height,
            width=width,
            seed=seed,
            tileable=tileable,
            tile=tile,
            device=device,
        )
    ):
        picture = shown(image)
        drawing += time.perf_counter() - before
        results.picture(f"sample_{number:03}.png", picture, f"sample {number}")
        if number < ON_SHEET:
            cells.append((f"sample {number}", picture))
        if measured and number < MEASURED:
            kept.append(image.cpu())
        before = time.perf_counter()
    results.picture("sheet.png", sheet(cells), "the training image and samples")
    results.figures["milliseconds_a_sample"] = round(1000 * drawing / count, 1)
    if measured:
        bench = Bench(plain(config)["evaluation"])
        results.figures |= figures(kept, pyramid, bench)
    results.finish()
    say(results.figures)


def size_of(config: DictConfig) -> tuple[int | None, int | None]:
    """Height and width, from ``size`` or ``height`` and ``width``.

    Raises:
        UserError: both are given, or numbers that are no sides.
    """
    given: Any = config.size
    if given is None:
        sides = [config.height, config.width]
    elif config.height is not None or config.width is not None:
        raise UserError("size= and height= or width= were both given; one of them was expected")
    else:
        sides = list(given) if OmegaConf.is_list(given) else [given, given]
    if len(sides) != 2 or not all(
        side is None or (type(side) is int and 1 <= side <= 8 * LARGEST_SIDE) for side in sides
    ):
        shown_ = f"size={given}" if given is not None else f"height={config.height} width={config.width}"
        raise UserError(f"{shown_}: numbers of pixels were expected, as size=[HEIGHT,WIDTH] or size=N")
    return sides[0], sides[1]


def figures(drawn: list[Tensor], pyramid: Pyramid, bench: Bench) -> dict[str, Any]:
    """SIFID of samples and, as a yardstick, of the image's own shuffled blocks; diversity."""
    real = pyramid.scales[-1]["real"]
    found = single_image_distances(drawn, real, bench)
    found["diversity"] = diversity(torch.cat(drawn), real)
    if min(real.shape[-2:]) >= 32:
        blocks = single_image_distances([shuffled_blocks(real)], real, bench)
        found |= {
            f"{key}_of_shuffled_blocks": value for key, value in blocks.items() if key.count("_reason") == 0
        }
    return found


def say(found: dict[str, Any]) -> None:
    """The figures, one a line."""
    for key, value in found.items():
        if isinstance(value, float):
            print(f"{key.replace('_', ' ')}: {value:.4g}")
        elif value is None and (reason := found.get(f"{key}_reason")):
            print(f"{key}: not measured, {reason.splitlines()[0]}")
