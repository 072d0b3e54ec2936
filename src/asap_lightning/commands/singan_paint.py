"""``asap singan paint``: a painting, redrawn as a picture like the training image."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from omegaconf import DictConfig
from rich.console import Console
from rich.progress import track

from asap_lightning.commands.singan_results import (
    Results,
    finished_pyramid,
    scale_of,
    seed_of,
    truth,
    warn,
    whole,
)
from asap_lightning.inference.devices import choose_device
from asap_lightning.singan.applications.inject import fitted, injection_scales, redraw
from asap_lightning.singan.applications.paint import ITERATIONS, Palette, train_for_palette
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
    quantize, colours = truth(config, "quantize"), whole(config, "colours", 2, 64)
    iterations = ITERATIONS if config.iterations is None else whole(config, "iterations", 1, 10**6)
    given = read_picture(config.image)
    if problem := aspect_problem(given, pyramid):
        warn(f"{config.image}: {problem}; the painting is stretched")
    image = fitted(given, pyramid)
    device = choose_device(config.device)
    ascent = Ascent(pyramid, device=device)
    about = {"ckpt": str(path), "image": str(config.image), "scales": scales, "quantize": quantize}
    results = Results(config.output, "paint", {**about, "seed": seed})
    cells = [("training image", shown(pyramid.scales[-1]["real"])), ("painting", shown(image))]
    for scale in scales:
        if quantize:
            palette = Palette.of(pyramid, scale, colours)
            painted = palette.painted(image, pyramid)
            fitting = train_for_palette(
                pyramid, palette, seed=seed, iterations=iterations, progress=bar(f"training scale {scale}")
            )
            made = Ascent(fitting, device=device).run(SeededNoise(seed), first=scale, injected=painted)
            results.picture(
                f"scale_{scale}_palette.png", shown(painted), "the painting in the image's colours"
            )
            cells.append((f"in {len(palette.centres)} colours", shown(painted)))
        else:
            made = redraw(ascent, image, scale, SeededNoise(seed))
        results.picture(f"scale_{scale}.png", shown(made), f"injected at scale {scale}")
        cells.append((f"scale {scale}", shown(made)))
    results.picture("sheet.png", sheet(cells), "the painting, and every scale")
    results.finish()


def bar(what: str) -> Callable[[range], Iterable[int]]:
    """Goes over numbers, with a bar on a terminal."""
    console = Console(stderr=True)
    return lambda numbers: track(numbers, what, console=console, disable=not console.is_terminal)
