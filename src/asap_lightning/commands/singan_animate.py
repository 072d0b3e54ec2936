"""``asap singan animate``: the training image as GIF and MP4."""

from __future__ import annotations

from omegaconf import DictConfig

from asap_lightning.commands.singan_results import Results, finished_pyramid, number, seed_of, truth, whole
from asap_lightning.inference.devices import choose_device
from asap_lightning.singan.applications.animate import MOST_FRAMES, animate
from asap_lightning.singan.noise import SeededNoise
from asap_lightning.singan.sheet import sheet, shown
from asap_lightning.singan.video import require_speed, write_gif, write_mp4

ON_SHEET = 7


def run(config: DictConfig) -> None:
    """Writes ``frames`` frames into ``output``.

    Raises:
        UserError: settings or a pyramid that cannot be used.
    """
    pyramid, path = finished_pyramid(config.ckpt)
    frames, fps = whole(config, "frames", 1, MOST_FRAMES), number(config, "fps")
    require_speed(fps)
    alpha, beta, seed = number(config, "alpha"), number(config, "beta"), seed_of(config)
    start_scale, mp4 = whole(config, "start_scale", 0, 10_000), truth(config, "mp4")
    device = choose_device(config.device)
    made = animate(
        pyramid,
        noise=SeededNoise(seed),
        frames=frames,
        alpha=alpha,
        beta=beta,
        start_scale=start_scale,
        device=device,
    )
    about = {"ckpt": str(path), "alpha": alpha, "beta": beta, "start_scale": start_scale, "seed": seed}
    results = Results(config.output, "animate", {**about, "frames": frames, "fps": fps})
    pictures = [shown(frame) for frame in made]
    write_gif(results.folder / "animation.gif", pictures, fps)
    results.note("animation.gif", f"{frames} frames, {fps:g} a second, endless")
    if mp4:
        codec = write_mp4(results.folder / "animation.mp4", pictures, fps)
        results.note("animation.mp4", f"{frames} frames, {fps:g} a second, {codec}")
    chosen = sorted({round(k * (frames - 1) / (ON_SHEET - 1)) for k in range(ON_SHEET)})
    cells = [("training image", shown(pyramid.scales[-1]["real"]))]
    cells += [(f"frame {index}", pictures[index]) for index in chosen]
    results.picture("sheet.png", sheet(cells), "the training image and some frames")
    results.finish()
