"""``asap singan harmonize`` and ``edit``: what was pasted or moved is redrawn by the finer scales."""

from __future__ import annotations

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from asap_lightning.commands.singan_results import Results, finished_pyramid, scale_of, seed_of, whole
from asap_lightning.inference.devices import choose_device
from asap_lightning.singan.applications.inject import fitted, injection_scales, paste
from asap_lightning.singan.applications.masks import soft_mask
from asap_lightning.singan.applications.pictures import (
    read_mask,
    read_picture,
    require_aspect,
    resized_mask,
)
from asap_lightning.singan.noise import SeededNoise
from asap_lightning.singan.passing import Ascent
from asap_lightning.singan.sheet import sheet, shown


def run(config: DictConfig) -> None:
    """Redraws ``image`` inside ``mask``, injected at ``scale``, into ``output``.

    Raises:
        UserError: settings, pictures or a pyramid that cannot be used.
    """
    application = str(HydraConfig.get().job.name).removeprefix("singan_")
    pyramid, path = finished_pyramid(config.ckpt)
    scales, seed = injection_scales(pyramid, scale_of(config)), seed_of(config)
    radius = whole(config, "radius", 0, 1000)
    given = read_picture(config.image)
    marked = read_mask(config.mask, (given.shape[-2], given.shape[-1]))
    require_aspect(given, pyramid, config.image)
    image = fitted(given, pyramid)
    mask = soft_mask(resized_mask(marked, image.shape[-2], image.shape[-1]), radius)
    ascent = Ascent(pyramid, device=choose_device(config.device))
    about = {"ckpt": str(path), "image": str(config.image), "mask": str(config.mask), "scales": scales}
    results = Results(config.output, application, {**about, "radius": radius, "seed": seed})
    cells = [
        ("training image", shown(pyramid.scales[-1]["real"])),
        ("given", shown(image)),
        ("mask", shown(mask * 2 - 1)),
    ]
    for scale in scales:
        made = paste(ascent, image, mask, scale, SeededNoise(seed))
        results.picture(f"scale_{scale}.png", shown(made.result), f"injected at scale {scale}")
        results.picture(f"scale_{scale}_whole.png", shown(made.whole), "the same, without the mask")
        cells.append((f"scale {scale}", shown(made.result)))
    results.picture("sheet.png", sheet(cells), "what was given, and every scale")
    results.finish()
