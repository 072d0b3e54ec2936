"""``asap singan paint``: a painting, redrawn as a picture like the training image."""

from __future__ import annotations

from omegaconf import DictConfig

from asap_lightning.commands.singan_results import (
    Results,
    finished_pyramid,
    scale_of,
    seed_of,
    truth,
    warn,
)
from asap_lightning.inference.translator import choose_device
from asap_lightning.singan.applications.inject import fitted, injection_scales, redraw
from asap_lightning.singan.applications.pictures import aspect_problem, read_picture
from asap_lightning.singan.noise import SeededNoise
from asap_lightning.singan.passing import Ascent
from asap_lightning.singan.sheet import sheet, shown


def run(config: DictConfig) -> None:
    """Redraws ``image``, injected at ``scale``, into ``output``.

    Raises:
        UserError: settings, a picture or a pyramid that cannot be used.
    """
    pyramid, path = finished_pyramid(config.ckpt)
    scales, seed = injection_scales(pyramid, scale_of(config)), seed_of(config)
    quantize = truth(config, "quantize")
    given = read_picture(config.image)
    if problem := aspect_problem(given, pyramid):
        warn(f"{config.image}: {problem}; the painting is stretched")
    image = fitted(given, pyramid)
    ascent = Ascent(pyramid, device=choose_device(config.device))
    about = {"ckpt": str(path), "image": str(config.image), "scales": scales, "quantize": quantize}
    results = Results(config.output, "paint", {**about, "seed": seed})
    cells = [("training image", shown(pyramid.scales[-1]["real"])), ("painting", shown(image))]
    for scale in scales:
        made = redraw(ascent, image, scale, SeededNoise(seed))
        results.picture(f"scale_{scale}.png", shown(made), f"injected at scale {scale}")
        cells.append((f"scale {scale}", shown(made)))
    results.picture("sheet.png", sheet(cells), "the painting, and every scale")
    results.finish()
